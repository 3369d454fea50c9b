// SPDX-License-Identifier: Apache-2.0
// `docker image prune`: images without names, or all that no container uses.
// Source:  dockerd 20.10, daemon/images/image_prune.go.
// Threads, crash: as remove_image.h; all images of one call go together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "oci/go_time.h"
#include "store/remove_image.h"

namespace strata::store {

struct PruneOptions {
  bool all = false;                     // also images that have names
  bool dry_run = false;                 // change nothing; a store opened for reading will do
  std::optional<oci::Time> until = {};  // only images that were not created after this
  // "key" or "key=value". All of `labels` must be there; images with all of `without_labels` stay.
  std::vector<std::string> labels = {};
  std::vector<std::string> without_labels = {};
};

struct PruneReport {
  std::vector<RemovalEvent> events;  // images by ID, each as rmi would report it
  uint64_t reclaimed_bytes = 0;      // of what went (or would go): layers, downloads
};

// Also removes blobs that a pull has left (blob_folder.h): what nobody has touched for a day and, if
// `all` and without labels, what nobody claims now; neither what was touched after `until`.
// They go first: that takes no room on a full disk, and makes some for what else is to go.
// An image that is in use, or that has children left, stays without a word.
// Errors: kPermission when the store was opened for reading and it is no dry run; kIo and the like.
Result<PruneReport> prune_images(Store& store, Pool& pool, const PruneOptions& options);

}  // namespace strata::store
