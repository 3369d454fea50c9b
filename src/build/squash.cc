// SPDX-License-Identifier: Apache-2.0
#include "build/squash.h"

#include "oci/json.h"
#include "runtime/changes_layer.h"

namespace strata::build {
namespace {

// The folders of the layers of `image`, and how many of them lie above those of `base`; with vfs the
// two trees.
Result<std::vector<Fd>> open_folders(const store::Store& store, const StageImage& image,
                                     const StageImage& base, size_t& own) {
  STRATA_TRY(const store::Layer top, store.layers().read(*image.top()));
  own = image.chains.size() - base.chains.size();
  if (!store.driver().keeps_whole_trees()) return store.driver().open_stack(top.cache);
  own = 1;
  std::vector<Fd> trees(1);
  STRATA_TRY(trees[0], store.driver().open_files(top.cache));
  if (base.top() == nullptr) return trees;
  STRATA_TRY(const store::Layer below, store.layers().read(*base.top()));
  trees.emplace_back();
  STRATA_TRY(trees[1], store.driver().open_files(below.cache));
  return trees;
}

// The layers of `image` above those of `base`, as one.
Result<archive::UnpackedEarly> merge_layers(BuildWork& work, const StageImage& image,
                                            const StageImage& base, const oci::Time& now,
                                            store::Transaction& txn) {
  size_t own = 0;
  STRATA_TRY(const std::vector<Fd> folders, open_folders(work.store, image, base, own));
  driver::DiffTarOptions options;
  options.whiteout_mtime = now.seconds;
  options.latest_mtime = work.request.time;
  const driver::ComparedTrees trees = driver::compare_folders(
      folders, own,
      work.store.driver().keeps_whole_trees() ? driver::ComparedTrees::Upper::kWhole
                                              : driver::ComparedTrees::Upper::kLayers);
  return runtime::layer_of_changes(trees, options, {txn, work.pool, work.buffers});
}

// What changes in the config: layers, history, time.
std::string squashed_config(const StageImage& image, const StageImage& base,
                            const std::optional<DiffId>& layer, const oci::Time& now) {
  boost::json::object json = image.config->json();
  boost::json::array diffs;
  if (base.get() != nullptr) {
    for (const DiffId& diff : base.get()->diff_ids()) diffs.emplace_back(diff.to_string());
  }
  if (layer.has_value()) diffs.emplace_back(layer->to_string());
  boost::json::object rootfs;
  rootfs.emplace("type", "layers");
  if (!diffs.empty()) rootfs.emplace("diff_ids", std::move(diffs));
  json["rootfs"] = std::move(rootfs);
  const size_t kept = base.get() == nullptr ? 0 : base.get()->history().size();
  boost::json::array& history = json["history"].get_array();
  for (size_t i = kept; i < history.size(); ++i) history[i].get_object()["empty_layer"] = true;
  boost::json::object merged;
  merged.emplace("created", oci::format_time(now));
  merged.emplace("comment",
                 base.get() == nullptr
                     ? fmt::format("create new from {}", image.config->id())
                     : fmt::format("merge {} to {}", image.config->id(), base.get()->id()));
  if (!layer.has_value()) merged.emplace("empty_layer", true);
  history.emplace_back(std::move(merged));
  json["created"] = oci::format_time(now);
  return oci::go_json(json);
}

}  // namespace

Result<StageImage> squash(BuildWork& work, const StageImage& image, const StageImage& base,
                          const oci::Time& now) {
  STRATA_TRY(store::Transaction txn, work.store.begin());
  StageImage made;
  made.chains = base.chains;
  std::optional<DiffId> layer;
  if (image.top() != nullptr) STRATA_CHECK(txn.hold_layers({image.top(), 1}));
  if (image.chains.size() > base.chains.size()) {
    STRATA_TRY(archive::UnpackedEarly merged, merge_layers(work, image, base, now, txn));
    layer = merged.layer.diff_id;
    STRATA_TRY(const ChainId chain, txn.add_layer(std::move(merged.staged), base.top(), *layer,
                                                  merged.layer.size_bytes));
    made.chains.push_back(chain);
  }
  STRATA_TRY(made.config, oci::ImageConfig::parse(squashed_config(image, base, layer, now)));
  STRATA_CHECK(txn.add_image(made.config->raw()));
  STRATA_CHECK(txn.commit());
  return made;
}

}  // namespace strata::build
