// SPDX-License-Identifier: Apache-2.0
// Copies: all places from which layers and configs can come back, those of --from and those of the root itself.
// Threads: one at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "doctor/evidence.h"
#include "doctor/layer_source.h"
#include "doctor/place.h"

namespace strata::doctor {

class Copies {
 public:
  // Of the root itself, and of the places. Errors: those of opening a place.
  static Result<Copies> open(const std::string& root, const std::string& driver,
                             const std::vector<std::string>& places, Pool& pool);

  // The places in the order in which they are asked.
  const std::vector<std::unique_ptr<LayerSource>>& sources() const { return sources_; }
  // The first one that has the layer; null: none, or none that could say so: `troubles` tells which could not.
  LayerSource* with_layer(const DiffId& diff, Troubles& troubles) const;

  struct Config {
    std::string text;  // its digest is right
    std::string from;
  };
  std::optional<Config> config(const ImageId& image, Troubles& troubles) const;

 private:
  Copies() = default;

  std::vector<std::unique_ptr<LayerSource>> sources_;
};

}  // namespace strata::doctor
