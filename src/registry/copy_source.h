// SPDX-License-Identifier: Apache-2.0
// Where `copy` takes manifests and blobs from, byte for byte: a repository, or an OCI layout in a
// folder or a tar.
// Threads: open_blob() by any thread; the rest by one.
#pragma once

#include <functional>
#include <memory>

#include "base/pool.h"
#include "base/stream.h"
#include "registry/client.h"
#include "registry/image_place.h"

namespace strata::registry {

// Begins a stream, anew each time it is called.
using BlobOpener = std::function<Result<std::unique_ptr<ByteSource>>()>;

class ManifestSource {
 public:
  virtual ~ManifestSource() = default;

  // What the place stands for, an index or a manifest. Errors: kNotFound, kInvalid (several, and
  // none was asked for), those of Repository::get_manifest.
  virtual Result<RemoteManifest> top() = 0;
  // Verified. Errors: kCorrupt, kNotFound, those of Repository::get_manifest.
  virtual Result<RemoteManifest> manifest(const Digest& digest) = 0;
  // The bytes as they come: who reads them checks them (VerifyingSource). After a lost connection
  // they go on where they were.
  virtual Result<std::unique_ptr<ByteSource>> open_blob(const oci::Descriptor& blob) = 0;
  // The repository of a registry; null for other kinds.
  virtual const oci::Reference* repository() const { return nullptr; }
};

// `client` and `pool` are borrowed.
Result<std::unique_ptr<ManifestSource>> open_repository_source(Client& client,
                                                               const oci::Reference& name,
                                                               const Pool& pool);
// Errors: kNotFound, kUnsupported (an archive that is compressed, or no file), kInvalid.
Result<std::unique_ptr<ManifestSource>> open_layout_source(const ImagePlace& place, Pool& pool);

// A stream whose end comes only when it had that size and digest.
class VerifyingSource final : public ByteSource {
 public:
  VerifyingSource(std::unique_ptr<ByteSource> from, const oci::Descriptor& blob);
  ~VerifyingSource() override;
  // Errors: kCorrupt (`blob sha256:…: expected …, found …`), those of the stream.
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace strata::registry
