// SPDX-License-Identifier: Apache-2.0
// SavePlan: the images that save was asked for, with all that their archive needs to know
// beforehand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "oci/image_config.h"
#include "oci/reference.h"
#include "store/layer_hold.h"
#include "store/store.h"

namespace strata::archive {

struct SaveLayer {
  store::Layer record;
  uint64_t tar_bytes = 0;
  bool left_out = false;  // the receiver has it: the archive refers to it, but does not hold it
};

struct SaveImage {
  oci::ImageConfig config;
  std::vector<oci::Reference> tags;  // those that were asked for
  std::vector<SaveLayer> layers;     // base first
  std::optional<ImageId> parent;     // its parent link, if that image is saved too
  bool is_step = false;              // not asked for, but below one that was (add_parents)
};

struct SavePlan {
  std::vector<SaveImage> images;        // in the order in which they were first named
  std::vector<store::LayerHold> holds;  // while they live, the images' layers stay
};

// Finds the images by docker's rules: a name without tag means all its tags; an ID brings no tags.
// Errors: kNotFound (`No such image: ...`), kConflict (an ambiguous ID), kInvalid (`empty export -
// not implemented`: an image without layers), kCorrupt (a layer that cannot be used); see unless_removed().
Result<SavePlan> plan_save(const store::Store& store, const std::vector<std::string>& names,
                           Pool& pool);

// What a failure at the plan's layers means: if somebody has removed an image, or replaced its layers, since it was
// planned, it is kNotFound and says so. Other errors stay.
Error unless_removed(Error failure, const store::Store& store, const SavePlan& plan);

// The two halves of plan_save: which images and layers, held from then on; how long the layers' tars are.
Result<SavePlan> choose_images(const store::Store& store, const std::vector<std::string>& names);
Status measure_layers(const store::Store& store, SavePlan& plan, Pool& pool);

// Adds, without names, the images that those of the plan were built from: what a builder takes its
// cache from. A parent that is damaged, or cannot be one by its history or layers, ends the line.
Status add_parents(const store::Store& store, SavePlan& plan);

}  // namespace strata::archive
