// SPDX-License-Identifier: Apache-2.0
#include "store/recover.h"

#include <algorithm>

#include "store/container_layers.h"
#include "store/our_files.h"
#include "store/removal.h"
#include "store/summaries.h"

namespace strata::store {
namespace {

// References are the last thing that publishing changes: when they are there, all is there.
Result<bool> is_complete(const Parts& parts, const Journal& journal) {
  if (journal.references.empty()) return false;
  STRATA_TRY(References references, parts.reference_file.read());
  return std::all_of(
      journal.references.begin(), journal.references.end(),
      [&](const Journal::SetReference& set) { return references.find(set.key) == set.image; });
}

// Who else has a right to an image that a dead operation published.
struct ImageUses {
  References references;
  std::multimap<ImageId, ImageId> children;  // by parent
  std::vector<Container> containers;

  bool any(const ImageId& image) const {
    return children.contains(image) || !references.of_image(image).empty() ||
           std::any_of(containers.begin(), containers.end(),
                       [&](const Container& container) { return container.image == image; });
  }
};

// Images come in no order, and a parent can only go after its children: so until none goes any
// more.
Status withdraw_unused(const Parts& parts, std::vector<ImageId> images, ImageUses& uses) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto image = images.begin(); image != images.end();) {
      if (uses.any(*image)) {
        ++image;
        continue;
      }
      STRATA_CHECK(parts.images.remove(*image));
      std::erase_if(uses.children, [&](const auto& link) { return link.second == *image; });
      image = images.erase(image);
      changed = true;
    }
  }
  return {};
}

Status withdraw_images(const Parts& parts, const Journal& journal, const WorkFolder& work) {
  std::vector<ImageId> ours;
  for (const ImageId& image : journal.images) {
    // Where the staged file has gone, it was renamed to its place.
    STRATA_TRY(bool staged, exists_at(work.folder(), "image-" + image.hex()));
    if (!staged) ours.push_back(image);
  }
  if (ours.empty()) return {};
  STRATA_TRY(FileLock held, parts.reference_file.lock());
  ImageUses uses;
  STRATA_TRY(uses.references, parts.reference_file.read());
  STRATA_TRY(uses.children, parts.images.children());
  STRATA_TRY(uses.containers, list_containers(parts.root));
  return withdraw_unused(parts, std::move(ours), uses);
}

// Whether the record of that name is the one of the journal; a power cut may have emptied it.
Result<bool> has_registered(const Parts& parts, const Journal::PublishedLayer& layer) {
  STRATA_TRY(std::optional<Layer> found, parts.layers.find(layer.chain));
  if (found) return found->cache == layer.cache;
  STRATA_TRY(bool there, exists_at(parts.root, parts.layers.path_of(layer.chain.hex())));
  if (!there) return false;
  STRATA_TRY(std::vector<CacheId> suspects, parts.unsynced.suspect_files(layer.chain));
  return std::find(suspects.begin(), suspects.end(), layer.cache) != suspects.end();
}

Status withdraw_layers(const Parts& parts, const Journal& journal) {
  std::vector<ChainId> registered;
  for (auto layer = journal.layers.rbegin(); layer != journal.layers.rend(); ++layer) {
    STRATA_TRY(bool ours, has_registered(parts, *layer));
    if (ours) {
      registered.push_back(layer->chain);
    } else {
      STRATA_CHECK(parts.driver->remove(layer->cache, layer->side_name));
    }
  }
  STRATA_TRY(auto removed, remove_unused_layers(parts, registered));
  (void)removed;  // who reads of it? the run that wanted these layers is dead
  return {};
}

Status finish_removals(const Parts& parts, const Journal& journal) {
  for (const Journal::RemovedLayer& layer : journal.removed) {
    STRATA_CHECK(remove_hidden_layer(parts, layer));
  }
  return {};
}

// Layers that a removal had decided upon and not renamed when it was killed; top to base.
Result<std::vector<ChainId>> not_hidden(const Parts& parts, const Journal& journal) {
  std::vector<ChainId> left;
  if (!journal.layers.empty()) return left;  // there they made room for others
  for (const Journal::RemovedLayer& layer : journal.removed) {
    Result<ChainId> chain =
        ChainId::parse_hex(std::string_view(layer.record).substr(0, Digest::kHexDigits));
    if (!chain.ok()) continue;
    STRATA_TRY(bool there, exists_at(parts.root, parts.layers.path_of(chain->hex())));
    if (there) left.push_back(*chain);
  }
  return left;
}

// Releases what was held when a removal met it. False: it is held still, or cannot go just now, say
// on a full disk. That keeps nobody from writing.
Result<bool> release_held(const Parts& parts, std::span<const ChainId> held) {
  auto release = [&]() -> Result<bool> {
    STRATA_TRY(bool any, any_held(parts, held));
    if (any) return false;
    STRATA_TRY(auto removed, remove_unused_layers(parts, held));
    (void)removed;
    return true;
  };
  Result<bool> released = release();
  if (released.ok() || released.error().code() == ErrorCode::kCancelled) return released;
  return false;
}

}  // namespace

Status roll_back(const Parts& parts, WorkFolder& work) {
  // Its own lease must not keep what it published.
  STRATA_CHECK(work.drop_lease());
  STRATA_TRY(std::optional<Journal> journal, work.read_journal());
  if (journal) {
    STRATA_CHECK(finish_removals(parts, *journal));
    STRATA_TRY(std::vector<ChainId> left, not_hidden(parts, *journal));
    STRATA_TRY(auto removed, remove_unused_layers(parts, left));
    (void)removed;
    STRATA_TRY(bool released, release_held(parts, journal->held));
    if (!released) return {};  // the folder stays, for the next writer
    for (const Journal::ContainerChange& container : journal->containers) {
      STRATA_CHECK(withdraw_container(parts, container));
    }
    STRATA_TRY(bool complete, is_complete(parts, *journal));
    if (!complete) {
      STRATA_CHECK(withdraw_images(parts, *journal, work));
      parts.step("recover-images");
      STRATA_CHECK(withdraw_layers(parts, *journal));
      parts.step("recover-layers");
    }
  }
  return work.finish();
}

Status recover(const Parts& parts) {
  STRATA_CHECK(Summaries::remove_unfinished(parts.root));
  for (std::string_view name : {"refs", "records"}) {
    STRATA_CHECK(remove_unfinished_replacement(parts.root, name));
  }
  STRATA_TRY(std::vector<WorkFolder> dead, WorkFolder::adopt_dead(parts.root));
  // First all leases: none of them must keep what another of these operations is to release.
  for (WorkFolder& work : dead) STRATA_CHECK(work.drop_lease());
  for (WorkFolder& work : dead) {
    STRATA_CHECK(roll_back(parts, work).context("clean up after a run that was killed"));
  }
  return {};
}

}  // namespace strata::store
