// SPDX-License-Identifier: Apache-2.0
// MemberPlaces: where the members of a tar lie in the folder that it was unpacked to. As layer_reader.h, it looks names up below
// that folder and nowhere else.
// Threads: one.
#pragma once

#include <string>

#include "base/fs_at.h"

namespace strata::driver {

// An open folder and a name in it. `folder` is good until the next find().
struct MemberPlace {
  const Fd* folder = nullptr;
  std::string name;
  std::string path;              // without symlinks on the way
  bool through_symlink = false;  // the tar's own way had one
};

class MemberPlaces {
 public:
  // `files` is borrowed.
  explicit MemberPlaces(const Fd& files) : files_(files) {}

  // `path` as tar::clean_path gives it, not the root. The name itself need not be there.
  // Errors: kNotFound, kInvalid (a folder on the way is not there, or none), kIo.
  Result<MemberPlace> find(const std::string& path);
  // What was found may have been exchanged since.
  void forget() { folder_ = Fd(); }

 private:
  Status enter(const std::string& folder);

  const Fd& files_;
  Fd folder_;                // of the last member: the next is mostly in it, too
  std::string folder_path_;  // as asked
  std::string real_path_;    // without symlinks
  bool through_symlink_ = false;
};

}  // namespace strata::driver
