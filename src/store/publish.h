// SPDX-License-Identifier: Apache-2.0
// Publishing: from a staging folder to the places where everybody looks. The order of steps and
// syncs is in docs/store.md, "publish". Inside of transaction.h.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/parts.h"
#include "store/transaction.h"
#include "store/work_folder.h"

namespace strata::store {

struct PlannedLayer {
  std::string name;  // StagedLayer::name
  ChainId chain;
  DiffId diff;
  std::optional<ChainId> parent;
  CacheId cache;
  uint64_t size_bytes = 0;
  size_t depth = 1;
};

// A file of imagedb/metadata, staged under `name`.
struct PlannedMetadata {
  std::string name;
  ImageId image;
  std::string key;  // parent, lastUpdated, builtLocally
};

// A container, staged in folders of these names.
struct PlannedContainer {
  std::string name;            // within the transaction
  std::string id;              // 64 hex
  std::string container_name;  // without "/"
  std::string mount_id;
  std::optional<ChainId> parent;

  std::string init_name() const { return "container-init-" + name; }
  std::string layer_name() const { return "container-layer-" + name; }
  std::string record_name() const { return "container-mount-" + name; }
  std::string files_name() const { return "container-" + name; }
};

// All that a transaction will publish. Its folder holds the staged things.
struct PublishPlan {
  explicit PublishPlan(WorkFolder folder) : work(std::move(folder)) {}
  const PlannedLayer* find(const ChainId& chain) const;

  WorkFolder work;
  std::set<ChainId> held;            // of the store; named in the lease
  std::vector<PlannedLayer> layers;  // bottom up
  std::vector<ImageId> images;
  std::vector<PlannedMetadata> metadata;
  std::vector<Journal::SetReference> references;
  std::vector<PlannedContainer> containers;
};

// Names of staged things in the work folder.
inline std::string staged_files_name(const std::string& name) { return "layer-" + name; }
inline std::string staged_record_name(const std::string& name) { return "record-" + name; }
inline std::string staged_image_name(const ImageId& image) { return "image-" + image.hex(); }

// Publishes all of it; the caller finishes the folder, or rolls back after an error. Returns the
// references that moved.
Result<std::vector<MovedReference>> publish(const Parts& parts, PublishPlan& plan);

}  // namespace strata::store
