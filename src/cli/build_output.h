// SPDX-License-Identifier: Apache-2.0
// `build --output`: where the result goes besides the store.
// Shape:   DEST, "-", or type=image|docker|oci|tar|local[,dest=PATH][,name=...][,push=true]
// Source:  the reference of `docker build`, "Custom build outputs".
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace strata::cli {

struct BuildOutput {
  enum class Type { kImage, kDocker, kOci, kTar, kLocal };
  Type type = Type::kImage;
  std::string destination;         // "-": standard output
  std::vector<std::string> names;  // name=, as more tags
  bool to_standard_output() const { return destination == "-"; }
};

// Errors: kInvalid, naming what is expected.
Result<BuildOutput> parse_build_output(const std::string& text);

// Writes the image there. `tags` are its names in archives.
Status write_build_output(Context& context, store::Store& store, const BuildOutput& output,
                          const ImageId& image, const std::vector<std::string>& tags);

}  // namespace strata::cli
