// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

#include "base/fs_at.h"

namespace strata::runtime {
namespace {

namespace json = boost::json;

// major and minor of the character devices that every container may use (console, tty, null ...),
// and at last /dev/fuse, which it may not.
struct Number {
  unsigned major;
  unsigned minor;
  bool allow;
};
constexpr Number kDefaults[] = {{1, 5, true}, {1, 3, true}, {1, 9, true},    {1, 8, true},
                                {5, 0, true}, {5, 1, true}, {10, 229, false}};
// Folders of the host's /dev that are no devices, or are made anew for a container.
constexpr std::array kNotWalked = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"};

json::object rule(bool allow, std::string_view type, unsigned major, unsigned minor,
                  std::string_view access) {
  return {{"allow", allow}, {"type", type}, {"major", major}, {"minor", minor}, {"access", access}};
}

json::array default_rules() {
  json::array rules = {json::object{{"allow", false}, {"access", "rwm"}}};
  for (const Number& number : kDefaults) {
    rules.push_back(rule(number.allow, "c", number.major, number.minor, "rwm"));
  }
  return rules;
}

bool is_device(mode_t mode) { return S_ISCHR(mode) || S_ISBLK(mode); }
std::string_view type_of(mode_t mode) { return S_ISBLK(mode) ? "b" : "c"; }

json::object node(const std::string& path, const struct stat& info) {
  return {{"path", path},
          {"type", type_of(info.st_mode)},
          {"major", major(info.st_rdev)},
          {"minor", minor(info.st_rdev)},
          {"fileMode", info.st_mode & 07777},
          {"uid", info.st_uid},
          {"gid", info.st_gid}};
}

Status add_device(const Device& device, DeviceList& list) {
  Result<Fd> file = open_path(device.source, O_PATH);
  struct stat info {};
  if (file.ok()) {
    Result<struct stat> found = stat_fd(file->get());
    if (!found.ok()) return std::move(found).error();
    info = *found;
  }
  if (!file.ok() || !is_device(info.st_mode)) {
    return error(file.ok() ? ErrorCode::kInvalid : ErrorCode::kNotFound,
                 "error gathering device information while adding custom device \"{}\": {}",
                 device.source, file.ok() ? "not a device node" : "no such file or directory");
  }
  list.nodes.push_back(node(device.target, info));
  list.rules.push_back(
      rule(true, type_of(info.st_mode), major(info.st_rdev), minor(info.st_rdev), device.access));
  return {};
}

// What vanishes meanwhile was no device of the container's.
Status add_all(const Fd& folder, const std::string& path, json::array& nodes) {
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(folder, "."));
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  for (const DirEntry& entry : entries) {
    Result<struct stat> info = lstat_at(folder, entry.name);
    if (!info.ok()) continue;
    const std::string name = path + "/" + entry.name;
    if (is_device(info->st_mode) && entry.name != "console") nodes.push_back(node(name, *info));
    if (!S_ISDIR(info->st_mode) ||
        std::find(kNotWalked.begin(), kNotWalked.end(), entry.name) != kNotWalked.end()) {
      continue;
    }
    Result<Fd> below = open_dir_at(folder, entry.name);
    if (below.ok()) STRATA_CHECK(add_all(*below, name, nodes));
  }
  return {};
}

}  // namespace

Result<DeviceList> devices_of(const RunSpec& spec) {
  DeviceList list;
  if (spec.privileged) {
    STRATA_TRY(Fd dev, open_path("/dev", O_RDONLY | O_DIRECTORY));
    STRATA_CHECK(add_all(dev, "/dev", list.nodes));
    list.rules.push_back(json::object{{"allow", true}, {"access", "rwm"}});
    return list;
  }
  list.rules = default_rules();
  for (const Device& device : spec.devices) STRATA_CHECK(add_device(device, list));
  return list;
}

}  // namespace strata::runtime
