// SPDX-License-Identifier: Apache-2.0
#include "runtime/rootfs.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "driver/mount.h"
#include "driver/vfs_tree.h"
#include "hash/digest.h"
#include "oci/json.h"
#include "runtime/container_files.h"

namespace strata::runtime {
namespace {

constexpr const char* kRootfs = "rootfs";
constexpr mode_t kPlaceMode = 0755;

struct EtcFile {
  const char* member;  // of the record: the absolute path
  const char* name;
};

constexpr std::array kEtcFiles = {EtcFile{"ResolvConfPath", "resolv.conf"},
                                  EtcFile{"HostnamePath", "hostname"},
                                  EtcFile{"HostsPath", "hosts"}};

// The container whose folder holds the file (its own, or that of the one whose network it shares);
// empty if no container's does. Only this counts of the path: the root may have moved since, and a
// record that names another file of the host's is not obeyed.
std::string owner_of_etc_file(std::string_view path) {
  const std::string_view folder = path.substr(0, std::min(path.rfind('/'), path.size()));
  const std::string_view owner = folder.substr(folder.rfind('/') + 1);
  return Digest::parse_hex(owner).ok() ? std::string(owner) : std::string();
}

std::string by_descriptor(const Fd& file) { return fmt::format("/proc/self/fd/{}", file.get()); }

Status copy_owner_and_mode(const Fd& from, const Fd& to) {
  STRATA_TRY(struct stat info, stat_fd(from.get()));
  if (::fchown(to.get(), info.st_uid, info.st_gid) != 0 ||
      ::fchmod(to.get(), info.st_mode & 07777) != 0) {
    return errno_error(errno, "owner and mode of a volume");
  }
  return {};
}

}  // namespace

Result<Fd> open_run_state(const store::Store& store) {
  STRATA_CHECK(ensure_dirs_at(store.root(), kRunState, 0700));
  return open_dir_at(store.root(), kRunState);
}

Result<Rootfs> Rootfs::mount(const store::Store& store, const ContainerRecord& record,
                             const RunFolder& run, driver::FileSyncs syncs) {
  Rootfs rootfs(store, run);
  STRATA_TRY(store::LayerMount layer, find_mount(store, record.id));
  STRATA_TRY(CacheId cache, CacheId::parse(layer.mount_id));
  STRATA_TRY(Fd folder, store.driver().open_folder(cache));
  STRATA_CHECK(ensure_dir_at(run.folder(), kRootfs, 0700));
  STRATA_TRY(std::string run_path, driver::path_of(run.folder()));
  rootfs.path_ = fmt::format("{}/{}", run_path, kRootfs);
  STRATA_CHECK(store.driver()
                   .mount_writable(folder, rootfs.path_, syncs)
                   .context("container {}", record.id));
  STRATA_TRY(rootfs.root_, open_path(rootfs.path_, O_RDONLY | O_DIRECTORY));
  return rootfs;
}

Status Rootfs::make_working_dir(const ContainerRecord& record) const {
  const std::string& folder = record.config.working_dir;
  if (folder.empty()) return {};
  Status made = ensure_dirs_in_root(root_, folder, 0755);
  if (made.ok() || made.error().code() != ErrorCode::kConflict) return made;
  return error(ErrorCode::kInvalid, "Cannot mkdir: {}", made.error().message());
}

Status Rootfs::fill_volume(const Fd& data, const std::string& target) const {
  Result<Fd> from = open_in_root(root_, target, O_RDONLY | O_DIRECTORY);
  if (!from.ok() && from.error().code() == ErrorCode::kNotFound) return {};
  if (!from.ok() && from.error().code() == ErrorCode::kInvalid) {
    return error(ErrorCode::kInvalid, "cannot mount volume over existing file, file exists {}",
                 target);
  }
  if (!from.ok()) return std::move(from).error();
  STRATA_CHECK(driver::copy_tree(*from, data));
  return copy_owner_and_mode(*from, data);
}

Result<std::string> Rootfs::open_source(const MountPoint& point, FillVolumes fill) const {
  if (point.type == "bind") {
    if (!point.must_exist) {
      STRATA_TRY(bool there, exists_at(Fd(), point.source));
      if (!there) STRATA_CHECK(ensure_dirs_at(Fd(), point.source, 0755));
    }
    return point.source;
  }
  auto fill_it = [&](const Fd& data) {
    return point.spec.no_copy ? Status() : fill_volume(data, point.destination);
  };
  STRATA_TRY(std::string path,
             open_volume(store_->root(), store_->root_path(), point.name, run_->folder(), fill_it));
  if (fill == FillVolumes::kNewOnes) return path;
  STRATA_TRY(Fd data, open_path(path, O_RDONLY | O_DIRECTORY));
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(data, "."));
  if (entries.empty()) STRATA_CHECK(fill_it(data));
  return path;
}

Result<std::vector<MountPoint>> Rootfs::open_mount_points(const ContainerRecord& record,
                                                          FillVolumes fill) const {
  STRATA_TRY(std::vector<MountPoint> points, mount_points_of(record.json));
  for (MountPoint& point : points) {
    if (point.type == "volume" && point.driver != "local") {
      return error(ErrorCode::kUnsupported,
                   "volume {} is one of the driver \"{}\"; strata has local", point.name,
                   point.driver);
    }
    if (point.type == "tmpfs") continue;
    STRATA_TRY(point.source, open_source(point, fill));
  }
  return points;
}

Status Rootfs::make_place(const std::string& source, const std::string& target) const {
  bool is_folder = source.empty();
  if (!is_folder) {
    STRATA_TRY(Fd file, open_path(source, O_PATH));
    STRATA_TRY(struct stat info, stat_fd(file.get()));
    is_folder = S_ISDIR(info.st_mode);
  }
  if (is_folder) return ensure_dirs_in_root(root_, target, kPlaceMode);
  STRATA_CHECK(ensure_dirs_in_root(root_, target.substr(0, target.rfind('/')), kPlaceMode));
  Result<Fd> there = open_in_root(root_, target, O_PATH);
  if (there.ok() || there.error().code() != ErrorCode::kNotFound) return Status();
  STRATA_TRY(Fd made, open_in_root(root_, target, O_RDONLY | O_CREAT, kPlaceMode));
  if (::fchmod(made.get(), kPlaceMode) != 0)
    return errno_error(errno, target);  // whatever the umask
  return {};
}

Status Rootfs::make_places(const std::vector<Mount>& mounts, const OciRuntime& runtime) const {
  std::vector<std::string> covers = {"/proc", "/dev", "/sys"};
  for (const Mount& mount : mounts) covers.push_back(mount.target);
  for (const Mount& mount : mounts) {
    const bool covered = std::any_of(covers.begin(), covers.end(), [&](const std::string& cover) {
      return mount.target.starts_with(cover + "/");
    });
    if (covered || (mount.kind == Mount::Kind::kTmpfs && !runtime.crun)) continue;
    Status made = make_place(mount.kind == Mount::Kind::kBind ? mount.source : "", mount.target);
    // What is in the way is the runtime's to tell.
    if (!made.ok() && made.error().code() != ErrorCode::kConflict) return made;
  }
  return {};
}

Status Rootfs::bind(const std::vector<MountPoint>& points) {
  for (const MountPoint& point : points) {
    if (point.type == "tmpfs") continue;
    STRATA_CHECK(bind_at(point.source, point.destination, point.writable));
  }
  return {};
}

Status Rootfs::bind_etc_files(const ContainerRecord& record,
                              const std::vector<MountPoint>& points) {
  // A mount of the namespace that we are in now; the store's own descriptor is of another.
  STRATA_TRY(Fd home, open_path(store_->root_path(), O_PATH | O_DIRECTORY));
  for (const EtcFile& file : kEtcFiles) {
    const std::string target = fmt::format("/etc/{}", file.name);
    auto covers = [&](const MountPoint& point) { return point.destination == target; };
    if (std::any_of(points.begin(), points.end(), covers)) continue;
    STRATA_TRY(std::string recorded, oci::get_string(record.json, "container", file.member));
    const std::string owner = owner_of_etc_file(recorded);
    if (owner.empty()) continue;
    Result<Fd> source = open_at(home, fmt::format("{}/{}", container_folder(owner), file.name),
                                O_PATH | O_NOFOLLOW);
    if (!source.ok() && source.error().code() == ErrorCode::kNotFound) continue;
    if (!source.ok()) return std::move(source).error();
    STRATA_TRY(struct stat info, stat_fd(source->get()));
    if (!S_ISREG(info.st_mode)) {
      return error(ErrorCode::kCorrupt, "{} of container {} is not a file", file.member, record.id);
    }
    STRATA_CHECK(bind_at(by_descriptor(*source), target, true));
  }
  return {};
}

Status Rootfs::bind_at(const std::string& source, const std::string& target, bool writable) {
  STRATA_CHECK(make_place(source, target));
  STRATA_TRY(Fd place, open_in_root(root_, target, O_PATH));
  STRATA_TRY(std::string path, driver::path_of(place));
  // By the descriptor, which is below the root whatever the tree has become.
  if (::mount(source.c_str(), by_descriptor(place).c_str(), nullptr, MS_BIND | MS_REC, nullptr) !=
      0) {
    return errno_error(errno, "mount at " + target);
  }
  bound_.push_back(std::move(path));
  if (writable) return {};
  STRATA_TRY(Fd mounted, open_in_root(root_, target, O_PATH));  // no longer what is under the mount
  if (::mount(nullptr, by_descriptor(mounted).c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY,
              nullptr) != 0) {
    return errno_error(errno, "read-only mount at " + target);
  }
  return {};
}

Status Rootfs::unmount() {
  root_ = Fd();
  for (auto place = bound_.rbegin(); place != bound_.rend(); ++place) {
    STRATA_CHECK(driver::unmount(*place));
  }
  bound_.clear();
  return driver::unmount(path_);
}

}  // namespace strata::runtime
