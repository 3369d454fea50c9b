// SPDX-License-Identifier: Apache-2.0
#include "driver/mount.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

namespace strata::driver {
namespace {

// The kernel copies at most one page of options, with the final NUL.
size_t max_options() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)) - 1; }

Status mount_error(int errno_value, const std::string& target) {
  if (errno_value == EPERM) {
    return error(ErrorCode::kPermission,
                 "mount at {}: operation not permitted; mounting needs root (CAP_SYS_ADMIN)",
                 target);
  }
  return errno_error(errno_value, "mount at " + target);
}

Status bind_read_only(const std::string& from, const std::string& at, const std::string& target) {
  if (::mount(from.c_str(), at.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return mount_error(errno, target);
  }
  // MS_RDONLY counts for a bind mount only in a second call.
  if (::mount(nullptr, at.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
    Status failed = mount_error(errno, target);
    ::umount2(at.c_str(), MNT_DETACH);
    return failed;
  }
  return {};
}

Status mount_overlay(const std::string& options, unsigned long flags, const std::string& at,
                     const std::string& target) {
  if (options.size() > max_options()) {
    return error(ErrorCode::kUnsupported,
                 "mount at {}: the layers need {} bytes of options, at most {} fit", target,
                 options.size(), max_options());
  }
  if (::mount("overlay", at.c_str(), "overlay", flags, options.c_str()) != 0) {
    return mount_error(errno, target);
  }
  return {};
}

std::string lower_option(const std::vector<std::string>& lower) {
  return fmt::format("lowerdir={}", fmt::join(lower, ":"));
}

// The same folder by its name. A process that entered a mount namespace of its own has descriptors
// from before that, and the kernel refuses to stack what they lead to.
Result<Fd> reopen(const Fd& folder) {
  STRATA_TRY(std::string path, path_of(folder));
  return open_path(path, O_PATH | O_DIRECTORY);
}

// Calls `mount_here` with the name of `target`, in a thread whose working directory is `home`:
// relative lower paths count from there, and the process's own directory is left alone.
Status mount_in(const Fd& home, const std::string& target,
                const std::function<Status(const std::string& at)>& mount_here) {
  STRATA_TRY(Fd place, open_path(target, O_PATH | O_DIRECTORY));
  // By its name, not by /proc/self/fd: that would go on to mean the folder under the mount, and a
  // bind mount is named twice.
  STRATA_TRY(std::string at, path_of(place));
  STRATA_CHECK(place.close());
  STRATA_TRY(Fd here, reopen(home));
  Status result;
  std::thread([&] {
    if (::unshare(CLONE_FS) != 0 || ::fchdir(here.get()) != 0) {
      result = errno_error(errno, "enter the layers' folder");
      return;
    }
    result = mount_here(at);
  }).join();
  return result;
}

// The kernel resolves it while it mounts, and no character of a root's path can disturb the options.
std::string option_path(const Fd& folder, std::string_view name) {
  return fmt::format("/proc/self/fd/{}/{}", folder.get(), name);
}

}  // namespace

Status mount_lower_read_only(const Fd& home, const std::vector<std::string>& lower,
                             const std::string& target) {
  return mount_in(home, target, [&](const std::string& at) -> Status {
    if (lower.size() == 1) return bind_read_only(lower[0], at, target);
    return mount_overlay(lower_option(lower), MS_RDONLY, at, target);
  });
}

namespace {

// Without what an earlier mount left, such as its mark that it was volatile. The folder itself is
// always there: without it nobody could mount the layer.
Status empty_work(const Fd& folder) {
  STRATA_CHECK(ensure_dir_at(folder, "work", 0700));
  STRATA_TRY(Fd work, open_dir_at(folder, "work"));
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(work, "."));
  for (const DirEntry& entry : entries) STRATA_CHECK(remove_tree_at(work, entry.name));
  return {};
}

}  // namespace

Status mount_upper(const Fd& home, const std::vector<std::string>& lower, const Fd& folder,
                   FileSyncs syncs, const std::string& target) {
  if (lower.empty()) {
    return mount_in(folder, target, [&](const std::string& at) -> Status {
      if (::mount("diff", at.c_str(), nullptr, MS_BIND, nullptr) == 0) return {};
      return mount_error(errno, target);
    });
  }
  // What these would leave in `diff` means nothing without this mount's lower layers.
  std::string options = "index=off,redirect_dir=off,metacopy=off";
  if (syncs == FileSyncs::kSkipped) {
    options += ",volatile";
    STRATA_CHECK(empty_work(folder));
  }
  STRATA_TRY(Fd upper, reopen(folder));
  options += fmt::format(",{},upperdir={},workdir={}", lower_option(lower),
                         option_path(upper, "diff"), option_path(upper, "work"));
  return mount_in(home, target,
                  [&](const std::string& at) { return mount_overlay(options, 0, at, target); });
}

Status enter_private_mounts() {
  if (::unshare(CLONE_NEWNS) != 0) {
    if (errno == EPERM) {
      return error(ErrorCode::kPermission,
                   "mounting the files of layers needs root (CAP_SYS_ADMIN); run it with sudo");
    }
    return errno_error(errno, "a mount namespace of our own");
  }
  // What the host mounts later is seen, what we mount is not.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return errno_error(errno, "make the mounts private");
  }
  return {};
}

Result<std::string> path_of(const Fd& file) {
  STRATA_TRY(const std::string told, told_path(file.get()));
  STRATA_TRY(const struct stat wanted, stat_fd(file.get()));
  // What kept us from looking, if anything did: then nobody can say that there is no path.
  std::optional<Error> unseen;
  // What is in front is the path of our root, as the machine has it.
  for (size_t start = 0; start != told.npos; start = told.find('/', start + 1)) {
    Result<Fd> found = open_path(told.substr(start), O_PATH | O_NOFOLLOW);
    if (!found.ok()) {
      const ErrorCode code = found.error().code();
      const bool nothing_there = code == ErrorCode::kNotFound || code == ErrorCode::kInvalid;
      if (!nothing_there && !unseen) unseen = std::move(found).error();
      continue;
    }
    STRATA_TRY(const struct stat info, stat_fd(found->get()));
    if (is_same_file(info, wanted)) return told.substr(start);
  }
  if (unseen) return *std::move(unseen);
  return error(ErrorCode::kNotFound, "{}: no path leads to it any more", told);
}

Status mount_memory(const std::string& target) {
  if (::mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") ==
      0) {
    return {};
  }
  return mount_error(errno, target);
}

Status unmount(const std::string& target) {
  if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EINVAL) return error(ErrorCode::kInvalid, "{}: not mounted", target);
  return errno_error(errno, "unmount " + target);
}

Status detach(const std::string& target) {
  if (::umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) return {};
  return errno_error(errno, fmt::format("unmount {}", target));
}

}  // namespace strata::driver
