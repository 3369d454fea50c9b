// SPDX-License-Identifier: Apache-2.0
// ReceiverLayers: the layers that the receiver of an archive has, as far as its sender was told.
// Threads: values.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "archive/save_plan.h"
#include "base/pool.h"

namespace strata::archive {

class ReceiverLayers {
 public:
  // The layers of an image of this store: a reference or an ID. Errors: those of store::resolve;
  // kInvalid, kCorrupt for its config.
  Status add_image(const store::Store& store, const std::string& name);
  // The same, or else an archive in a file or an OCI folder: its manifests and configs are read,
  // not its layers. Errors: kNotFound when it is neither; kUnsupported for an archive from before
  // docker 1.10, which does not say what its layers are; those of open_texts and plan_images.
  Status add_image_or_archive(const store::Store& store, const std::string& text, Pool& pool);
  // A list that `strata layers --export` made there. Errors: those of parse_layer_list, kIo.
  Status add_list(ByteSource& from, const std::string& name);

  bool empty() const { return sources_.empty(); }
  bool has(const ChainId& chain) const;
  // What was added and has no layer in common with what is saved, by its name.
  std::vector<std::string> unrelated(const SavePlan& plan) const;

 private:
  struct Source {
    std::string name;
    std::set<ChainId> chains;
  };
  std::vector<Source> sources_;
};

}  // namespace strata::archive
