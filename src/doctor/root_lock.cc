// SPDX-License-Identifier: Apache-2.0
#include "doctor/root_lock.h"

#include <sys/sysmacros.h>

#include "doctor/file_locks.h"
#include "doctor/survey.h"
#include "store/parts.h"

namespace strata::doctor {
namespace {

struct Holder {
  std::string name = {}, pid = {};  // empty: the kernel does not say
  std::string text() const {
    if (pid.empty()) return "";
    return fmt::format(" ({}{}process {})", name, name.empty() ? "" : ", ", pid);
  }
};

// Of a flock on the file.
Holder holder_of(int fd) {
  Result<struct stat> info = stat_fd(fd);
  Result<std::vector<FileLockHeld>> locks = held_file_locks();
  if (!info.ok() || !locks.ok()) return {};
  const std::string place =
      fmt::format("{:02x}:{:02x}:{}", major(info->st_dev), minor(info->st_dev), info->st_ino);
  for (const FileLockHeld& lock : *locks) {
    if (lock.place != place) continue;
    Result<std::string> name = read_file_at(Fd(), fmt::format("/proc/{}/comm", lock.pid));
    return {name.ok() ? std::string(trimmed(*name)) : "", lock.pid};
  }
  return {};
}

Result<std::optional<FileLock>> try_lock(const Fd& root, FileLock::Mode mode) {
  STRATA_TRY(Fd file, open_at(root, std::string(store::kDaemonLock), O_RDWR | O_CREAT, 0600));
  return FileLock::try_acquire(std::move(file), mode);
}

}  // namespace

Result<FileLock> lock_root(const Fd& root, const std::string& root_path) {
  STRATA_CHECK(ensure_dir_at(root, "volumes", 0701).context("{}", root_path));
  STRATA_TRY(std::optional<FileLock> lock,
             try_lock(root, FileLock::Mode::kExclusive).context("{}", root_path));
  if (lock) return std::move(*lock);
  STRATA_TRY(Fd file, open_at(root, std::string(store::kDaemonLock), O_RDONLY));
  const Holder holder = holder_of(file.get());
  // A dockerd holds it exclusively, as another repair does; a strata that writes shares it with others.
  STRATA_TRY(std::optional<FileLock> shared, try_lock(root, FileLock::Mode::kShared));
  if (shared) {
    return error(ErrorCode::kBusy,
                 "{}: another strata{} is writing to this root: wait until it has ended", root_path,
                 holder.text());
  }
  const bool is_daemon = holder.name.empty() || holder.name.starts_with("dockerd");
  if (!is_daemon) {
    return error(ErrorCode::kBusy,
                 "{}: another repair{} has this root for itself: wait until it has ended",
                 root_path, holder.text());
  }
  return error(
      ErrorCode::kBusy,
      "{}: a dockerd is running on this root{} and holds {}: stop it (systemctl stop docker "
      "docker.socket), then repair",
      root_path, holder.text(), store::kDaemonLock);
}

}  // namespace strata::doctor
