// SPDX-License-Identifier: Apache-2.0
//   layerdb/mounts/<id>/mount-id   64HEX, the folder of the writable layer in the driver's home
//                       init-id    mount-id "-init"
//                       parent     "sha256:" 64HEX, the chainID of the image's top layer; absent for none
// No newline at the end of any. Source: FORMATS sections 1.2 and 8.
#include "store/container_layers.h"

#include <algorithm>

#include "store/removal.h"
#include "store/remove_layers.h"

namespace strata::store {
namespace {

constexpr const char* kContainers = "containers";
constexpr const char* kLock = "strata/containers.lock";

std::string mounts_path(const Parts& parts, const std::string& id) {
  return fmt::format("{}/layerdb/mounts/{}", parts.image_folder, id);
}
std::string container_path(const std::string& id) { return fmt::format("{}/{}", kContainers, id); }
std::string init_of(const std::string& mount_id) { return mount_id + "-init"; }

Result<FileLock> lock_containers(const Fd& root) {
  STRATA_TRY(Fd file, open_at(root, kLock, O_RDWR | O_CREAT, 0600));
  return FileLock::acquire(std::move(file), FileLock::Mode::kExclusive).context(kLock);
}

Status check_name(const Parts& parts, const PlannedContainer& wanted) {
  STRATA_TRY(std::vector<Container> containers, list_containers(parts.root));
  for (const Container& there : containers) {
    if (there.name != wanted.container_name) continue;
    return error(ErrorCode::kConflict,
                 "Conflict. The container name \"/{}\" is already in use by container \"{}\". You "
                 "have to remove (or rename) that container to be able to reuse that name.",
                 there.name, there.id);
  }
  return {};
}

// Small files, before the folder gets its name.
Status sync_files(const Fd& folder) {
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(folder, "."));
  for (const DirEntry& entry : entries) {
    STRATA_TRY(Fd file, open_at(folder, entry.name, O_RDONLY | O_NOFOLLOW));
    STRATA_CHECK(sync(file.get()));
  }
  return sync(folder.get());
}

Status remove_layers_of(const Parts& parts, const Journal::ContainerChange& container) {
  STRATA_TRY(CacheId layer, CacheId::parse(container.mount_id));
  STRATA_TRY(CacheId init, CacheId::parse(init_of(container.mount_id)));
  STRATA_CHECK(parts.driver->remove(layer, container.side_name));
  parts.step("remove-container-layer");
  STRATA_CHECK(parts.driver->remove(init, container.init_side_name));
  parts.step("remove-container-init");
  return {};
}

Result<LayerMount> find_mount(const Parts& parts, const std::string& id) {
  STRATA_TRY(std::vector<LayerMount> mounts, parts.layers.mounts());
  auto found = std::find_if(mounts.begin(), mounts.end(),
                            [&](const LayerMount& mount) { return mount.container_id == id; });
  if (found != mounts.end()) return std::move(*found);
  // A container whose layers nobody can name any more; it can be removed all the same.
  return LayerMount{.container_id = id, .mount_id = {}, .init_id = {}, .parent = {}};
}

}  // namespace

Status complete_container(const Parts& parts, const Fd& work, const PlannedContainer& container) {
  STRATA_TRY(Fd init, open_dir_at(work, container.init_name()));
  STRATA_TRY(Fd layer, open_dir_at(work, container.layer_name()));
  STRATA_CHECK(parts.driver->prepare(layer, {.staged = &init}));
  // Who finds this file in a layer mounts it read-only.
  STRATA_CHECK(unlink_at(layer, "committed"));
  STRATA_TRY(Fd record, open_dir_at(work, container.record_name()));
  STRATA_CHECK(write_file_at(record, "mount-id", container.mount_id, 0644));
  STRATA_CHECK(write_file_at(record, "init-id", init_of(container.mount_id), 0644));
  if (!container.parent) return {};
  return write_file_at(record, "parent", container.parent->to_string(), 0644);
}

Result<Journal::ContainerChange> journal_of(const Parts& parts, const Fd& work,
                                            const PlannedContainer& container) {
  Journal::ContainerChange change{
      .id = container.id, .mount_id = container.mount_id, .side_name = {}, .init_side_name = {}};
  STRATA_TRY(Fd init, open_dir_at(work, container.init_name()));
  STRATA_TRY(change.init_side_name, parts.driver->side_name(init));
  STRATA_TRY(Fd layer, open_dir_at(work, container.layer_name()));
  STRATA_TRY(change.side_name, parts.driver->side_name(layer));
  return change;
}

Status publish_container(const Parts& parts, const Fd& work, const PlannedContainer& container) {
  STRATA_TRY(FileLock held, lock_containers(parts.root));
  STRATA_CHECK(check_name(parts, container));
  STRATA_TRY(Fd files, open_dir_at(work, container.files_name()));
  STRATA_TRY(Fd record, open_dir_at(work, container.record_name()));
  STRATA_TRY(CacheId layer, CacheId::parse(container.mount_id));
  STRATA_TRY(CacheId init, CacheId::parse(init_of(container.mount_id)));
  STRATA_CHECK(sync_files(record));
  STRATA_CHECK(sync_files(files));
  STRATA_CHECK(parts.driver->publish(work, container.init_name(), init));
  parts.step("publish-container-init");
  STRATA_CHECK(parts.driver->publish(work, container.layer_name(), layer));
  parts.step("publish-container-layer");
  STRATA_CHECK(parts.driver->sync_names());
  STRATA_CHECK(rename_at(work, container.record_name(), parts.root,
                         mounts_path(parts, container.id), Existing::kKeep));
  parts.step("publish-container-mount");
  STRATA_CHECK(ensure_dir_at(parts.root, kContainers, 0710));
  STRATA_CHECK(rename_at(work, container.files_name(), parts.root, container_path(container.id),
                         Existing::kKeep));
  STRATA_TRY(Fd names, open_dir_at(parts.root, kContainers));
  STRATA_CHECK(sync(names.get()));
  parts.step("publish-container");
  return {};
}

Status withdraw_container(const Parts& parts, const Journal::ContainerChange& container) {
  STRATA_TRY(bool there, exists_at(parts.root, container_path(container.id)));
  if (there) return {};
  // The layers first: without the mount's record nobody would know of them.
  if (!container.mount_id.empty()) STRATA_CHECK(remove_layers_of(parts, container));
  STRATA_CHECK(remove_tree_at(parts.root, mounts_path(parts, container.id)));
  parts.step("remove-container-mount");
  return {};
}

Status remove_container(Store& store, const std::string& id) {
  const Parts& parts = store.parts();
  if (store.access() != Access::kWrite) {
    return error(ErrorCode::kPermission, "{} is open for reading only", store.root_path());
  }
  STRATA_TRY(LayerMount mount, find_mount(parts, id));
  Journal::ContainerChange change{
      .id = id, .mount_id = mount.mount_id, .side_name = {}, .init_side_name = {}};
  STRATA_TRY(WorkFolder work, WorkFolder::create(parts.root));
  Journal journal;
  journal.containers.push_back(change);
  STRATA_CHECK(work.write_journal(journal));
  STRATA_CHECK(work.sync_journal());
  parts.step("remove-container-journal");
  STRATA_CHECK(
      rename_at(parts.root, container_path(id), work.folder(), "container", Existing::kKeep));
  // From here on there is no such container.
  parts.step("remove-container");
  STRATA_CHECK(withdraw_container(parts, change));
  STRATA_CHECK(work.finish());
  if (!mount.parent) return {};
  Result<std::vector<ChainId>> freed = release_layers(store, *mount.parent);
  return freed.ok() ? Status() : Status(std::move(freed).error());
}

}  // namespace strata::store
