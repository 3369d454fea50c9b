// SPDX-License-Identifier: Apache-2.0
// The rules, as dockerd 20.10 has them:
//  - By name: the reference goes. With the last tag of a repository go its digest references. If
//  the
//    image has no reference left, it is deleted; what stands against that is no error then.
//  - By ID: allowed when all references are in one repository and at most one is a tag; all go.
//  - Deleting an image is refused for good when it has children or a running container, and without
//    force when it has references or a stopped container.
//  - Then the same is tried, without force and without complaint, for its parent.
#include "store/removal_plan.h"

#include <algorithm>

#include "oci/config_summary.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace strata::store {
namespace {

constexpr size_t kShortIdDigits = 12;

std::string short_id(std::string_view id) { return std::string(id.substr(0, kShortIdDigits)); }

bool is_id_prefix(const ImageId& image, std::string_view text) {
  return image.to_string().starts_with(text) || image.hex().starts_with(text);
}

// True when all references are in one repository and at most one of them is a tag.
bool is_single(const std::vector<oci::Reference>& references) {
  if (references.size() <= 1) return true;
  std::set<std::string> digest_names;
  const oci::Reference* single = nullptr;
  for (const oci::Reference& reference : references) {
    if (reference.digest()) {
      digest_names.insert(reference.full_name());
    } else if (single != nullptr) {
      return false;
    } else {
      single = &reference;
    }
  }
  if (single == nullptr) single = &references.front();
  return digest_names.size() == 1 && digest_names.contains(single->full_name());
}

Error conflict(std::string text) {
  return Error(ErrorCode::kConflict, "conflict: unable to " + std::move(text));
}

}  // namespace

Result<RemovalPlan> RemovalPlan::begin(const Store& store) {
  RemovalPlan plan(store);
  STRATA_TRY(plan.references_, store.references());
  STRATA_TRY(plan.children_, store.images().children());
  STRATA_TRY(plan.containers_, store.containers());
  STRATA_TRY(plan.mounts_, list_mounts(store));
  STRATA_TRY(std::vector<ImageId> images, store.images().list());
  plan.images_ = {images.begin(), images.end()};
  for (const auto& [parent, child] : plan.children_) plan.parents_.emplace(child, parent);
  return plan;
}

std::vector<oci::Reference> RemovalPlan::references_of(const ImageId& image) const {
  std::vector<oci::Reference> list;
  for (const std::string& key : references_.of_image(image)) {
    if (auto reference = oci::Reference::parse(key); reference.ok()) list.push_back(*reference);
  }
  std::sort(list.begin(), list.end(),
            [](const auto& a, const auto& b) { return a.full_string() < b.full_string(); });
  return list;
}

Status RemovalPlan::remove(const ImageId& image, std::string_view name,
                           const RemoveOptions& options) {
  if (!exists(image)) return error(ErrorCode::kNotFound, "No such image: {}", name);
  std::vector<oci::Reference> references = references_of(image);
  if (!is_id_prefix(image, name)) {
    const Container* user = first_container(image, std::nullopt);
    if (!options.force && is_single(references) && user != nullptr) {
      return conflict(
          fmt::format("remove repository reference \"{}\" (must force) - container {} is using its "
                      "referenced image {}",
                      name, short_id(user->id), image.short_hex()));
    }
    STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
    untag_by_name(image, reference.with_default_tag());
    if (!references_of(image).empty()) return {};
    return delete_upwards(image, options, true);
  }
  if (is_single(references)) {
    unsigned mask = kChild | kRunning | (options.force ? 0u : kStopped);
    if (auto found = find_conflict(image, mask)) return conflict(*found);
    for (const oci::Reference& reference : references) untag(image, reference);
  }
  return delete_upwards(image, options, false);
}

void RemovalPlan::untag(const ImageId& image, const oci::Reference& reference) {
  references_.remove(reference.store_key());
  steps_.push_back({reference.familiar_string(), image});
}

void RemovalPlan::untag_by_name(const ImageId& image, const oci::Reference& reference) {
  untag(image, reference);
  if (reference.digest()) return;
  std::vector<oci::Reference> left = references_of(image);
  std::erase_if(left, [&](const oci::Reference& other) {
    return other.full_name() != reference.full_name();
  });
  bool tagged = std::any_of(left.begin(), left.end(),
                            [](const oci::Reference& other) { return !other.digest(); });
  if (tagged) return;
  for (const oci::Reference& other : left) untag(image, other);
}

Status RemovalPlan::delete_upwards(ImageId image, RemoveOptions options, bool quiet) {
  while (true) {
    unsigned mask = kChild | kRunning | (options.force ? 0u : kReferenced | kStopped);
    if (auto found = find_conflict(image, mask)) {
      return quiet ? Status() : Status(conflict(*found));
    }
    for (const oci::Reference& reference : references_of(image)) untag(image, reference);
    auto link = parents_.find(image);
    std::optional<ImageId> parent;
    if (link != parents_.end()) parent = link->second;
    STRATA_CHECK(delete_one(image));
    if (!options.prune_parents || !parent || !exists(*parent)) return {};
    image = *parent;
    options.force = false;
    quiet = true;
  }
}

Status RemovalPlan::delete_one(const ImageId& image) {
  RemovalStep step{"", image};
  Result<std::string> config = store_->images().read_config(image);
  if (config.ok()) {
    Result<oci::ConfigSummary> summary = oci::summarize_config(*config);
    if (summary.ok()) step.chains = oci::chain_ids(summary->diff_ids);
  } else if (config.error().code() != ErrorCode::kCorrupt) {
    return std::move(config).error();
  }
  // A damaged config names no layers that could be trusted; the image goes all the same.
  steps_.push_back(std::move(step));
  images_.erase(image);
  parents_.erase(image);
  std::erase_if(children_, [&](const auto& link) { return link.second == image; });
  return {};
}

std::optional<std::string> RemovalPlan::find_conflict(const ImageId& image, unsigned mask) const {
  auto refuse = [&](bool is_hard, std::string reason) {
    return fmt::format("delete {} ({}) - {}", image.short_hex(),
                       is_hard ? "cannot be forced" : "must be forced", reason);
  };
  if ((mask & kChild) != 0 && has_children(image)) {
    return refuse(true, "image has dependent child images");
  }
  for (const ImageMount& mount : mounts_) {
    if (mount.image == image) return refuse(true, "image is mounted at " + mount.target);
  }
  const Container* running = first_container(image, true);
  if ((mask & kRunning) != 0 && running != nullptr) {
    return refuse(true, "image is being used by running container " + short_id(running->id));
  }
  if ((mask & kReferenced) != 0 && !references_of(image).empty()) {
    return refuse(false, "image is referenced in multiple repositories");
  }
  const Container* stopped = first_container(image, false);
  if ((mask & kStopped) != 0 && stopped != nullptr) {
    return refuse(false, "image is being used by stopped container " + short_id(stopped->id));
  }
  return std::nullopt;
}

const Container* RemovalPlan::first_container(const ImageId& image,
                                              std::optional<bool> running) const {
  for (const Container& container : containers_) {
    if (container.image == image && container.running == running.value_or(container.running)) {
      return &container;
    }
  }
  return nullptr;
}

}  // namespace strata::store
