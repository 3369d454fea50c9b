// SPDX-License-Identifier: Apache-2.0
#include "archive/load.h"

#include "archive/thin.h"
#include "archive/unpack_missing.h"
#include "base/timer.h"

namespace strata::archive {

LoadReport report_on(const LoadPlan& plan, const store::Transaction& txn,
                     std::vector<std::string> warnings) {
  LoadReport report;
  for (const PlannedImage& image : plan.images) {
    if (image.below_another && image.tags.empty()) continue;
    LoadedImage& loaded = report.images.emplace_back(LoadedImage{image.config.id(), {}});
    for (const oci::Reference& tag : image.tags) loaded.tags.push_back(tag.familiar_string());
  }
  report.moved = txn.moved();
  report.warnings = std::move(warnings);
  return report;
}

Status add_images(const LoadPlan& plan, store::Transaction& txn) {
  for (const PlannedImage& image : plan.images) {
    STRATA_TRY(ImageId id, txn.add_image(image.config.raw()));
    for (const oci::Reference& tag : image.tags)
      STRATA_CHECK(txn.set_reference(tag.store_key(), id));
    for (const oci::Reference& digest : image.digests)
      STRATA_CHECK(txn.set_reference(digest.store_key(), id));
  }
  for (const PlannedImage& image : plan.images) {
    if (!image.parent) continue;
    STRATA_CHECK(txn.set_foreign(image.config.id()));
    STRATA_CHECK(txn.set_parent(image.config.id(), *image.parent));
  }
  return {};
}

namespace {

Status commit(store::Transaction& txn) {
  Timer timer("commit");
  return txn.commit();
}

}  // namespace

Result<LoadReport> load(store::Store& store, const ArchiveInput& input, const LoadOptions& options,
                        Pool& pool) {
  BufferPool buffers(kBlockBytes, kBlocks);
  STRATA_TRY(store::Transaction txn, store.begin());  // staging folder and lease

  // Headers only, and bodies stay where they are; but a stream is read to its end, its layers
  // staged.
  STRATA_TRY(std::unique_ptr<Contents> contents,
             open_contents(input, txn, pool, buffers, options.progress));

  // manifest.json, index.json or repositories -> images, layers, tags.
  STRATA_TRY(LoadPlan plan, plan_images(*contents, options.plan, txn, pool, buffers));
  // Beyond this point the set of images and layers is fixed.

  // What a thin archive does not hold, the store must have. It stays until we are done.
  STRATA_TRY(std::vector<ChainId> taken, take_left_out_layers(plan, *contents, store, txn));
  if (options.verify_taken) STRATA_CHECK(verify_layers(taken, store, pool, buffers));

  // In parallel; verified against their diffIDs, and added in order.
  STRATA_TRY(std::vector<std::string> warnings,
             unpack_missing_layers(plan, *contents, {store, txn, pool, buffers, options.progress}));

  STRATA_CHECK(add_images(plan, txn));  // configs, tags and parent links, still staged
  STRATA_CHECK(commit(txn));            // publish: layers, configs, parents, tags
  return report_on(plan, txn, std::move(warnings));
}

}  // namespace strata::archive
