// SPDX-License-Identifier: Apache-2.0
//
// How long a layer is unpacked, no manifest says. So its member is written behind all others, and
// its header when it has ended: one pass, no copy beside. The layers stand in front, base first;
// what names them, and their sizes, follows.
// Source: docs/formats/archives.md, archive/layout.h.
#include <map>

#include "archive/layout.h"
#include "archive/tar_file.h"
#include "registry/copy_steps.h"
#include "registry/layer_packing.h"

namespace strata::registry {
namespace {

constexpr const char* kBlobs = "blobs/sha256/";

// The image as save knows it.
archive::SavePlan plan_of(const TarImage& image, const ImagePlace& to,
                          const std::vector<uint64_t>& sizes) {
  archive::SaveImage saved{image.config, {}, {}, {}, false};
  if (to.name) saved.tags.push_back(*to.name);
  for (size_t i = 0; i < image.layers.size(); ++i) {
    archive::SaveLayer layer;
    layer.record.diff = image.layers[i].diff;
    layer.tar_bytes = sizes[i];
    saved.layers.push_back(std::move(layer));
  }
  archive::SavePlan plan;
  plan.images.push_back(std::move(saved));
  return plan;
}

}  // namespace

Status write_docker_archive(const TarImage& image, const ImagePlace& to, CopyWatcher& watcher,
                            Pool& pool) {
  if (image.layers.empty()) {
    return error(ErrorCode::kInvalid, "image {}: empty export - not implemented",
                 image.config.id());
  }
  STRATA_TRY(archive::TarFile tar, archive::TarFile::create(to.path));
  const int64_t created = oci::file_seconds(image.config.created());
  STRATA_CHECK(tar.add_folder("blobs", created));
  STRATA_CHECK(tar.add_folder("blobs/sha256"));
  std::vector<uint64_t> sizes;
  std::map<DiffId, uint64_t> written;
  for (const TarLayer& layer : image.layers) {
    STRATA_CHECK(pool.check_cancelled());
    if (!written.contains(layer.diff)) {
      archive::PlaceSink place = tar.begin();
      STRATA_TRY(written[layer.diff], unpack_layer_to(layer, place, watcher, pool));
      STRATA_CHECK(tar.end(kBlobs + layer.diff.hex(), written[layer.diff], created));
      watcher.blob_done(layer.diff.digest(), "Unpacked");
    }
    sizes.push_back(written[layer.diff]);
  }
  // Beyond this point every layer is there, verified, and its size is known.
  STRATA_TRY(archive::Layout layout, archive::docker_layout(plan_of(image, to, sizes)));
  for (const archive::Entry& entry : layout.take_entries()) {
    if (entry.layer || entry.header.type != tar::kRegular) continue;
    STRATA_CHECK(tar.add(entry.header, entry.text));
  }
  return tar.publish();
}

}  // namespace strata::registry
