// SPDX-License-Identifier: Apache-2.0
// LayerSource: other copies of layers and configs, from which repair brings back what is damaged. `--from` names one:
//
//   PATH                        a docker archive (1.10 and later), an OCI archive, an OCI folder, or another data root
//   docker-archive:PATH, oci-archive:PATH, oci:PATH, root:PATH       the same, said exactly
//   docker://reg:5000/name:tag  an image in a registry
// Threads: any thread may call any method.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/pool.h"
#include "base/stream.h"
#include "hash/digest.h"
#include "registry/client.h"

namespace strata::doctor {

class LayerSource {
 public:
  virtual ~LayerSource() = default;
  virtual std::string name() const = 0;  // as the user wrote it
  virtual Result<bool> has_layer(const DiffId& diff) = 0;
  // The layer's tar, uncompressed. What was read is the layer only if its diffID says so: the reader checks it.
  // Errors: kNotFound.
  virtual Result<std::unique_ptr<ByteSource>> open_layer(const DiffId& diff) = 0;
  // The config, byte for byte, already checked against its ID; none when the source does not have it.
  virtual Result<std::optional<std::string>> find_config(const ImageId& image) = 0;
  // Names that the place knows, as keys of repositories.json, with their images.
  virtual Result<std::vector<std::pair<std::string, ImageId>>> names() {
    return std::vector<std::pair<std::string, ImageId>>();
  }
};

// `client` (borrowed) is asked for registries; null: one of the user's defaults is made when it is needed.
// Errors: kInvalid (no such kind of place), kNotFound, those of reading it.
Result<std::unique_ptr<LayerSource>> open_layer_source(const std::string& text, Pool& pool,
                                                       registry::Client* client = nullptr);

// Copies that a root has itself: layers with the same diffID on other layers below; what a pull left in strata/blobs; and what
// dockerd's containerd keeps. A layer counts only after it was read and found right. `damaged` are not looked at.
// `driver`: empty for the root's own. Errors: those of Store::open.
Result<std::unique_ptr<LayerSource>> open_root_source(const std::string& root,
                                                      const std::string& driver,
                                                      std::set<ChainId> damaged, Pool& pool);

}  // namespace strata::doctor
