// SPDX-License-Identifier: Apache-2.0
#include "driver/mount.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
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

Status mount_from_here(const std::vector<std::string>& lower, const std::string& at,
                       const std::string& target) {
  if (lower.size() == 1) return bind_read_only(lower[0], at, target);
  std::string options = "lowerdir=";
  for (size_t i = 0; i < lower.size(); ++i) options += (i == 0 ? "" : ":") + lower[i];
  if (options.size() > max_options()) {
    return error(ErrorCode::kUnsupported,
                 "mount at {}: {} layers need {} bytes of options, at most {} fit", target,
                 lower.size(), options.size(), max_options());
  }
  if (::mount("overlay", at.c_str(), "overlay", MS_RDONLY, options.c_str()) != 0) {
    return mount_error(errno, target);
  }
  return {};
}

}  // namespace

Status mount_lower_read_only(const Fd& home, const std::vector<std::string>& lower,
                             const std::string& target) {
  STRATA_TRY(Fd place, open_path(target, O_PATH | O_DIRECTORY));
  // By its name, not by /proc/self/fd: that would go on to mean the folder under the mount, and a
  // bind mount is named twice.
  STRATA_TRY(std::string at, readlink_at(Fd(), fmt::format("/proc/self/fd/{}", place.get())));
  STRATA_CHECK(place.close());
  // Relative lower paths count from the working directory: a thread with one of its own leaves the
  // process's alone.
  Status result;
  std::thread([&] {
    if (::unshare(CLONE_FS) != 0 || ::fchdir(home.get()) != 0) {
      result = errno_error(errno, "enter the layers' folder");
      return;
    }
    result = mount_from_here(lower, at, target);
  }).join();
  return result;
}

Status unmount(const std::string& target) {
  if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EINVAL) return error(ErrorCode::kInvalid, "{}: not mounted", target);
  return errno_error(errno, "unmount " + target);
}

}  // namespace strata::driver
