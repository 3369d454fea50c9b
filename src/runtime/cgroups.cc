// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroups.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs_at.h"

namespace strata::runtime {
namespace {

constexpr const char* kTop = "/sys/fs/cgroup";
constexpr const char* kUnified = "/sys/fs/cgroup/unified";

bool is_cgroup2(const char* path) {
  struct statfs info {};
  return ::statfs(path, &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

bool is_tmpfs(const char* path) {
  struct statfs info {};
  return ::statfs(path, &info) == 0 && info.f_type == TMPFS_MAGIC;
}

// The folders in which a container's cgroup is made.
std::vector<std::string> hierarchies() {
  if (is_cgroup2(kTop)) return {kTop};
  std::vector<std::string> found;
  Result<Fd> top = open_path(kTop, O_RDONLY | O_DIRECTORY);
  if (!top.ok() || !is_tmpfs(kTop)) return found;
  Result<std::vector<DirEntry>> entries = list_dir_at(*top, ".");
  if (!entries.ok()) return found;
  for (const DirEntry& entry : *entries) {
    // Links ("cpu" -> "cpu,cpuacct") lead to what is listed anyway.
    if (entry.type == DT_DIR) found.push_back(fmt::format("{}/{}", kTop, entry.name));
  }
  return found;
}

}  // namespace

Cgroups look_at_cgroups() {
  Cgroups result;
  std::vector<std::string> folders = hierarchies();
  const bool has_place = ::access(kTop, F_OK) == 0;
  if (has_place) result.cover.emplace_back(kTop);
  if (folders.empty()) {
    result.why_not = fmt::format("no cgroups are mounted at {}", kTop);
    return result;
  }
  result.unified = folders[0] == kTop;
  if (!result.unified && is_cgroup2(kUnified)) result.hide.push_back(kUnified);
  for (const std::string& folder : folders) {
    if (folder == kUnified || ::access(folder.c_str(), W_OK) == 0) continue;
    result.why_not = fmt::format("{} cannot be written", folder);
    return result;
  }
  result.writable = true;
  result.cover.clear();
  return result;
}

std::string cgroup_name(const std::string& id) { return "strata-" + id; }

Status remove_cgroup(const std::string& name) {
  for (const std::string& folder : hierarchies()) {
    STRATA_TRY(Fd dir, open_path(folder, O_RDONLY | O_DIRECTORY));
    STRATA_CHECK(remove_folder_at(dir, name).context("cgroup {}", folder));
  }
  return {};
}

}  // namespace strata::runtime
