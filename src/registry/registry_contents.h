// SPDX-License-Identifier: Apache-2.0
// RegistryContents: the layers of images in a registry as the files of an archive, so that what
// unpacks archives unpacks them. Files are named by their digests ("sha256:…"); reading one
// downloads it.
// Threads: open, and what it returns, by any thread; the rest by one.
#pragma once

#include <map>
#include <memory>

#include "archive/contents.h"
#include "oci/manifest.h"
#include "registry/blob_source.h"

namespace strata::registry {

// A registry, and the places that a blob's descriptor names for when the registry does not have it:
// layers that may not be handed on, such as those of Windows.
// Threads: as BlobServer.
class ServerOrUrls final : public BlobServer {
 public:
  ServerOrUrls(BlobServer& server, std::vector<std::string> urls)
      : server_(server), urls_(std::move(urls)) {}
  Status get_blob(const Digest& blob, const BlobRange& range, BlobSink& sink) override;

 private:
  BlobServer& server_;
  const std::vector<std::string> urls_;
};

class RegistryContents final : public archive::Contents {
 public:
  // `server`, `pool` and `watcher` (may be null) are borrowed.
  RegistryContents(BlobServer& server, const store::BlobFolder& folder,
                   const DownloadOptions& options, const Pool& pool, BlobWatcher* watcher);

  // From now on the blob is a file here, and what of it has been downloaded stays.
  Status claim(const oci::Descriptor& blob);

  bool has(const std::string& name) const override { return blobs_.contains(name); }
  Result<archive::OpenedFile> open(const std::string& name) const override;
  Result<std::vector<std::string>> names() const override;
  void give_up() const override { given_up_ = true; }

  // Whether the blob was read to its end, and was right.
  bool is_verified(const Digest& blob) const;
  // After a reader found fault with a blob: what readers left in the middle is not kept. True when
  // some of it came from an earlier run, or in several versions: another try may end better, and
  // blobs can be read again.
  // `all`: nor what an earlier run has left of blobs that nobody has begun to read.
  Result<bool> forget_doubtful(bool all);
  // After all was published: the blobs go, but those that others claim.
  Status remove_all();

 private:
  struct Blob {
    Blob(store::BlobClaim of_blob, uint64_t size, ServerOrUrls from)
        : claim(std::move(of_blob)), size_bytes(size), server(std::move(from)) {}
    store::BlobClaim claim;
    uint64_t size_bytes;
    ServerOrUrls server;
    BlobFate fate;
  };

  BlobServer& server_;
  const store::BlobFolder folder_;
  const DownloadOptions options_;
  const Pool& pool_;
  BlobWatcher* watcher_;
  mutable ConnectionLimit connections_;
  mutable std::atomic<bool> given_up_{false};
  std::map<std::string, std::unique_ptr<Blob>> blobs_;
};

}  // namespace strata::registry
