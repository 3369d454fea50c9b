// SPDX-License-Identifier: Apache-2.0
//   strata/repair.new     what is to replace a file; a killed repair leaves it here, where it is ours
//   <path>.new            the same, on another disk than the root's: the next repair has the same to do
#include "doctor/apply.h"

#include <sys/stat.h>

#include <cerrno>

#include "doctor/docker_folders.h"
#include "doctor/place.h"
#include "doctor/rebuild.h"
#include "doctor/restore_layer.h"
#include "store/our_files.h"
#include "store/parts.h"
#include "store/recover.h"

namespace strata::doctor {
namespace {

constexpr const char* kFresh = "strata/repair.new";
constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kBlocks = 64;

Result<bool> has_folder(const Fd& root, const std::string& path) {
  Result<struct stat> info = lstat_at(root, path);
  if (!info.ok() && info.error().code() != ErrorCode::kNotFound) return std::move(info).error();
  return info.ok() && S_ISDIR(info->st_mode);
}

// By way of what name `path` is replaced.
Result<std::string> fresh_path_for(const Fd& root, const std::string& path) {
  STRATA_TRY(bool here, is_on_disk_of(root, folder_above(path)));
  return here ? kFresh : path + ".new";
}

// The inside of a store, which is not opened: it could refuse this root, and would wait for our own lock.
Result<std::unique_ptr<store::Parts>> parts_of(const Fd& root, const Survey& survey) {
  STRATA_TRY(Fd copy, root.duplicate());
  auto parts = std::make_unique<store::Parts>(std::move(copy), survey.root_path, survey.driver);
  STRATA_TRY(parts->driver, driver::make_driver(survey.driver, parts->root, parts->root_path));
  parts->access = store::Access::kWrite;
  STRATA_CHECK(parts->unsynced.read());
  return parts;
}

}  // namespace

struct Applier::Visitor {
  Applier& applier;
  const Remedy& remedy;

  Status operator()(const SetAside& action) const {
    return applier.lost_.set_aside(action.path, remedy.findings.front(), remedy.reason);
  }
  Status operator()(const WriteFile& action) const {
    return applier.replace(action.path, action.content, action.mode, remedy);
  }
  Status operator()(const MakeLink& action) const { return applier.make_link(action, remedy); }
  Status operator()(const MakeFolder& action) const { return applier.make_folder(action, remedy); }
  Status operator()(const CloseFolder& action) const { return applier.close_folder(action.path); }
  Status operator()(const MoveBack& action) const { return applier.move_back(action); }
  Status operator()(const RestoreLayer& action) const {
    return applier.restore_layer(action, remedy);
  }
  Status operator()(const RestoreConfig& action) const {
    return applier.restore_config(action, remedy);
  }
  Status operator()(const EndOperations&) const { return applier.end_operations(); }
  Status operator()(const VerifyLayer& action) const { return applier.verify_layer(action); }
};

std::string Applier::obstacle(const Action& action) const {
  const auto* away = std::get_if<SetAside>(&action);
  if (away != nullptr) {
    Result<bool> can = lost_.can_take(away->path);
    return can.ok() && !*can ? fmt::format("{} {}", away->path, kOtherDisk) : "";
  }
  if (!std::holds_alternative<RestoreLayer>(action)) return "";
  Result<bool> here = is_on_disk_of(root_, survey_.home());
  if (!here.ok() || *here) return "";  // not there: it is made
  return fmt::format(
      "{}/ lies on another file system than the root: layers cannot be brought back there. Mount "
      "one that has both, or copy the root to one (cp -a), then repair",
      survey_.home());
}

Status Applier::apply(const Remedy& remedy) {
  for (const Action& action : remedy.actions) {
    STRATA_CHECK(pool_.check_cancelled());
    STRATA_CHECK(std::visit(Visitor{*this, remedy}, action));
  }
  return {};
}

Status Applier::replace(const std::string& path, const std::string& content, mode_t mode,
                        const Remedy& remedy) {
  STRATA_CHECK(ensure_dir_at(root_, "strata", 0700));
  STRATA_CHECK(ensure_folder(folder_above(path), remedy));
  STRATA_CHECK(lost_.keep(path, remedy.findings.front(), remedy.reason));
  STRATA_TRY(std::string fresh, fresh_path_for(root_, path));
  return store::replace_by_way_of(root_, fresh, path, content, mode, store::Durability::kSynced);
}

Status Applier::make_link(const MakeLink& link, const Remedy& remedy) {
  STRATA_CHECK(ensure_dir_at(root_, "strata", 0700));
  STRATA_CHECK(ensure_folder(folder_above(link.path), remedy));
  STRATA_CHECK(lost_.set_aside(link.path, remedy.findings.front(), remedy.reason));
  STRATA_TRY(std::string fresh, fresh_path_for(root_, link.path));
  STRATA_CHECK(unlink_at(root_, fresh));
  STRATA_CHECK(symlink_at(link.target, root_, fresh));
  STRATA_CHECK(rename_at(root_, fresh, root_, link.path, Existing::kReplace));
  return sync_folder(root_, folder_above(link.path));
}

Status Applier::make_folder(const MakeFolder& folder, const Remedy& remedy) {
  Result<struct stat> info = lstat_at(root_, folder.path);
  if (info.ok() && S_ISDIR(info->st_mode)) return {};
  if (!info.ok() && is_trouble(info.error())) return std::move(info).error();
  STRATA_CHECK(ensure_folder(folder_above(folder.path), remedy));
  STRATA_CHECK(lost_.set_aside(folder.path, remedy.findings.front(), remedy.reason));
  STRATA_CHECK(ensure_dir_at(root_, folder.path, folder.mode));  // strata/ has been made by then
  return sync_folder(root_, folder_above(folder.path));
}

Status Applier::ensure_folder(const std::string& folder, const Remedy& remedy) {
  if (folder == ".") return {};
  Result<Fd> there = open_dir_at(root_, folder);
  if (there.ok()) return {};
  if (is_trouble(there.error())) return std::move(there).error();
  Result<struct stat> info = lstat_at(root_, folder);
  if (info.ok() && S_ISLNK(info->st_mode)) {  // its disk may not be mounted
    return std::move(there.error().add_context(folder + " is a link"));
  }
  return make_folder({folder, folder_mode(survey_, folder).value_or(0700)}, remedy);
}

Status Applier::close_folder(const std::string& path) {
  STRATA_TRY(Fd folder, open_at(root_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  STRATA_TRY(struct stat info, stat_fd(folder.get()));
  if (::fchmod(folder.get(), closed_mode(survey_, path, info.st_mode & 07777)) != 0) {
    return errno_error(errno, path);
  }
  return sync(folder.get());
}

Status Applier::move_back(const MoveBack& move) {
  STRATA_CHECK(rename_at(root_, move.from, root_, move.to, Existing::kKeep));
  return sync_folder(root_, folder_above(move.to));
}

Status Applier::restore_layer(const RestoreLayer& layer, const Remedy& remedy) {
  STRATA_TRY(std::unique_ptr<store::Parts> parts, parts_of(root_, survey_));
  DamagedLayer damaged{layer.chain, layer.diff, {}, {}};
  STRATA_TRY(damaged.cache, CacheId::parse(layer.folder));
  if (layer.parent) {
    STRATA_TRY(damaged.parent,
               CacheId::parse(layer.parent_folder).context("the layer below {}", layer.chain));
  }
  const std::string record = parts->layers.path_of(layer.chain.hex());
  const std::string kept = folder_path(survey_, layer.folder);
  STRATA_CHECK(ensure_folder(survey_.home() + (survey_.is_overlay() ? "/l" : ""), remedy));
  STRATA_TRY(Fd room, lost_.room_for(kept, remedy.findings.front(), remedy.reason));
  STRATA_TRY(bool had_record, has_folder(root_, record));
  if (!had_record) STRATA_CHECK(make_folder({record, 0700}, remedy));
  BufferPool buffers(kBlockBytes, kBlocks);
  std::vector<LayerSource*> sources;
  for (const std::unique_ptr<LayerSource>& source : copies_.sources())
    sources.push_back(source.get());
  Result<RestoreReport> restored = doctor::restore_layer(
      damaged, false,
      {parts->root, parts->layers, *parts->driver, std::move(sources), room, pool_, buffers});
  STRATA_CHECK(lost_.close_room(kept));
  if (!restored.ok() && !had_record) STRATA_CHECK(remove_folder_at(root_, record));
  if (!restored.ok()) return std::move(restored).error();
  for (const FileFault& fault : restored->left) {
    if (fault.kind == Kind::kFileExtra) continue;
    return error(
        ErrorCode::kCorrupt, "layer {}: {}: expected {}, found {}{}", layer.chain, fault.name,
        fault.expected, fault.found,
        restored->left.size() > 1 ? fmt::format(", and {} more", restored->left.size() - 1) : "");
  }
  return {};
}

Status Applier::restore_config(const RestoreConfig& config, const Remedy& remedy) {
  Troubles troubles;
  std::optional<Copies::Config> copy = copies_.config(config.image, troubles);
  if (!copy) STRATA_CHECK(troubles.first());
  if (!copy) return error(ErrorCode::kNotFound, "no copy of the config of image {}", config.image);
  return replace(survey_.config_folder() + "/" + config.image.hex(), copy->text, 0600, remedy);
}

Status Applier::end_operations() const {
  STRATA_TRY(std::unique_ptr<store::Parts> parts, parts_of(root_, survey_));
  STRATA_CHECK(store::recover(*parts));
  STRATA_TRY(std::vector<store::Operation> operations, store::list_operations(root_));
  for (const store::Operation& operation : operations) {
    if (operation.lives || operation.held.empty()) continue;
    return error(ErrorCode::kBusy,
                 "a command that runs still reads layer {}; once it has ended, the next command of "
                 "strata that writes removes it",
                 *operation.held.begin());
  }
  return {};
}

Status Applier::verify_layer(const VerifyLayer& layer) const {
  STRATA_TRY(std::unique_ptr<store::Parts> parts, parts_of(root_, survey_));
  STRATA_CHECK(store::verify_suspects(*parts, layer.chain));
  STRATA_TRY(store::Layer record, parts->layers.read(layer.chain));
  STRATA_TRY(bool suspect, parts->unsynced.is_suspect(layer.chain, record.cache));
  if (!suspect) return {};
  return error(
      ErrorCode::kCorrupt,
      "layer {} is not what it should be: not all of it reached the disk before the machine "
      "stopped. repair --content --from PLACE brings it back",
      layer.chain);
}

}  // namespace strata::doctor
