// SPDX-License-Identifier: Apache-2.0
#include "base/lock.h"

#include <sys/file.h>

#include <atomic>
#include <cerrno>

namespace strata {
namespace {

std::atomic<bool (*)()> is_interrupted{nullptr};

int operation(FileLock::Mode mode) { return mode == FileLock::Mode::kShared ? LOCK_SH : LOCK_EX; }

}  // namespace

Result<FileLock> FileLock::acquire(Fd file, Mode mode) {
  while (::flock(file.get(), operation(mode)) != 0) {
    if (errno != EINTR) return errno_error(errno, "flock");
    bool (*interrupted)() = is_interrupted.load();
    if (interrupted != nullptr && interrupted()) return Error(ErrorCode::kCancelled, "interrupted");
  }
  return FileLock(std::move(file));
}

void FileLock::end_waiting_when(bool (*interrupted)()) { is_interrupted.store(interrupted); }

Result<std::optional<FileLock>> FileLock::try_acquire(Fd file, Mode mode) {
  while (::flock(file.get(), operation(mode) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    if (errno != EINTR) return errno_error(errno, "flock");
  }
  return std::optional<FileLock>(FileLock(std::move(file)));
}

}  // namespace strata
