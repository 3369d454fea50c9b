// SPDX-License-Identifier: Apache-2.0
#include "archive/load.h"
#include "archive/unpack_missing.h"
#include "registry/copy_steps.h"

namespace strata::registry {
namespace {

// The layers of the image as the files of an archive, named by their diffIDs.
class LayerFiles final : public archive::Contents {
 public:
  explicit LayerFiles(const TarImage& image) {
    for (const TarLayer& layer : image.layers) layers_.emplace(layer.diff.to_string(), &layer);
  }
  bool has(const std::string& name) const override { return layers_.contains(name); }
  Result<archive::OpenedFile> open(const std::string& name) const override {
    auto found = layers_.find(name);
    if (found == layers_.end()) return error(ErrorCode::kNotFound, "open {}: no such layer", name);
    STRATA_TRY(std::unique_ptr<ByteSource> bytes, found->second->open());
    return archive::OpenedFile{std::move(bytes), found->second->size_bytes};
  }
  Result<std::vector<std::string>> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, layer] : layers_) names.push_back(name);
    return names;
  }

 private:
  std::map<std::string, const TarLayer*> layers_;
};

// Hands on what load tells.
class LoadWatcher final : public archive::LoadProgress {
 public:
  explicit LoadWatcher(CopyWatcher& watcher) : watcher_(watcher) {}
  void layer_started(const DiffId& layer, uint64_t total_bytes) override {
    watcher_.blob_started(layer.digest(), total_bytes);
  }
  void layer_advanced(const DiffId& layer, uint64_t bytes_done) override {
    watcher_.blob_advanced(layer.digest(), bytes_done);
  }
  void layer_finished(const DiffId& layer) override {
    watcher_.blob_done(layer.digest(), "Unpacked");
  }

 private:
  CopyWatcher& watcher_;
};

}  // namespace

Result<CopyReport> unpack_into_root(TarImage image, store::Store& store,
                                    const std::optional<oci::Reference>& name, CopyWatcher& watcher,
                                    Pool& pool) {
  BufferPool buffers(archive::kBlockBytes, archive::kBlocks);
  LayerFiles files(image);
  LoadWatcher load_watcher(watcher);
  std::vector<std::string> layers;
  for (const TarLayer& layer : image.layers) layers.push_back(layer.diff.to_string());
  archive::LoadPlan plan;
  STRATA_TRY(archive::PlannedImage planned,
             archive::plan_image(std::string(image.config.raw()), layers));
  if (name) planned.tags.push_back(*name);
  plan.images.push_back(std::move(planned));

  STRATA_TRY(store::Transaction txn, store.begin());
  CopyReport report{{}, image.config.id()};
  // In parallel; verified against their diffIDs, and added in order.
  STRATA_TRY(report.warnings, archive::unpack_missing_layers(
                                  plan, files, {store, txn, pool, buffers, &load_watcher}));
  STRATA_CHECK(archive::add_images(plan, txn));
  STRATA_CHECK(txn.commit());  // sync, then publish: layers, config, name
  return report;
}

}  // namespace strata::registry
