// SPDX-License-Identifier: Apache-2.0
// FileLock: a BSD lock (flock) on an open file; it ends with its owner, also after kill -9.
#pragma once

#include <optional>
#include <string>

#include "base/fs_at.h"

namespace strata {

class FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  // Waits until the lock is had. Takes over the descriptor. Errors: kCancelled, see interrupt.h.
  static Result<FileLock> acquire(Fd file, Mode mode);
  // Empty when somebody else holds it in a way that excludes `mode`.
  static Result<std::optional<FileLock>> try_acquire(Fd file, Mode mode);

  int fd() const { return file_.get(); }

 private:
  explicit FileLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace strata
