// SPDX-License-Identifier: Apache-2.0
// `build --output`: where the result goes besides the store.
// Shape:   DEST, "-", or type=TYPE[,ATTRIBUTE=VALUE...]
//            image            name push compression compression-level force-compression oci-mediatypes
//            registry         the same, with push=true
//            docker           name dest tar
//            oci              name dest tar compression compression-level force-compression
//                             oci-mediatypes
//            tar, local       dest
//          and rewrite-timestamp for all. Fields may be quoted, as CSV has it.
// Source:  the reference of `docker build`, "Custom build outputs", and docker's pages on exporters.
// Threads: one at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "build/build_request.h"
#include "cli/command.h"
#include "codec/compress.h"
#include "registry/client.h"

namespace strata::cli {

struct BuildOutput {
  enum class Type { kImage, kDocker, kOci, kTar, kLocal };
  Type type = Type::kImage;
  std::string destination;                            // "-": standard output
  std::vector<std::string> names;                     // name=, as more tags
  bool push = false;                                  // kImage: to the registries of all names
  bool as_folder = false;                             // kOci: tar=false
  bool rewrites_times = false;                        // rewrite-timestamp=true: wants a fixed time
  std::optional<codec::CompressionSpec> compression;  // of the layers
  bool to_standard_output() const { return destination == "-"; }
  bool packs_layers() const {
    return compression && compression->kind != codec::Compression::kNone;
  }
};

// Errors: kInvalid, naming what is expected.
Result<BuildOutput> parse_build_output(const std::string& text);

// Whether what was asked for can be done at all with these names and this time: what is known before
// the build. Errors: kInvalid, kUnsupported.
Status check_build_output(const BuildOutput& output, const build::BuildRequest& request);

// What an output is made of, and what it needs.
struct BuiltImage {
  const ImageId& image;
  const std::vector<std::string>& tags;  // its names, in archives and registries
  std::function<Result<registry::Client*>()> open_client;
  Output& words;  // for what a push says
  bool quiet;
};

// Writes the image there, or pushes it.
Status write_build_output(Context& context, store::Store& store, const BuildOutput& output,
                          const BuiltImage& built);

}  // namespace strata::cli
