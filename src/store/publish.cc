// SPDX-License-Identifier: Apache-2.0
#include "store/publish.h"

#include <algorithm>

#include "store/container_layers.h"
#include "store/removal.h"

namespace strata::store {
namespace {

class Publisher {
 public:
  Publisher(const Parts& parts, PublishPlan& plan) : parts_(parts), plan_(plan) {}

  Result<std::vector<MovedReference>> run() {
    STRATA_CHECK(check_references_readable());
    STRATA_TRY(bool anything_new, adds_anything());
    if (anything_new) STRATA_CHECK(write_journal());
    if (anything_new) STRATA_CHECK(sync_staged());
    parts_.step("synced");
    // All data of layers is on disk, or it is on disk that it may not be. From here on only names
    // change.
    STRATA_CHECK(publish_layers());
    parts_.step("layers-published");
    STRATA_TRY(std::vector<MovedReference> moved, publish_images());
    for (const PlannedContainer& container : plan_.containers) {
      STRATA_CHECK(publish_container(parts_, plan_.work.folder(), container));
    }
    return moved;
  }

 private:
  // A damaged repositories.json would be found last; nothing shall have happened by then.
  Status check_references_readable() const {
    if (plan_.references.empty()) return {};
    Result<References> references = parts_.reference_file.read();
    return references.ok() ? Status() : Status(std::move(references).error());
  }

  // Whether there would be layers or images to undo. Tagging, or loading what is there, needs no
  // journal.
  Result<bool> adds_anything() const;
  Status write_journal();
  Status take_place_of(const Journal::RemovedLayer& old, PlannedLayer& layer, const Fd& files);
  Status sync_staged() const;
  bool all_is_synced() const { return parts_.wait_for_disk && !plan_.layers.empty(); }
  // A staged file that no syncfs has covered.
  Status sync_file(const std::string& name) const;

  Status publish_layers();
  Status publish_layer(const PlannedLayer& layer);
  Status make_room(const PlannedLayer& layer);
  Status relink(const PlannedLayer& layer);

  Result<std::vector<MovedReference>> publish_images();
  Result<std::vector<MovedReference>> publish_references();
  Status check_image(const ImageId& image) const;
  Status publish_config(const ImageId& image);
  Status publish_metadata(const PlannedMetadata& file);

  const Parts& parts_;
  PublishPlan& plan_;
  std::map<ChainId, Journal::RemovedLayer> replaced_;
  // The layer below is not the one that was staged, or has taken over names since: what lies on it
  // is linked anew.
  bool relink_above_ = false;
};

Result<bool> Publisher::adds_anything() const {
  if (!plan_.layers.empty() || !plan_.containers.empty()) return true;
  for (const ImageId& image : plan_.images) {
    STRATA_TRY(bool there, parts_.images.exists(image));
    if (!there) return true;
  }
  return false;
}

Status Publisher::write_journal() {
  Journal journal;
  for (PlannedLayer& layer : plan_.layers) {
    STRATA_TRY(Fd files, open_dir_at(plan_.work.folder(), staged_files_name(layer.name)));
    STRATA_TRY(auto replacement, plan_replacement(parts_, layer.chain));
    if (replacement) {
      STRATA_CHECK(take_place_of(*replacement, layer, files));
      journal.removed.push_back(*replacement);
      replaced_.emplace(layer.chain, std::move(*replacement));
    }
    STRATA_TRY(std::string side_name, parts_.driver->side_name(files));
    journal.layers.push_back({layer.chain, layer.cache, std::move(side_name)});
  }
  for (const PlannedContainer& container : plan_.containers) {
    STRATA_CHECK(complete_container(parts_, plan_.work.folder(), container));
    STRATA_TRY(auto change, journal_of(parts_, plan_.work.folder(), container));
    journal.containers.push_back(std::move(change));
  }
  journal.images = plan_.images;
  journal.references = plan_.references;
  STRATA_CHECK(plan_.work.write_journal(journal));
  parts_.step("journal");
  return {};
}

// Other layers may lie on the damaged one, also such as this transaction does not know. Under the
// same names, they lie on ours.
Status Publisher::take_place_of(const Journal::RemovedLayer& old, PlannedLayer& layer,
                                const Fd& files) {
  if (old.cache.empty()) return {};  // nobody knows where its files were
  STRATA_TRY(layer.cache, CacheId::parse(old.cache));
  STRATA_CHECK(parts_.driver->inherit(files, layer.cache));
  STRATA_TRY(Fd record, open_dir_at(plan_.work.folder(), staged_record_name(layer.name)));
  return write_file_at(record, "cache-id", layer.cache.name(), 0644);
}

Status Publisher::sync_file(const std::string& name) const {
  if (all_is_synced()) return {};
  STRATA_TRY(Fd file, open_at(plan_.work.folder(), name, O_RDONLY));
  return sync(file.get());
}

// Without layers, or if nobody wants to wait, the few small files are synced when they are
// published, and the layers are recorded as unsynced. Else one syncfs for all files of all layers.
Status Publisher::sync_staged() const {
  if (all_is_synced()) return sync_file_system(plan_.work.folder().get());
  STRATA_CHECK(plan_.work.sync_journal());
  if (plan_.layers.empty()) return {};
  std::vector<UnsyncedLayer> unsynced;
  for (const PlannedLayer& layer : plan_.layers) unsynced.push_back({layer.chain, layer.cache});
  STRATA_TRY(FileLock held, lock_layers(parts_.root, FileLock::Mode::kShared));
  return parts_.unsynced.add(unsynced);
}

Status Publisher::publish_layers() {
  if (plan_.layers.empty()) return {};
  STRATA_TRY(FileLock held, lock_layers(parts_.root, FileLock::Mode::kExclusive));
  // The new layers hold themselves until the images that name them are there.
  std::set<ChainId> lease = plan_.held;
  for (const PlannedLayer& layer : plan_.layers) lease.insert(layer.chain);
  STRATA_CHECK(plan_.work.write_lease(lease));
  for (const PlannedLayer& layer : plan_.layers) {
    STRATA_CHECK(publish_layer(layer).context("publish layer {}", layer.diff));
  }
  STRATA_CHECK(parts_.driver->sync_names());
  STRATA_TRY(Fd records, open_dir_at(parts_.root, parts_.layers.path_of("")));
  return sync(records.get());
}

Status Publisher::publish_layer(const PlannedLayer& layer) {
  STRATA_TRY(bool there, UsableLayers(parts_).check(layer.chain));
  if (there) {  // somebody was quicker: theirs counts, and what lies on it has to name theirs
    relink_above_ = true;
    return {};
  }
  if (relink_above_) STRATA_CHECK(relink(layer));
  if (replaced_.contains(layer.chain)) relink_above_ = true;  // the names below are others now
  STRATA_CHECK(make_room(layer));
  const Fd& staging = plan_.work.folder();
  STRATA_CHECK(parts_.driver->publish(staging, staged_files_name(layer.name), layer.cache));
  parts_.step("publish-files");
  STRATA_CHECK(rename_at(staging, staged_record_name(layer.name), parts_.root,
                         parts_.layers.path_of(layer.chain.hex()), Existing::kKeep));
  parts_.step("publish-record");
  return {};
}

Status Publisher::relink(const PlannedLayer& layer) {
  if (!layer.parent) return {};
  STRATA_TRY(Layer below, parts_.layers.read(*layer.parent));
  STRATA_TRY(Fd files, open_dir_at(plan_.work.folder(), staged_files_name(layer.name)));
  STRATA_CHECK(parts_.driver->prepare(files, {.published = &below.cache}));
  return parts_.wait_for_disk ? sync_file_system(plan_.work.folder().get()) : Status();
}

Status Publisher::make_room(const PlannedLayer& layer) {
  auto replacement = replaced_.find(layer.chain);
  if (replacement == replaced_.end()) return {};
  STRATA_CHECK(hide_layer(parts_, layer.chain, replacement->second));
  return remove_hidden_layer(parts_, replacement->second);
}

Result<std::vector<MovedReference>> Publisher::publish_images() {
  STRATA_TRY(FileLock held, parts_.reference_file.lock());
  for (const PlannedMetadata& file : plan_.metadata) STRATA_CHECK(check_image(file.image));
  for (const Journal::SetReference& set : plan_.references) STRATA_CHECK(check_image(set.image));
  for (const ImageId& image : plan_.images) STRATA_CHECK(publish_config(image));
  for (const PlannedMetadata& file : plan_.metadata) STRATA_CHECK(publish_metadata(file));
  if (!plan_.images.empty()) {
    STRATA_TRY(Fd contents, parts_.images.open_contents());
    STRATA_CHECK(sync(contents.get()));
  }
  parts_.step("images-published");
  return publish_references();
}

Result<std::vector<MovedReference>> Publisher::publish_references() {
  std::vector<MovedReference> moved;
  if (plan_.references.empty()) return moved;
  STRATA_TRY(References references, parts_.reference_file.read());
  bool changed = false;
  for (const Journal::SetReference& set : plan_.references) {
    changed = changed || references.find(set.key) != set.image;
    std::optional<ImageId> from = references.set(set.key, set.image);
    if (from) moved.push_back({set.key, *from, set.image});
  }
  if (changed) STRATA_CHECK(parts_.reference_file.write(references));
  parts_.step("references");
  return moved;
}

Status Publisher::check_image(const ImageId& image) const {
  if (std::find(plan_.images.begin(), plan_.images.end(), image) != plan_.images.end()) return {};
  STRATA_TRY(bool there, parts_.images.exists(image));
  if (there) return {};
  return error(ErrorCode::kNotFound, "No such image: {}", image);
}

Status Publisher::publish_config(const ImageId& image) {
  std::string place = parts_.images.content_path(image.hex());
  Result<std::string> old = parts_.images.read_config(image);
  if (old.ok()) return {};
  bool replace = old.error().code() == ErrorCode::kCorrupt;
  if (!replace && old.error().code() != ErrorCode::kNotFound) return std::move(old).error();
  STRATA_CHECK(sync_file(staged_image_name(image)));
  STRATA_CHECK(rename_at(plan_.work.folder(), staged_image_name(image), parts_.root, place,
                         replace ? Existing::kReplace : Existing::kKeep));
  parts_.step("publish-image");
  return {};
}

Status Publisher::publish_metadata(const PlannedMetadata& file) {
  std::string folder = parts_.images.metadata_path(file.image.hex());
  STRATA_CHECK(ensure_dir_at(parts_.root, folder, 0700));
  STRATA_CHECK(sync_file(file.name));
  STRATA_CHECK(rename_at(plan_.work.folder(), file.name, parts_.root, folder + "/" + file.key,
                         Existing::kReplace));
  STRATA_TRY(Fd names, open_dir_at(parts_.root, folder));
  STRATA_CHECK(sync(names.get()));
  parts_.step("publish-metadata");
  return {};
}

}  // namespace

const PlannedLayer* PublishPlan::find(const ChainId& chain) const {
  auto layer = std::find_if(layers.begin(), layers.end(),
                            [&](const PlannedLayer& planned) { return planned.chain == chain; });
  return layer == layers.end() ? nullptr : &*layer;
}

Result<std::vector<MovedReference>> publish(const Parts& parts, PublishPlan& plan) {
  return Publisher(parts, plan).run();
}

}  // namespace strata::store
