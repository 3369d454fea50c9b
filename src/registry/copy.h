// SPDX-License-Identifier: Apache-2.0
// copy: an image from one place to another, without passing through the store.
//
//   from \ to        registry, OCI folder, OCI archive       docker archive       root
//   registry         blobs and manifests byte for byte       layers unpacked      as pull
//   OCI folder, tar  the same                                layers unpacked      as load
//   docker archive   layers packed, manifest made            as it is, new order  as load
//   root             as push; layers packed, manifest made   as save              as load
//
// Threads: one per call; blobs go in parallel.
// Crash:   copy_target.h; for roots store::Transaction.
// Memory:  the buffers of five streams, manifests (at most kMaxManifestsBytes), a compressor.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/compress.h"
#include "oci/platform.h"
#include "registry/client.h"
#include "registry/convert_manifests.h"
#include "registry/image_place.h"
#include "store/store.h"

namespace strata::registry {

// Threads: any thread may report; calls should be quick.
class CopyWatcher {
 public:
  virtual ~CopyWatcher() = default;
  // Layers that are packed or unpacked are told by their diffID. 0: size not known.
  virtual void blob_started(const Digest& blob, uint64_t total_bytes) = 0;
  virtual void blob_advanced(const Digest& blob, uint64_t bytes_done) = 0;
  // "Copied", "Already exists", "Mounted from x", "Skipped foreign layer", "Packed", "Unpacked".
  virtual void blob_done(const Digest& blob, std::string_view status) = 0;
};

struct CopyOptions {
  bool all = false;  // an index with all that is below it
  std::optional<oci::Platform> platform = {};
  std::optional<codec::CompressionSpec> compression = {};  // of layers that are packed here
  // The language of the manifests; none: they stay as they are, byte for byte.
  std::optional<ManifestFormat> format = {};
};

// The two places, opened. Borrowed; those that a place does not need are null.
struct CopyEnds {
  Client* source_client = nullptr;
  Client* target_client = nullptr;
  store::Store* source_store = nullptr;
  store::Store* target_store = nullptr;
};

struct CopyReport {
  std::optional<Digest> digest;  // of the manifest or index that the target has now
  std::optional<ImageId> image;  // in a root
  uint64_t manifest_bytes = 0;   // 0: no manifest
  std::vector<std::string> warnings = {};
};

// All manifests of one copy together.
inline constexpr size_t kMaxManifestsBytes = 16 << 20;
inline constexpr size_t kMaxManifests = 10000;

// Whether these options mean something between these two: what can be said before any place is
// opened. Errors: kInvalid.
Status check_copy(const ImagePlace& from, const ImagePlace& to, const CopyOptions& options);

// Errors: those of check_copy, kNotFound, kCorrupt (a blob is not what its descriptor says, a layer
// not what its diffID says), those of the places.
Result<CopyReport> copy(const ImagePlace& from, const ImagePlace& to, const CopyOptions& options,
                        const CopyEnds& ends, CopyWatcher& watcher, Pool& pool);

}  // namespace strata::registry
