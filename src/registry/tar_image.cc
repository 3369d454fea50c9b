// SPDX-License-Identifier: Apache-2.0
#include "registry/tar_image.h"

#include <algorithm>

#include "archive/image_files.h"
#include "archive/load_plan.h"
#include "archive/save_plan.h"
#include "archive/thin.h"
#include "driver/layer_reader.h"
#include "registry/piped_source.h"
#include "registry/resolve_image.h"
#include "store/resolve.h"

namespace strata::registry {
namespace {

constexpr size_t kReadBlockBytes = 256 << 10;
constexpr size_t kReadBlocks = 12;

Status check_platform(const oci::ImageConfig& config, const std::string& name,
                      const std::optional<oci::Platform>& wanted) {
  if (!wanted || oci::match_rank(*wanted, config.platform().normalized())) return {};
  return error(ErrorCode::kNotFound, "{}: the image is for {}, not for {}", name,
               config.platform().normalized().to_string(), wanted->to_string());
}

Result<std::string> read_config(ManifestSource& source, const oci::Descriptor& config) {
  STRATA_TRY(std::unique_ptr<ByteSource> bytes, source.open_blob(config));
  VerifyingSource verified(std::move(bytes), config);
  return about_blob("image config", config.digest,
                    read_to_end(verified, archive::Contents::kMaxJsonBytes));
}

bool is_named(const archive::PlannedImage& image, const oci::Reference& name) {
  return std::find(image.tags.begin(), image.tags.end(), name) != image.tags.end();
}

Result<const archive::PlannedImage*> choose(const archive::LoadPlan& plan,
                                            const ImagePlace& place) {
  if (place.number) {
    if (*place.number < plan.images.size()) return &plan.images[*place.number];
    return error(ErrorCode::kNotFound, "{}: there is no image number {}; it holds {}", place.path,
                 *place.number, plan.images.size());
  }
  std::string names;
  for (const archive::PlannedImage& image : plan.images) {
    if (place.name && is_named(image, *place.name)) return &image;
    for (const oci::Reference& tag : image.tags) {
      names += (names.empty() ? "" : ", ") + tag.familiar_string();
    }
  }
  if (names.empty()) names = "none";
  if (place.name) {
    return error(ErrorCode::kNotFound, "{}: no image is called {}; names are: {}", place.path,
                 place.name->familiar_string(), names);
  }
  if (plan.images.size() == 1) return &plan.images.front();
  return error(ErrorCode::kInvalid,
               "{}: it holds {} images; say which by a name or \"@\" and a "
               "number: {}",
               place.path, plan.images.size(), names);
}

}  // namespace

Result<TarImage> tar_image_of(std::shared_ptr<ManifestSource> source,
                              const std::optional<oci::Platform>& platform) {
  STRATA_TRY(RemoteManifest top, source->top());
  STRATA_TRY(RemoteManifest chosen,
             choose_manifest(
                 std::move(top), [&](const Digest& digest) { return source->manifest(digest); },
                 platform));
  STRATA_TRY(oci::Manifest manifest,
             oci::parse_manifest(chosen.bytes).context("{}", chosen.digest));
  STRATA_CHECK(check_is_image(manifest, chosen.digest));
  STRATA_TRY(std::string text, read_config(*source, manifest.config));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(text)));
  STRATA_CHECK(check_platform(config, chosen.digest.to_string(), platform));
  const std::vector<DiffId>& diffs = config.diff_ids();
  if (diffs.size() != manifest.layers.size()) {
    return error(ErrorCode::kInvalid, "manifest {} has {} layers, its config {}", chosen.digest,
                 manifest.layers.size(), diffs.size());
  }
  std::vector<TarLayer> layers;
  for (size_t i = 0; i < diffs.size(); ++i) {
    const oci::Descriptor& blob = manifest.layers[i];
    BlobOpener open = [source, blob]() -> Result<std::unique_ptr<ByteSource>> {
      STRATA_TRY(std::unique_ptr<ByteSource> bytes, source->open_blob(blob));
      return std::unique_ptr<ByteSource>(std::make_unique<VerifyingSource>(std::move(bytes), blob));
    };
    layers.push_back({diffs[i], static_cast<uint64_t>(blob.size_bytes), std::move(open)});
  }
  return TarImage{std::move(config), std::move(layers), std::move(source)};
}

Result<TarImage> tar_image_of_archive(const ImagePlace& place,
                                      const std::optional<oci::Platform>& platform, Pool& pool) {
  STRATA_TRY(std::unique_ptr<archive::ImageFiles> opened,
             archive::ImageFiles::open(place.path, pool));
  std::shared_ptr<archive::ImageFiles> files = std::move(opened);
  STRATA_TRY(archive::LoadPlan plan,
             archive::plan_described_images(files->contents(), {}).context("{}", place.path));
  STRATA_TRY(const archive::PlannedImage* image, choose(plan, place));
  STRATA_CHECK(check_platform(image->config, place.text, platform));
  std::vector<TarLayer> layers;
  for (const archive::PlannedLayer& layer : image->layers) {
    if (!files->contents().has(layer.file) && files->contents().has(archive::kThinFile)) {
      return error(ErrorCode::kNotFound,
                   "{}: the archive was saved without layers that its receiver should have, {} "
                   "among them: load it where they are, and copy the image from there",
                   place.path, layer.diff);
    }
    STRATA_TRY(archive::OpenedFile file,
               files->contents().open(layer.file).context("{}", place.path));
    BlobOpener open = [files, name = layer.file]() -> Result<std::unique_ptr<ByteSource>> {
      STRATA_TRY(archive::OpenedFile opened_file, files->contents().open(name));
      return std::move(opened_file.source);
    };
    layers.push_back({layer.diff, file.size_bytes, std::move(open)});
  }
  return TarImage{image->config, std::move(layers), files};
}

TarLayer tar_layer_of(const store::Store& store, const store::Layer& record, const Pool& pool) {
  BlobOpener open = [&store, &pool, record]() {
    auto produce = [&store, &pool, record](ByteSink& to) -> Status {
      BufferPool buffers(kReadBlockBytes, kReadBlocks);
      STRATA_TRY(Fd files, store.driver().open_files(record.cache));
      STRATA_TRY(Fd split, store.layers().open_tar_split(record.chain));
      return driver::read_layer({&files, &split}, record.diff, to, buffers, pool)
          .context("layer {}", record.diff);
    };
    return Result<std::unique_ptr<ByteSource>>(std::make_unique<PipedSource>(produce));
  };
  return TarLayer{record.diff, 0, std::move(open)};
}

Result<TarImage> tar_image_of_store(const store::Store& store, const std::string& name,
                                    const std::optional<oci::Platform>& platform,
                                    const Pool& pool) {
  STRATA_TRY(store::Resolved found, store::resolve(store, name));
  STRATA_TRY(archive::SavePlan plan, archive::choose_images(store, {found.image.to_string()}));
  archive::SaveImage& image = plan.images.front();
  STRATA_CHECK(check_platform(image.config, name, platform));
  std::vector<TarLayer> layers;
  for (const archive::SaveLayer& layer : image.layers) {
    layers.push_back(tar_layer_of(store, layer.record, pool));
  }
  auto holder = std::make_shared<std::vector<store::LayerHold>>(std::move(plan.holds));
  return TarImage{std::move(image.config), std::move(layers), std::move(holder)};
}

}  // namespace strata::registry
