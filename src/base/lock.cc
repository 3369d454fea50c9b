// SPDX-License-Identifier: Apache-2.0
#include "base/lock.h"

#include <sys/file.h>

#include <cerrno>

#include "base/interrupt.h"

namespace strata {
namespace {

int operation(FileLock::Mode mode) { return mode == FileLock::Mode::kShared ? LOCK_SH : LOCK_EX; }

}  // namespace

Result<FileLock> FileLock::acquire(Fd file, Mode mode) {
  while (::flock(file.get(), operation(mode)) != 0) {
    if (errno != EINTR) return errno_error(errno, "flock");
    STRATA_CHECK(check_interrupted());
  }
  return FileLock(std::move(file));
}

Result<std::optional<FileLock>> FileLock::try_acquire(Fd file, Mode mode) {
  while (::flock(file.get(), operation(mode) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    if (errno != EINTR) return errno_error(errno, "flock");
  }
  return std::optional<FileLock>(FileLock(std::move(file)));
}

}  // namespace strata
