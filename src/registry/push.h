// SPDX-License-Identifier: Apache-2.0
// push: an image of the store to a registry.
//   what the registry has already -> what it can mount -> compress the rest while it is uploaded
//   -> config -> manifest -> records
// Source:  FORMATS sections 9.2, 9.3 and 9.6.
// Threads: one call at a time on an open store; layers go up in parallel.
// Crash:   a tag is set when all of its blobs are there. What was uploaded before is found again by
//          the distribution records, which are written as each layer ends.
// Memory:  a compressor (codec/compress.h), and the buffers of five connections.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/compress.h"
#include "oci/image_config.h"
#include "registry/client.h"
#include "store/store.h"

namespace strata::registry {

// Threads: any thread may report; calls should be quick.
class PushProgress {
 public:
  virtual ~PushProgress() = default;
  // Once for each image: its layers, top first, each once.
  virtual void layers(const std::vector<DiffId>& top_first) = 0;
  // Bytes of the uncompressed layer that have been read; 0 at the beginning.
  virtual void layer_advanced(const DiffId& layer, uint64_t bytes_done) = 0;
  // "Pushed", "Layer already exists", "Mounted from x", "Skipped foreign layer".
  virtual void layer_done(const DiffId& layer, std::string_view status) = 0;
  // Once for each tag.
  virtual void tag_done(const std::string& tag, const Digest& digest, uint64_t size_bytes) = 0;
  // What the user should know: a digest that could not be kept.
  virtual void note(const std::string& text) = 0;
};

struct PushOptions {
  // Layers that are compressed here. With a kind that the user asked for, blobs of another kind that
  // the registry has are not used.
  std::optional<codec::CompressionSpec> compression = {};
  bool all_tags = false;
  // This image under the name, which need not be one of its names here.
  std::optional<ImageId> image = {};
};

// Pushes `name` (a tag, ":latest" if there is none), or all tags of its repository.
// Records RepoDigests and distribution records when the store is open for writing.
// Errors: kInvalid (`cannot push a digest reference`), kNotFound (`An image does not exist locally
// with the tag: x`, `tag does not exist: x:1`), those of Repository, kCorrupt (a layer is not what
// its diffID says; then no manifest is put).
Status push(store::Store& store, Client& client, const oci::Reference& name,
            const PushOptions& options, PushProgress& progress, Pool& pool);

}  // namespace strata::registry
