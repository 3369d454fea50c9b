// SPDX-License-Identifier: Apache-2.0
#include "runtime/export.h"

#include "driver/tree_tar.h"
#include "oci/image_config.h"
#include "runtime/container_record.h"
#include "runtime/upper_folder.h"
#include "store/layer_hold.h"
#include "store/resolve.h"

namespace strata::runtime {
namespace {

Status write_files(const std::vector<Fd>& layers, bool may_change, ByteSink& to, Pool& pool) {
  const driver::LayerStack tree(layers);
  driver::TreeTarOptions options;
  options.rules.form = driver::TreeForm::kWhole;
  options.may_change = may_change;
  BufferPool buffers(kBlockBytes, kBlocks);
  return driver::write_tree_tar(tree, options, to, pool, buffers);
}

}  // namespace

Status export_container(const store::Store& store, const std::string& container, ByteSink& to,
                        Pool& pool) {
  STRATA_TRY(ContainerRecord record, find_container(store, container));
  STRATA_TRY(store::LayerMount mount, find_mount(store, record.id));
  STRATA_TRY(CacheId cache, CacheId::parse(mount.mount_id));
  STRATA_TRY(std::vector<Fd> layers,
             store.driver().open_stack(cache).context("container {}", record.id));
  constexpr bool kMayChange = true;  // a container that runs is not stopped for it
  return write_files(layers, kMayChange, to, pool);
}

Status export_image(const store::Store& store, const std::string& image, ByteSink& to, Pool& pool) {
  STRATA_TRY(store::Resolved resolved, store::resolve(store, image));
  STRATA_TRY(std::string raw, store.images().read_config(resolved.image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
  const std::vector<ChainId> chains = config.chain_ids();
  if (chains.empty()) return to.write(tar::kEndOfArchive);
  STRATA_TRY(store::Layer top, store.layers().read(chains.back()));
  STRATA_TRY(store::LayerHold hold, store::LayerHold::take(store, top.chain));
  STRATA_TRY(std::vector<Fd> layers, store.driver().open_stack(top.cache));
  return write_files(layers, false, to, pool);
}

}  // namespace strata::runtime
