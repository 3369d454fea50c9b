// SPDX-License-Identifier: Apache-2.0
// A data root as a LayerSource.
//
//   layers   layerdb: any chain of that diffID, verified before it counts
//            blobs by distribution/v2metadata-by-diffid, in strata/blobs and in the content store of dockerd's own containerd
//   configs  imagedb/content, and the same content store
// Source:  FORMATS sections 1.1, 1.2 and 9.6.
// Threads: as LayerSource.
#pragma once

#include "base/guarded.h"
#include "doctor/layer_source.h"
#include "store/store.h"

namespace strata::doctor {

class RootSource final : public LayerSource {
 public:
  RootSource(store::Store store, std::set<ChainId> damaged, Pool& pool)
      : store_(std::move(store)), damaged_(std::move(damaged)), pool_(pool) {}

  std::string name() const override { return "root:" + store_.root_path(); }
  Result<bool> has_layer(const DiffId& diff) override;
  Result<std::unique_ptr<ByteSource>> open_layer(const DiffId& diff) override;
  Result<std::optional<std::string>> find_config(const ImageId& image) override;
  Result<std::vector<std::pair<std::string, ImageId>>> names() override;

 private:
  Result<std::optional<ChainId>> find_sound(const DiffId& diff);
  Result<std::vector<std::string>> blobs_of(const DiffId& diff) const;

  const store::Store store_;
  const std::set<ChainId> damaged_;
  Pool& pool_;
  Guarded<std::map<DiffId, std::optional<ChainId>>> verified_;  // what a look has found
};

// A stream that is unpacked while it is read; what is not packed comes as it is.
Result<std::unique_ptr<ByteSource>> open_unpacked(std::unique_ptr<ByteSource> packed, Pool& pool);

}  // namespace strata::doctor
