// SPDX-License-Identifier: Apache-2.0
// load: images from an archive into the store.
// Threads: one per call; it uses the pool.
// Crash:   the store is as before or as after (store::Transaction).
#pragma once

#include <string>
#include <vector>

#include "archive/contents.h"
#include "archive/load_plan.h"
#include "archive/progress.h"
#include "store/store.h"

namespace strata::archive {

struct LoadOptions {
  PlanOptions plan;
  LoadProgress* progress = nullptr;  // borrowed; null: nobody watches
  // Layers that the archive leaves to the store are read once against their diffIDs. Without this
  // it is enough that their records are sound and their files there.
  bool verify_taken = true;
};

struct LoadedImage {
  ImageId id;
  std::vector<std::string> tags;  // familiar form
};

struct LoadReport {
  std::vector<LoadedImage> images;  // in the order of the archive
  std::vector<store::MovedReference> moved;
  std::vector<std::string> warnings;
};

// Loads every image of the archive, or none. Layers that the store has are not read; every other
// layer is checked against its diffID. Errors: those of open_contents, plan_images and
// unpack_missing_layers, and of the store.
Result<LoadReport> load(store::Store& store, const ArchiveInput& input, const LoadOptions& options,
                        Pool& pool);

// Two steps of load, for other ways on which images come: configs, tags and parent links, staged;
// what the user is told after the commit.
Status add_images(const LoadPlan& plan, store::Transaction& txn);
LoadReport report_on(const LoadPlan& plan, const store::Transaction& txn,
                     std::vector<std::string> warnings);

}  // namespace strata::archive
