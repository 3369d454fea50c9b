// SPDX-License-Identifier: Apache-2.0
// BuildView: a build's log that is shown to somebody.
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "build/build_log.h"

namespace strata::cli {

class BuildView : public build::BuildLog {
 public:
  // The stages have ended: all that was kept is shown.
  virtual void close(bool failed) = 0;
  // After close(): the result, and the keys of the references that it got.
  virtual void image_built(const ImageId& image, const std::vector<std::string>& tags) = 0;
};

}  // namespace strata::cli
