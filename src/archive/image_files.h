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
  // A plain tar in a file, or a folder. Errors: kNotFound; kUnsupported (a pipe, a compressed
  // archive: it says what to do), kInvalid (no tar).
  static Result<std::unique_ptr<ImageFiles>> open(const std::string& path);
  const Contents& contents() const { return *contents_; }

 private:
  ImageFiles() = default;
  Fd file_;
  std::unique_ptr<Contents> contents_;
};

}  // namespace strata::archive
