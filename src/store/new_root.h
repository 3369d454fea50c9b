// SPDX-License-Identifier: Apache-2.0
// A data root that a command makes goes again when nothing came into it: bad input, or an image that
// the registry does not have, leave the machine as it was.
// Threads: one at a time. Other processes may open the same root meanwhile: each that opens one for
//          writing holds a shared flock on its folder for that time, and looks afterwards whether it
//          is still there; the root is removed under an exclusive one, and only if nobody keeps
//          dockerd out of it.
// Crash:   what is left is a root without images, or part of one, which the next Store::open completes.
#pragma once

#include <optional>
#include <string>

#include "base/fs_at.h"
#include "base/lock.h"

namespace strata::store {

class NewRoot {
 public:
  // Before Store::open makes the root at `path`. None when something is there already.
  static Result<std::optional<NewRoot>> look(const std::string& path);

  // The folder above all that will be made; the root itself, if it is there and empty. Whoever gives
  // up rights on files has to keep that of removing empty folders below it.
  const Fd& above() const { return above_; }

  // After the last Store of it was closed. Leaves a root alone in which there is anything but what
  // Store::open makes, or that somebody else has open. What cannot be removed stays.
  void remove_if_unused() const;

 private:
  Fd above_;
  std::string missing_;  // from there to the root; empty: it was there
};

// Keeps the folder of a root from being removed so. Empty where folders cannot be locked.
std::optional<FileLock> hold_root(const Fd& root);

}  // namespace strata::store
