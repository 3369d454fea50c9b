// SPDX-License-Identifier: Apache-2.0
// pull: an image from a registry into the store.
// Threads: one per call; it uses the pool, and connections with threads of their own.
// Crash:   the store is as before or as after (store::Transaction). What was downloaded stays in
//          <root>/strata/blobs until the image is published, and another pull goes on with it, or
//          removes it if the image is here; docs/store.md, "Blobs".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/download_options.h"
#include "store/store.h"

namespace strata::registry {

// Threads: as BlobWatcher.
class PullWatcher : public BlobWatcher {
 public:
  // The manifest is here: what is pulled, a tag or a digest, and from where ("library/x").
  virtual void pull_started(const std::string& what, const std::string& path) = 0;
  // Each layer, base first, before anything of them is fetched.
  virtual void layer_listed(const Digest& blob, bool is_here) = 0;
  virtual void layer_unpacked(const Digest& blob) = 0;
};

enum class PullPolicy {
  kAlways,   // ask the registry, and fetch what is new there
  kMissing,  // only what is not here; the registry is not asked otherwise
  kNewer,    // as kAlways, but an image that is here will do when the registry cannot be asked
  kNever,    // only look whether it is here
};

struct PullOptions {
  std::optional<oci::Platform> platform = {};
  PullPolicy policy = PullPolicy::kAlways;
  DownloadOptions download = {};
  PullWatcher* watcher = nullptr;  // borrowed; null: nobody watches
};

struct PullReport {
  ImageId image;
  std::optional<Digest> digest;  // what the name stands for in the registry; none: it was not asked
  bool is_new = false;           // the name stood for nothing here, or for another image
  std::vector<std::string> warnings;
};

// `reference` has a tag or a digest. Layers that the store has are not fetched; every other one is
// checked against its blob's digest and its diffID. Errors: those of Repository and resolve_image;
// kUnsupported (an image for another system), kCorrupt and kInvalid (what came is not what it
// should be; nothing of it is published), those of the store.
Result<PullReport> pull(store::Store& store, Repository& repository,
                        const oci::Reference& reference, const PullOptions& options, Pool& pool);

// What pull would do, without changing anything; the store may be opened for reading, or be none.
struct PullForecast {
  Digest digest;
  size_t layers = 0;
  size_t layers_here = 0;
  uint64_t fetch_bytes = 0;     // config and layers, without what an earlier pull has left
  uint64_t unpacked_bytes = 0;  // of the missing layers, as far as their blobs say it
  std::vector<Digest> unknown_sizes = {};  // layers that do not
  uint64_t disk_bytes() const { return fetch_bytes + unpacked_bytes; }
};
Result<PullForecast> forecast_pull(const store::Store* store, Repository& repository,
                                   const oci::Reference& reference, const PullOptions& options);

}  // namespace strata::registry
