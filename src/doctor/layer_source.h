// SPDX-License-Identifier: Apache-2.0
// LayerSource: other copies of layers and configs, from which repair brings back what is damaged. `--from` names one: a docker or OCI
// archive, an OCI folder, another data root ("root:/var/lib/docker"), or a registry ("docker://reg:5000/name:tag").
// Threads: any thread may call any method.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "base/stream.h"
#include "hash/digest.h"

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
};

// Errors: kInvalid (no such kind of place), kNotFound, those of reading it.
Result<std::unique_ptr<LayerSource>> open_layer_source(const std::string& text, Pool& pool);

}  // namespace strata::doctor
