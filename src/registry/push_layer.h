// SPDX-License-Identifier: Apache-2.0
// One layer of a push: found at the registry, mounted, copied from where it came, or compressed and
// uploaded. Internal to push.cc.
// Threads: place() may be called by several threads at once, for different layers.
#pragma once

#include <memory>
#include <optional>
#include <semaphore>
#include <string>

#include "registry/push.h"
#include "registry/push_origin.h"

namespace strata::registry {

struct PlacedLayer {
  oci::Descriptor descriptor;
  bool as_origin = false;  // the descriptor is that of the origin's manifest
};

class LayerPusher {
 public:
  struct Parts {
    store::Store& store;
    Client& client;
    Repository& repository;  // the target
    const Origin* origin;    // null: none
    std::string record_key;  // of the HMACs in distribution records
    const PushOptions& options;
    PushProgress& progress;
    Pool& pool;
  };
  explicit LayerPusher(Parts parts);

  // Brings the layer to the registry. `of_origin`: its descriptor there, or null.
  Result<PlacedLayer> place(const ChainId& chain, const DiffId& diff,
                            const oci::Descriptor* of_origin);

 private:
  struct Task {
    const ChainId& chain;
    const DiffId& diff;
    std::string session = {};  // an upload that a registry began instead of mounting
  };
  // Each gives nothing where its way does not lead to the blob.
  Result<std::optional<PlacedLayer>> as_in_origin(Task& task, const oci::Descriptor& wanted);
  Result<std::optional<PlacedLayer>> by_records(Task& task);
  Result<std::optional<PlacedLayer>> by_record(Task& task, const store::BlobSource& source);
  Result<std::optional<PlacedLayer>> copy_blob(Task& task, const oci::Descriptor& wanted);
  Result<std::optional<PlacedLayer>> compress(Task& task);
  // The blob is there: says so, and keeps it in mind.
  Result<std::optional<PlacedLayer>> done(const DiffId& diff, PlacedLayer placed,
                                          std::string_view status);

  Result<bool> mount(Task& task, const Digest& blob, std::string_view from_path);
  // What the blob at the target is; none when it is not there or not of the wanted kind.
  Result<std::optional<oci::Descriptor>> probe(const Digest& blob);
  std::vector<store::BlobSource> sorted_sources(std::vector<store::BlobSource> sources) const;
  std::string hmac_of(const Digest& blob, const std::string& repository) const;

  Parts parts_;
  const codec::CompressionSpec packing_;
  std::unique_ptr<std::counting_semaphore<16>> compressors_;
};

}  // namespace strata::registry
