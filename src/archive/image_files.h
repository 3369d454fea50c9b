// SPDX-License-Identifier: Apache-2.0
// ImageFiles: an archive or a folder opened for those who read it in any order, without a store.
// Threads: contents() by any thread.
#pragma once

#include <memory>
#include <string>

#include "archive/contents.h"

namespace strata::archive {

class ImageFiles {
 public:
  // A tar in a file, or a folder. A pipe or a compressed archive is read to its end first, into a
  // file without a name (temporary_file). Errors: kNotFound, kInvalid (no tar, or a device), kCorrupt
  // (damaged compression), kNoSpace, kCancelled.
  static Result<std::unique_ptr<ImageFiles>> open(const std::string& path, Pool& pool);
  const Contents& contents() const { return *contents_; }

 private:
  ImageFiles() = default;
  Fd file_;
  std::unique_ptr<Contents> contents_;
};

}  // namespace strata::archive
