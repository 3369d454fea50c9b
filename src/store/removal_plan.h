// SPDX-License-Identifier: Apache-2.0
// RemovalPlan: docker's rules of what goes when an image is removed, on a snapshot in memory.
// Nothing here changes the store: remove_image.h and prune.h do, by a plan, or only show it.
// Source:  FORMATS section 10, "rmi"; dockerd 20.10, daemon/images/image_delete.go.
// Threads: values.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/reference.h"
#include "store/mounts.h"
#include "store/store.h"

namespace strata::store {

struct RemoveOptions {
  bool force = false;
  bool prune_parents = true;  // untagged parents that nothing else uses go too
};

// One thing that happens, in docker's order.
struct RemovalStep {
  std::string untagged;              // the reference, familiar form; empty: the image is deleted
  ImageId image;                     // whose reference, or which image
  std::vector<ChainId> chains = {};  // of a deleted image, base first
};

class RemovalPlan {
 public:
  // Reads references, parents and containers. Whoever will act on the plan holds the references'
  // lock. `store` outlives the plan.
  static Result<RemovalPlan> begin(const Store& store);

  // Plans what removing `image` means, given that the user said `name`: a reference, an ID, or the
  // beginning of one. Later calls see what earlier ones planned.
  // Errors: kConflict with docker's texts, kNotFound when an earlier call took the image; then
  // nothing of this call is planned.
  Status remove(const ImageId& image, std::string_view name, const RemoveOptions& options);

  const std::vector<RemovalStep>& steps() const { return steps_; }
  // As they will be.
  const References& references() const { return references_; }
  bool exists(const ImageId& image) const { return images_.contains(image); }
  bool has_children(const ImageId& image) const { return children_.contains(image); }
  // The references of an image, in docker's order: sorted by full name. Those that dockerd cannot
  // parse do not count.
  std::vector<oci::Reference> references_of(const ImageId& image) const;

 private:
  enum Conflict : unsigned { kChild = 1, kRunning = 2, kReferenced = 4, kStopped = 8 };
  explicit RemovalPlan(const Store& store) : store_(&store) {}
  void untag(const ImageId& image, const oci::Reference& reference);
  void untag_by_name(const ImageId& image, const oci::Reference& reference);
  Status delete_upwards(ImageId image, RemoveOptions options, bool quiet);
  Status delete_one(const ImageId& image);
  // What stands against deleting the image, in docker's words.
  std::optional<std::string> find_conflict(const ImageId& image, unsigned mask) const;
  const Container* first_container(const ImageId& image, std::optional<bool> running) const;

  const Store* store_;
  References references_;
  std::vector<RemovalStep> steps_;
  std::set<ImageId> images_;
  std::map<ImageId, ImageId> parents_;
  std::multimap<ImageId, ImageId> children_;
  std::vector<Container> containers_;
  std::vector<ImageMount> mounts_;
};

}  // namespace strata::store
