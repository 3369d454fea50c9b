// SPDX-License-Identifier: Apache-2.0
#include "runtime/import.h"

#include "codec/decompress.h"
#include "driver/layer_unpacker.h"
#include "oci/new_image.h"
#include "runtime/upper_folder.h"
#include "store/transaction.h"

namespace strata::runtime {
namespace {

Result<driver::UnpackedLayer> add_layer(store::Transaction& txn, ByteSource& tar, Pool& pool) {
  codec::GunzipHelpers helpers(pool);
  STRATA_TRY(std::unique_ptr<ByteSource> content, codec::open_decompressed(tar, helpers));
  STRATA_TRY(store::StagedLayer staged, txn.stage_layer());
  BufferPool buffers(kBlockBytes, kBlocks);
  STRATA_TRY(driver::UnpackedLayer layer,
             driver::unpack_layer(*content, {&staged.folder, &staged.diff, &staged.metadata}, pool,
                                  buffers, nullptr));
  STRATA_CHECK(txn.add_layer(std::move(staged), nullptr, layer.diff_id, layer.size_bytes));
  return layer;
}

Result<std::string> new_config(const DiffId& layer, const ImportOptions& options) {
  oci::NewImage made;
  if (options.change) STRATA_CHECK(options.change(made.config));
  made.comment =
      options.message.empty() ? fmt::format("Imported from {}", options.source) : options.message;
  made.created = oci::current_time();
  made.platform = options.platform;
  made.layer = layer;
  made.step.created = made.created;
  made.step.comment = made.comment;
  return oci::make_image_config(made);
}

}  // namespace

Result<ImportReport> import(store::Store& store, ByteSource& tar, const ImportOptions& options,
                            Pool& pool) {
  STRATA_TRY(store::Transaction txn, store.begin());
  STRATA_TRY(driver::UnpackedLayer layer, add_layer(txn, tar, pool));
  // Beyond this point the source has been read to its end.
  STRATA_TRY(std::string config, new_config(layer.diff_id, options));
  STRATA_TRY(ImageId image, txn.add_image(config));
  if (options.reference) {
    STRATA_CHECK(txn.set_reference(options.reference->store_key(), image));
    STRATA_CHECK(txn.touch(image));
  }
  STRATA_CHECK(txn.commit());
  return ImportReport{image, std::move(layer.warnings)};
}

}  // namespace strata::runtime
