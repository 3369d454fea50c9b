// SPDX-License-Identifier: Apache-2.0
//
// Archives from before docker 1.10: for each layer a folder <id>/ with `json` (the whole config,
// with "parent") and `layer.tar`; `repositories` names the tops. diffIDs did not exist, so the
// layers are unpacked to learn them. Every layer becomes an image of its own with a parent link, as
// docker makes them. Source: FORMATS section 6.3.
#include <algorithm>

#include "archive/load_plan.h"
#include "codec/decompress.h"
#include "oci/archive_manifest.h"
#include "oci/legacy_image.h"

namespace strata::archive {
namespace {

struct LegacyFolder {
  std::string id;
  oci::LegacyLayer layer;
  UnpackedEarly unpacked;
  bool planned = false;
  std::vector<DiffId> diff_ids;      // up to this one
  std::vector<std::string> history;  // likewise
  ImageId image;
};

class LegacyPlanner {
 public:
  LegacyPlanner(Contents& contents, store::Transaction& txn, Pool& pool, BufferPool& buffers)
      : contents_(contents), txn_(txn), pool_(pool), buffers_(buffers) {}

  Result<LoadPlan> plan() {
    STRATA_TRY(std::string text, contents_.read_file("repositories"));
    STRATA_TRY(oci::ArchiveRepositories repositories,
               oci::parse_archive_repositories(text).context("repositories"));
    STRATA_CHECK(read_folders());
    STRATA_CHECK(
        run_in_lanes(pool_.jobs(), folders_.size(), [&](size_t i) { return unpack(folders_[i]); }));
    for (LegacyFolder& folder : folders_) STRATA_CHECK(plan_folder(folder, 0));
    STRATA_CHECK(add_tags(repositories));
    for (LegacyFolder& folder : folders_)
      plan_.unpacked.emplace(layer_file(folder), std::move(folder.unpacked));
    return std::move(plan_);
  }

 private:
  static std::string layer_file(const LegacyFolder& folder) { return folder.id + "/layer.tar"; }

  Status read_folders() {
    STRATA_TRY(std::vector<std::string> names, contents_.names());
    for (const std::string& name : names) {
      constexpr std::string_view kJson = "/json";
      if (!name.ends_with(kJson)) continue;
      std::string id = name.substr(0, name.size() - kJson.size());
      STRATA_TRY(std::string json, contents_.read_file(name));
      STRATA_TRY(oci::LegacyLayer layer,
                 oci::LegacyLayer::parse(std::move(json)).context("{}", name));
      if (!layer.os().empty() && layer.os() != "linux") {
        return error(ErrorCode::kUnsupported, "{}: cannot load {} image on linux", name,
                     layer.os());
      }
      folders_.push_back(LegacyFolder{id, std::move(layer), {}, false, {}, {}, {}});
    }
    return {};
  }

  Status unpack(LegacyFolder& folder) {
    STRATA_TRY(std::optional<UnpackedEarly> early, contents_.take_unpacked(layer_file(folder)));
    if (early) {
      folder.unpacked = std::move(*early);
      return {};
    }
    STRATA_TRY(OpenedFile file, contents_.open(layer_file(folder)));
    STRATA_TRY(std::unique_ptr<ByteSource> tar, codec::open_decompressed(*file.source));
    STRATA_TRY(folder.unpacked.staged, txn_.stage_layer());
    store::StagedLayer& staged = folder.unpacked.staged;
    STRATA_TRY(folder.unpacked.layer,
               driver::unpack_layer(*tar, {&staged.folder, &staged.diff, &staged.metadata}, pool_,
                                    buffers_, nullptr)
                   .context("{}", layer_file(folder)));
    return {};
  }

  LegacyFolder* find(const std::string& id) {
    auto found = std::find_if(folders_.begin(), folders_.end(),
                              [&](const LegacyFolder& one) { return one.id == id; });
    return found == folders_.end() ? nullptr : &*found;
  }

  // Plans the layers below first. `depth` bounds what a loop of parents can do.
  Status plan_folder(LegacyFolder& folder, size_t depth) {
    if (folder.planned) return {};
    if (depth >= driver::kMaxLayers) {
      return error(ErrorCode::kInvalid, "{}/json: max depth exceeded, or parents that go round",
                   folder.id);
    }
    std::vector<std::string> files;
    LegacyFolder* parent = nullptr;
    if (!folder.layer.parent().empty()) {
      parent = find(folder.layer.parent());
      if (parent == nullptr) {
        return error(ErrorCode::kNotFound, "{}/json: its parent {} is not in the archive",
                     folder.id, folder.layer.parent());
      }
      STRATA_CHECK(plan_folder(*parent, depth + 1));
      folder.diff_ids = parent->diff_ids;
      folder.history = parent->history;
    }
    folder.diff_ids.push_back(folder.unpacked.layer.diff_id);
    folder.history.push_back(folder.layer.history());
    for (const LegacyFolder* below = &folder; below != nullptr;
         below = find(below->layer.parent())) {
      files.insert(files.begin(), layer_file(*below));
    }
    STRATA_TRY(std::string config, folder.layer.config(folder.diff_ids, folder.history));
    STRATA_TRY(PlannedImage image,
               plan_image(std::move(config), files).context("{}/json", folder.id));
    folder.image = image.config.id();
    folder.planned = true;
    if (parent != nullptr) {
      image.parent = parent->image;
      for (PlannedImage& other : plan_.images) {
        if (other.config.id() == parent->image) other.below_another = true;
      }
    }
    plan_.images.push_back(std::move(image));
    return {};
  }

  Status add_tags(const oci::ArchiveRepositories& repositories) {
    for (const auto& [name, tags] : repositories) {
      for (const auto& [tag, id] : tags) {
        LegacyFolder* folder = find(id);
        if (folder == nullptr)
          return error(ErrorCode::kInvalid, "repositories: invalid target ID: {}", id);
        STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
        STRATA_TRY(oci::Reference tagged, reference.with_tag(tag));
        STRATA_CHECK(tagged.check_storable());
        for (PlannedImage& image : plan_.images) {
          if (image.config.id() != folder->image) continue;
          image.tags.push_back(std::move(tagged));
          break;
        }
      }
    }
    return {};
  }

  Contents& contents_;
  store::Transaction& txn_;
  Pool& pool_;
  BufferPool& buffers_;
  std::vector<LegacyFolder> folders_;
  LoadPlan plan_;
};

}  // namespace

Result<LoadPlan> plan_legacy_archive(Contents& contents, store::Transaction& txn, Pool& pool,
                                     BufferPool& buffers) {
  return LegacyPlanner(contents, txn, pool, buffers).plan();
}

}  // namespace strata::archive
