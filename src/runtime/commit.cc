// SPDX-License-Identifier: Apache-2.0
#include "runtime/commit.h"

#include "driver/upper_recorder.h"
#include "oci/merge_config.h"
#include "oci/new_image.h"
#include "runtime/changes_layer.h"
#include "runtime/freezer.h"
#include "runtime/upper_folder.h"
#include "store/transaction.h"

namespace strata::runtime {
namespace {

Result<oci::ImageConfig> read_image(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::string raw, store.images().read_config(image));
  return oci::ImageConfig::parse(std::move(raw));
}

// The image has been removed, but its layers stay as long as the container lies on them.
Result<oci::ImageConfig> image_of_layers(const store::Store& store,
                                         const store::LayerMount& mount) {
  std::vector<std::string> diffs;
  if (mount.parent) {
    STRATA_TRY(std::vector<store::Layer> layers, store.layers().read_chain(*mount.parent));
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
      diffs.push_back(fmt::format("\"{}\"", layer->diff));
  }
  return oci::ImageConfig::parse(fmt::format(
      R"({{"architecture":"{}","os":"linux","rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
      oci::Platform::host().architecture, fmt::join(diffs, ",")));
}

// What the container wrote, copied into a staged layer.
Result<archive::UnpackedEarly> copy_changes(store::Transaction& txn, const ContainerLayers& layers,
                                            const CommitOptions& options, Pool& pool) {
  BufferPool buffers(kBlockBytes, kBlocks);
  if (layers.is_whole) {
    driver::DiffTarOptions tar;
    tar.whiteout_mtime = oci::current_time().seconds;
    tar.style = options.header_style;
    tar.names = &options.owner_names;
    return layer_of_changes(layers.trees(), tar, {txn, pool, buffers});
  }
  archive::UnpackedEarly made;
  STRATA_TRY(made.staged, txn.stage_layer());
  driver::RecordOptions record;
  record.style = options.header_style;
  record.names = &options.owner_names;
  STRATA_TRY(made.layer,
             driver::copy_upper(layers.folders.front(),
                                {&made.staged.folder, &made.staged.diff, &made.staged.metadata},
                                record, pool, buffers));
  return made;
}

// The same, as a layer on those of its image.
Result<std::optional<DiffId>> add_upper(const store::Store& store, store::Transaction& txn,
                                        const ContainerRecord& container,
                                        const ContainerLayers& layers,
                                        const oci::ImageConfig& image, const CommitOptions& options,
                                        Pool& pool) {
  const std::vector<ChainId> below = image.chain_ids();
  STRATA_CHECK(txn.hold_layers(below));
  STRATA_TRY(Frozen frozen, options.pause ? Frozen::freeze(store, container) : Frozen());
  STRATA_TRY(archive::UnpackedEarly made, copy_changes(txn, layers, options, pool));
  const DiffId diff = made.layer.diff_id;
  if (driver::is_empty_layer(diff)) return std::optional<DiffId>();
  STRATA_CHECK(txn.add_layer(std::move(made.staged), below.empty() ? nullptr : &below.back(), diff,
                             made.layer.size_bytes)
                   .context("commit {}", options.container));
  return std::optional<DiffId>(diff);
}

Result<std::string> new_config(const ContainerRecord& container, const oci::ImageConfig& image,
                               const std::optional<DiffId>& layer, const CommitOptions& options) {
  oci::NewImage made;
  made.parent = &image;
  made.config = container.config;
  if (options.change) STRATA_CHECK(options.change(made.config));
  oci::merge_config(made.config, container.config);
  made.container_config = container.config;
  made.container = container.id;
  made.author = options.author;
  made.created = oci::current_time();
  made.layer = layer;
  made.step.created = made.created;
  made.step.author = options.author;
  made.step.comment = options.message;
  const std::vector<std::string> words = container.config.cmd.value_or(std::vector<std::string>());
  made.step.created_by = fmt::format("{}", fmt::join(words, " "));
  return oci::make_image_config(made);
}

}  // namespace

Result<ImageId> commit(store::Store& store, const CommitOptions& options, Pool& pool) {
  STRATA_TRY(ContainerRecord container, find_container(store, options.container));
  STRATA_TRY(ContainerLayers layers, open_container_layers(store, container));
  STRATA_TRY(bool has_image, store.images().exists(container.image));
  STRATA_TRY(oci::ImageConfig parent,
             has_image ? read_image(store, container.image) : image_of_layers(store, layers.mount));
  STRATA_TRY(store::Transaction txn, store.begin());
  STRATA_TRY(std::optional<DiffId> layer,
             add_upper(store, txn, container, layers, parent, options, pool));
  // Beyond this point nothing of the container is read any more.
  STRATA_TRY(std::string config, new_config(container, parent, layer, options));
  STRATA_TRY(ImageId image, txn.add_image(config));
  if (has_image) STRATA_CHECK(txn.set_parent(image, container.image));
  STRATA_CHECK(txn.set_built_locally(image));
  if (options.reference) {
    STRATA_CHECK(txn.set_reference(options.reference->store_key(), image));
    STRATA_CHECK(txn.touch(image));
  }
  STRATA_CHECK(txn.commit());
  return image;
}

}  // namespace strata::runtime
