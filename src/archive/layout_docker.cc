// SPDX-License-Identifier: Apache-2.0
//
//   docker:  blobs/sha256/<digest>  index.json  manifest.json  oci-layout  [repositories]
//   oci:     blobs/sha256/<digest>  index.json  oci-layout
//   blobs:   each config; each layer as plain tar, named by its diffID; an OCI manifest for each
//            image; in docker's also a v1 `json` for each layer, which nothing refers to.
//
// Source: FORMATS section 6.2; OCI image-spec, image-layout.md. blobs/sha256/ is dated 0
// (docker 28.5: the time of saving), so that the same images always give the same archive.
#include "archive/layout.h"
#include "oci/archive_manifest.h"
#include "oci/manifest.h"
#include "oci/v1_id.h"

namespace strata::archive {
namespace {

constexpr const char* kBlobs = "blobs/sha256/";

oci::Descriptor layer_descriptor(const SaveLayer& layer) {
  oci::Descriptor descriptor;
  descriptor.media_type = oci::media_type::kOciLayer;
  descriptor.digest = layer.record.diff.digest();
  descriptor.size_bytes = static_cast<int64_t>(layer.tar_bytes);
  return descriptor;
}

std::string manifest_of(const SaveImage& image) {
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kOciManifest;
  manifest.config.media_type = oci::media_type::kOciConfig;
  manifest.config.digest = image.config.id().digest();
  manifest.config.size_bytes = static_cast<int64_t>(image.config.raw().size());
  for (const SaveLayer& layer : image.layers) manifest.layers.push_back(layer_descriptor(layer));
  return oci::manifest_text(manifest);
}

// Adds the image's blobs but for the v1 `json` files, and its entries in the index.
void add_image(const SaveImage& image, oci::Index& index, Layout& layout) {
  int64_t created = oci::file_seconds(image.config.created());
  layout.add_folder("blobs", created);
  layout.add_folder("blobs/sha256", 0);
  layout.add_text(kBlobs + image.config.id().hex(), image.config.raw(), created);
  for (const SaveLayer& layer : image.layers)
    layout.add_layer(kBlobs + layer.record.diff.hex(), layer, created);

  std::string text = manifest_of(image);
  oci::Descriptor descriptor;
  descriptor.media_type = oci::media_type::kOciManifest;
  descriptor.digest = Digest::of(text);
  descriptor.size_bytes = static_cast<int64_t>(text.size());
  layout.add_text(kBlobs + descriptor.digest.hex(), std::move(text), 0);
  if (image.tags.empty()) index.manifests.push_back(descriptor);
  for (const oci::Reference& tag : image.tags) {
    descriptor.annotations = {{std::string(oci::annotation::kContainerdName), tag.full_string()},
                              {std::string(oci::annotation::kRefName), tag.tag()}};
    index.manifests.push_back(descriptor);
  }
}

void add_index(const oci::Index& index, Layout& layout) {
  layout.add_text("index.json", oci::index_text(index), 0);
  layout.add_text("oci-layout", R"({"imageLayoutVersion": "1.0.0"})", 0);
}

oci::ArchiveItem archive_item(const SaveImage& image) {
  oci::ArchiveItem item;
  item.config = kBlobs + image.config.id().hex();
  if (image.parent) item.parent = image.parent->to_string();
  for (const SaveLayer& layer : image.layers) {
    item.layers.push_back(kBlobs + layer.record.diff.hex());
    std::string digest = layer.record.diff.to_string();
    item.layer_sources[digest] = {std::string(oci::media_type::kOciLayer),
                                  static_cast<int64_t>(layer.tar_bytes), digest};
  }
  for (const oci::Reference& tag : image.tags) {
    if (!item.repo_tags) item.repo_tags.emplace();
    item.repo_tags->push_back(tag.familiar_string());
  }
  return item;
}

oci::Index empty_index() {
  oci::Index index;
  index.media_type = oci::media_type::kOciIndex;
  return index;
}

}  // namespace

Result<Layout> docker_layout(const SavePlan& plan) {
  Layout layout(tar::HeaderStyle::kDocker28);
  oci::Index index = empty_index();
  std::vector<oci::ArchiveItem> items;
  oci::ArchiveRepositories repositories;
  for (const SaveImage& image : plan.images) {
    add_image(image, index, layout);
    int64_t created = oci::file_seconds(image.config.created());
    STRATA_TRY(std::vector<oci::V1Layer> v1, oci::v1_layers(image.config, epoch_zone_seconds()));
    for (oci::V1Layer& layer : v1) {
      std::string name = kBlobs + Digest::of(layer.json).hex();
      layout.add_text(name, std::move(layer.json), created);
    }
    for (const oci::Reference& tag : image.tags) {
      repositories[tag.familiar_name()][tag.tag()] = image.layers.back().record.diff.hex();
    }
    items.push_back(archive_item(image));
  }
  add_index(index, layout);
  layout.add_text("manifest.json", oci::archive_manifest_text(items), 0);
  if (!repositories.empty())
    layout.add_text("repositories", oci::archive_repositories_text(repositories), 0);
  return layout;
}

Result<Layout> oci_layout(const SavePlan& plan) {
  Layout layout(tar::HeaderStyle::kDocker28);
  oci::Index index = empty_index();
  for (const SaveImage& image : plan.images) add_image(image, index, layout);
  add_index(index, layout);
  return layout;
}

}  // namespace strata::archive
