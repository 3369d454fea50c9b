// SPDX-License-Identifier: Apache-2.0
#include "doctor/layer_source.h"

#include "archive/image_files.h"
#include "archive/load_plan.h"
#include "codec/decompress.h"
#include "doctor/root_source.h"
#include "registry/copy_source.h"
#include "registry/tar_image.h"

namespace strata::doctor {
namespace {

// A stream that is unpacked while it is read.
class UnpackedSource final : public ByteSource {
 public:
  static Result<std::unique_ptr<ByteSource>> open(std::unique_ptr<ByteSource> packed, Pool& pool) {
    auto source = std::unique_ptr<UnpackedSource>(new UnpackedSource(std::move(packed), pool));
    STRATA_TRY(source->tar_, codec::open_decompressed(*source->packed_, source->helpers_));
    return std::unique_ptr<ByteSource>(std::move(source));
  }
  Result<size_t> read(MutableByteSpan buffer) override { return tar_->read(buffer); }

 private:
  UnpackedSource(std::unique_ptr<ByteSource> packed, Pool& pool)
      : packed_(std::move(packed)), helpers_(pool) {}
  std::unique_ptr<ByteSource> packed_;
  codec::GunzipHelpers helpers_;
  std::unique_ptr<ByteSource> tar_;
};

Error not_here(const std::string& name, const DiffId& diff) {
  return error(ErrorCode::kNotFound, "{}: it has no layer {}", name, diff);
}

// An archive or a folder: all images that its manifests tell of.
class ArchiveSource final : public LayerSource {
 public:
  static Result<std::unique_ptr<LayerSource>> open(const std::string& name, const std::string& path,
                                                   Pool& pool) {
    auto source = std::unique_ptr<ArchiveSource>(new ArchiveSource(name, pool));
    STRATA_TRY(source->files_, archive::ImageFiles::open(path, pool));
    STRATA_TRY(source->plan_,
               archive::plan_described_images(source->files_->contents(), {}).context("{}", name));
    return std::unique_ptr<LayerSource>(std::move(source));
  }

  std::string name() const override { return name_; }

  Result<bool> has_layer(const DiffId& diff) override { return file_of(diff) != nullptr; }

  Result<std::unique_ptr<ByteSource>> open_layer(const DiffId& diff) override {
    const std::string* file = file_of(diff);
    if (file == nullptr) return not_here(name_, diff);
    STRATA_TRY(archive::OpenedFile opened, files_->contents().open(*file));
    return UnpackedSource::open(std::move(opened.source), pool_);
  }

  Result<std::optional<std::string>> find_config(const ImageId& image) override {
    for (const archive::PlannedImage& planned : plan_.images) {
      if (planned.config.id() == image) return std::optional(planned.config.raw());
    }
    return std::optional<std::string>();
  }

  Result<std::vector<std::pair<std::string, ImageId>>> names() override {
    std::vector<std::pair<std::string, ImageId>> names;
    for (const archive::PlannedImage& image : plan_.images) {
      for (const oci::Reference& tag : image.tags)
        names.emplace_back(tag.store_key(), image.config.id());
    }
    return names;
  }

 private:
  ArchiveSource(std::string name, Pool& pool) : name_(std::move(name)), pool_(pool) {}

  // A thin archive names layers that it does not hold.
  const std::string* file_of(const DiffId& diff) const {
    for (const archive::PlannedImage& image : plan_.images) {
      for (const archive::PlannedLayer& layer : image.layers) {
        if (layer.diff == diff && files_->contents().has(layer.file)) return &layer.file;
      }
    }
    return nullptr;
  }

  const std::string name_;
  Pool& pool_;
  std::unique_ptr<archive::ImageFiles> files_;
  archive::LoadPlan plan_;
};

// One image of a registry; its blobs are fetched when a layer is asked for.
class RegistrySource final : public LayerSource {
 public:
  static Result<std::unique_ptr<LayerSource>> open(const std::string& name,
                                                   const oci::Reference& reference,
                                                   registry::Client* client, Pool& pool) {
    auto source = std::unique_ptr<RegistrySource>(new RegistrySource(name, reference, pool));
    if (client == nullptr) {
      STRATA_TRY(source->own_client_, registry::Client::open(registry::client_options(), pool));
      client = source->own_client_.get();
    }
    STRATA_TRY(std::shared_ptr<registry::ManifestSource> manifests,
               registry::open_repository_source(*client, reference, pool));
    STRATA_TRY(source->image_,
               registry::tar_image_of(std::move(manifests), std::nullopt).context("{}", name));
    return std::unique_ptr<LayerSource>(std::move(source));
  }

  std::string name() const override { return name_; }

  Result<bool> has_layer(const DiffId& diff) override { return find(diff) != nullptr; }

  Result<std::unique_ptr<ByteSource>> open_layer(const DiffId& diff) override {
    const registry::TarLayer* layer = find(diff);
    if (layer == nullptr) return not_here(name_, diff);
    STRATA_TRY(std::unique_ptr<ByteSource> blob, layer->open());
    return UnpackedSource::open(std::move(blob), pool_);
  }

  Result<std::optional<std::string>> find_config(const ImageId& image) override {
    const bool is_it = image_->config.id() == image;
    return is_it ? std::optional(image_->config.raw()) : std::optional<std::string>();
  }

  Result<std::vector<std::pair<std::string, ImageId>>> names() override {
    return std::vector{std::pair(reference_.with_default_tag().store_key(), image_->config.id())};
  }

 private:
  RegistrySource(std::string name, oci::Reference reference, Pool& pool)
      : name_(std::move(name)), reference_(std::move(reference)), pool_(pool) {}

  const registry::TarLayer* find(const DiffId& diff) const {
    for (const registry::TarLayer& layer : image_->layers) {
      if (layer.diff == diff) return &layer;
    }
    return nullptr;
  }

  const std::string name_;
  const oci::Reference reference_;
  Pool& pool_;
  std::unique_ptr<registry::Client> own_client_;
  std::optional<registry::TarImage> image_;
};

// "root:", and what containers-transports(5) has, but for names within an archive: all of it is wanted.
struct Place {
  enum class Kind { kArchive, kRoot, kRegistry } kind;
  std::string rest;
};

Result<Place> parse_place(const std::string& text) {
  constexpr std::pair<std::string_view, Place::Kind> kTransports[] = {
      {"docker://", Place::Kind::kRegistry},
      {"root:", Place::Kind::kRoot},
      {"docker-archive:", Place::Kind::kArchive},
      {"oci-archive:", Place::Kind::kArchive},
      {"oci:", Place::Kind::kArchive},
  };
  for (const auto& [prefix, kind] : kTransports) {
    if (text.starts_with(prefix)) return Place{kind, text.substr(prefix.size())};
  }
  Result<Fd> there = open_path(text, O_PATH);
  if (!there.ok() && there.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound,
                 "{}: no such file or folder; expected a path, root:PATH or docker://NAME", text);
  }
  if (!there.ok()) return std::move(there).error();
  Result<bool> is_root = exists_at(*there, "image");
  return Place{is_root.ok() && *is_root ? Place::Kind::kRoot : Place::Kind::kArchive, text};
}

// A root that is not there has no images, and so would be taken.
Status expect_root(const std::string& path) {
  STRATA_TRY(Fd root, open_path(path, O_PATH | O_DIRECTORY));
  STRATA_TRY(bool has_images, exists_at(root, "image"));
  if (has_images) return {};
  return error(ErrorCode::kNotFound, "this is no data root: it has no image/");
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_unpacked(std::unique_ptr<ByteSource> packed, Pool& pool) {
  return UnpackedSource::open(std::move(packed), pool);
}

Result<std::unique_ptr<LayerSource>> open_layer_source(const std::string& text, Pool& pool,
                                                       registry::Client* client) {
  STRATA_TRY(Place place, parse_place(text));
  switch (place.kind) {
    case Place::Kind::kArchive:
      return ArchiveSource::open(text, place.rest, pool);
    case Place::Kind::kRoot:
      STRATA_CHECK(expect_root(place.rest).context("{}", text));
      return open_root_source(place.rest, "", {}, pool);
    case Place::Kind::kRegistry:
      break;
  }
  STRATA_TRY(registry::ImagePlace image, registry::ImagePlace::parse(text));
  return RegistrySource::open(text, *image.name, client, pool);
}

}  // namespace strata::doctor
