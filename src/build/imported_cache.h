// SPDX-License-Identifier: Apache-2.0
// ImportedCache: a cache that another build has exported, in a registry or an OCI layout. Steps
// are looked up in its listing; a layer is fetched when a step that made it is taken.
// Source:  build/cache_listing.cc.
// Threads: any, after open().
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/stream.h"
#include "build/cache_listing.h"
#include "registry/copy_source.h"

namespace strata::build {

class ImportedCache {
 public:
  // `name` is for messages. Null: the place holds an image, which is no cache of this kind.
  // Errors: kUnsupported (a cache of BuildKit's), kInvalid, kCorrupt, those of the source.
  static Result<std::unique_ptr<ImportedCache>> open(
      std::unique_ptr<registry::ManifestSource> source, std::string name);

  const std::string& name() const { return name_; }
  // The configs of images that steps have left on `parent` (null: on nothing). Borrowed.
  std::vector<const std::string*> children(const ImageId* parent) const;
  // The blob of a layer, perhaps compressed. Its own digest is verified when it ends, not the diffID.
  // Errors: kNotFound (the cache does not have it), those of the source.
  Result<std::unique_ptr<ByteSource>> open_layer(const DiffId& layer) const;
  // The blob of each layer.
  const std::map<DiffId, oci::Descriptor>& blobs() const { return blobs_; }

 private:
  ImportedCache() = default;
  Status read(const oci::Manifest& manifest);

  std::unique_ptr<registry::ManifestSource> source_;
  std::string name_;
  CacheListing listing_;
  std::multimap<std::optional<ImageId>, size_t> by_parent_;  // numbers of steps
  std::map<DiffId, oci::Descriptor> blobs_;
};

}  // namespace strata::build
