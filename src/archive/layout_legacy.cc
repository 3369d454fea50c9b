// SPDX-License-Identifier: Apache-2.0
//
//   <v1id>/  <v1id>/VERSION  <v1id>/json  <v1id>/layer.tar     for each layer
//   <imageid>.json   manifest.json   [repositories]
//
// Source: FORMATS section 6.1; compared byte for byte with dockerd 20.10 in tests/compat.
#include "archive/layout.h"
#include "oci/archive_manifest.h"
#include "oci/v1_id.h"

namespace strata::archive {
namespace {

// Adds the folder of one layer; the same layer under another v1 ID is written once, and linked to.
void add_layer_folder(const oci::V1Layer& v1, const SaveLayer& layer, int64_t mtime,
                      std::map<DiffId, std::string>& written, Layout& layout) {
  if (layout.contains(v1.id)) return;
  layout.add_folder(v1.id, mtime);
  layout.add_text(v1.id + "/VERSION", "1.0", mtime);
  layout.add_text(v1.id + "/json", v1.json, mtime);
  if (layer.left_out) return;
  auto [first, fresh] = written.try_emplace(layer.record.diff, v1.id);
  if (fresh) {
    layout.add_layer(v1.id + "/layer.tar", layer, mtime);
  } else {
    layout.add_symlink(v1.id + "/layer.tar", "../" + first->second + "/layer.tar", mtime);
  }
}

}  // namespace

Result<Layout> docker_legacy_layout(const SavePlan& plan) {
  Layout layout(tar::HeaderStyle::kDocker20);
  std::vector<oci::ArchiveItem> items;
  oci::ArchiveRepositories repositories;
  std::map<DiffId, std::string> written;
  for (const SaveImage& image : plan.images) {
    STRATA_TRY(std::vector<oci::V1Layer> v1, oci::v1_layers(image.config, epoch_zone_seconds()));
    int64_t mtime = oci::file_seconds(image.config.created());
    oci::ArchiveItem item;
    item.config = image.config.id().hex() + ".json";
    for (size_t i = 0; i < v1.size(); ++i) {
      add_layer_folder(v1[i], image.layers[i], mtime, written, layout);
      item.layers.push_back(v1[i].id + "/layer.tar");
    }
    layout.add_text(item.config, image.config.raw(), mtime);
    for (const oci::Reference& tag : image.tags) {
      if (!item.repo_tags) item.repo_tags.emplace();
      item.repo_tags->push_back(tag.familiar_string());
      repositories[tag.familiar_name()][tag.tag()] = v1.back().id;
    }
    if (image.parent) item.parent = image.parent->to_string();
    items.push_back(std::move(item));
  }
  layout.add_text("manifest.json", oci::archive_manifest_text(items), 0);
  if (!repositories.empty())
    layout.add_text("repositories", oci::archive_repositories_text(repositories), 0);
  return layout;
}

}  // namespace strata::archive
