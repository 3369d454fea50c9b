// SPDX-License-Identifier: Apache-2.0
#include "registry/push.h"

#include <algorithm>
#include <map>

#include "base/timer.h"
#include "registry/push_layer.h"
#include "registry/push_origin.h"
#include "store/layer_hold.h"
#include "store/transaction.h"

namespace strata::registry {
namespace {

constexpr size_t kLayersAtOnce = 5;  // as docker

// One image and the tag that it gets.
struct TaggedImage {
  oci::Reference name;
  oci::ImageConfig config;
};

// What a manifest is made of.
struct Placed {
  std::vector<PlacedLayer> layers;  // base first
  bool all_as_origin = false;
};

Result<TaggedImage> read_image(const store::Store& store, const oci::Reference& name,
                               const ImageId& image) {
  STRATA_TRY(std::string raw, store.images().read_config(image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
  return TaggedImage{name, std::move(config)};
}

// Which images the name stands for.
Result<std::vector<TaggedImage>> choose(const store::Store& store, const store::References& known,
                                        const oci::Reference& name, bool all_tags) {
  std::vector<TaggedImage> images;
  auto repository = known.repositories().find(name.familiar_name());
  if (repository == known.repositories().end()) {
    return error(ErrorCode::kNotFound, "An image does not exist locally with the tag: {}",
                 name.familiar_name());
  }
  for (const auto& [key, id] : repository->second) {
    Result<oci::Reference> tagged = oci::Reference::parse(key);
    if (!tagged.ok() || tagged->tag().empty() || tagged->digest()) continue;
    if (!all_tags && tagged->tag() != name.tag()) continue;
    STRATA_TRY(ImageId image, ImageId::parse(id));
    STRATA_TRY(TaggedImage chosen, read_image(store, *tagged, image));
    images.push_back(std::move(chosen));
  }
  if (images.empty() && !all_tags) {
    return error(ErrorCode::kNotFound, "tag does not exist: {}", name.familiar_string());
  }
  if (images.empty()) {
    return error(ErrorCode::kNotFound, "An image does not exist locally with the tag: {}",
                 name.familiar_name());
  }
  return images;
}

// Every layer to the registry, top first; one that comes twice goes once.
Result<Placed> place_layers(LayerPusher& pusher, const oci::ImageConfig& config,
                            const Origin* origin, PushProgress& progress) {
  const std::vector<DiffId>& diffs = config.diff_ids();
  const std::vector<ChainId> chains = config.chain_ids();
  std::map<DiffId, size_t> first;  // where the layer that counts for it stands
  std::vector<size_t> order;
  std::vector<DiffId> shown;
  for (size_t i = diffs.size(); i-- > 0;) {
    if (!first.emplace(diffs[i], i).second) continue;
    order.push_back(i);
    shown.push_back(diffs[i]);
  }
  progress.layers(shown);
  std::vector<PlacedLayer> placed(diffs.size());
  STRATA_CHECK(run_in_lanes(kLayersAtOnce, order.size(), [&](size_t at) -> Status {
    size_t i = order[at];
    const oci::Descriptor* wanted = origin == nullptr ? nullptr : &origin->manifest.layers[i];
    STRATA_TRY(placed[i], pusher.place(chains[i], diffs[i], wanted));
    return {};
  }));
  Placed result;
  result.all_as_origin = origin != nullptr;
  for (size_t i = 0; i < diffs.size(); ++i) {
    PlacedLayer layer = placed[first[diffs[i]]];
    bool same = origin != nullptr && layer.descriptor.digest == origin->manifest.layers[i].digest;
    result.all_as_origin = result.all_as_origin && layer.as_origin && same;
    result.layers.push_back(std::move(layer));
  }
  return result;
}

Status upload_config(Repository& repository, const oci::ImageConfig& config) {
  UploadSource source;
  source.open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    return std::unique_ptr<ByteSource>(std::make_unique<SpanSource>(as_bytes(config.raw())));
  };
  source.digest = config.id().digest();
  source.size_bytes = config.raw().size();
  Result<UploadedBlob> blob = repository.upload_blob(source);
  if (blob.ok()) return {};
  return std::move(blob).error();
}

// The origin's bytes where all is as there; else docker's own form, or OCI's when docker's has no
// word for a layer.
RemoteManifest make_manifest(const oci::ImageConfig& config, const Placed& placed,
                             const Origin* origin) {
  if (placed.all_as_origin) return origin->text;
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kDockerManifest;
  manifest.config.media_type = oci::media_type::kDockerConfig;
  manifest.config.digest = config.id().digest();
  manifest.config.size_bytes = static_cast<int64_t>(config.raw().size());
  bool is_docker = true;
  for (const PlacedLayer& layer : placed.layers) {
    manifest.layers.push_back(layer.descriptor);
    is_docker = is_docker && layer.descriptor.media_type.ends_with("gzip");
  }
  for (oci::Descriptor& layer : manifest.layers) {
    bool is_gzip = layer.media_type.ends_with("gzip");
    if (is_gzip) {
      layer.media_type =
          is_docker ? oci::media_type::kDockerLayerGzip : oci::media_type::kOciLayerGzip;
    }
    layer.annotations.clear();
  }
  if (!is_docker) {
    manifest.media_type = oci::media_type::kOciManifest;
    manifest.config.media_type = oci::media_type::kOciConfig;
  }
  RemoteManifest made;
  made.bytes = is_docker ? oci::pushed_manifest_text(manifest) : oci::manifest_text(manifest);
  made.media_type = manifest.media_type;
  made.digest = Digest::of(made.bytes);
  return made;
}

// Says so when an image that has a digest somewhere gets another one here.
void note_new_digest(const std::vector<oci::Reference>& known, const RemoteManifest& manifest,
                     const Placed& placed, const OriginSearch& search, PushProgress& progress) {
  if (known.empty() || placed.all_as_origin) return;
  bool is_known = std::any_of(known.begin(), known.end(),
                              [&](const auto& name) { return *name.digest() == manifest.digest; });
  if (is_known) return;
  std::string_view reason = search.origin ? "not all of its blobs are used again"
                            : search.first_lacks_image
                                ? "this image is not in what is there under that digest"
                                : "its manifest cannot be had from there any more";
  progress.note(
      fmt::format("the digest differs from {}: {}", known.front().familiar_string(), reason));
}

Status push_one(store::Store& store, Client& client, Repository& repository,
                const TaggedImage& image, const PushOptions& options, PushProgress& progress,
                Pool& pool) {
  std::optional<store::Transaction> txn;
  if (store.access() == store::Access::kWrite) {
    STRATA_TRY(txn, store.begin());
    STRATA_CHECK(txn->hold_layers(image.config.chain_ids()));  // no rmi takes them meanwhile
  }
  std::optional<store::LayerHold> hold;
  if (const std::vector<ChainId> chains = image.config.chain_ids(); !txn && !chains.empty()) {
    STRATA_TRY(hold, store::LayerHold::take(store, chains.back()));
  }
  STRATA_TRY(store::References references, store.references());
  std::vector<oci::Reference> known = known_digests(references, image.config.id(), image.name);
  STRATA_TRY(OriginSearch search, find_origin(client, image.config, known));
  const Origin* from = search.origin ? &*search.origin : nullptr;
  STRATA_TRY(std::string key, client.push_record_key(image.name));
  LayerPusher pusher({store, client, repository, from, key, options, progress, pool});
  STRATA_TRY(Placed placed, place_layers(pusher, image.config, from, progress));
  STRATA_CHECK(upload_config(repository, image.config));
  // Beyond this point every blob is at the registry, verified.
  RemoteManifest manifest = make_manifest(image.config, placed, from);
  STRATA_TRY(Digest digest,
             repository.put_manifest(image.name.tag(), manifest.bytes, manifest.media_type));
  if (txn) {
    STRATA_CHECK(txn->set_reference(image.name.with_digest(digest).store_key(), image.config.id()));
    STRATA_CHECK(txn->commit());
  }
  progress.tag_done(image.name.tag(), digest, manifest.bytes.size());
  note_new_digest(known, manifest, placed, search, progress);
  return {};
}

}  // namespace

Status push(store::Store& store, Client& client, const oci::Reference& name,
            const PushOptions& options, PushProgress& progress, Pool& pool) {
  Timer timer("push");
  if (name.digest()) return error(ErrorCode::kInvalid, "cannot push a digest reference");
  oci::Reference wanted = options.all_tags ? name : name.with_default_tag();
  STRATA_TRY(store::References known, store.references());
  std::vector<TaggedImage> images;
  if (options.image) {
    STRATA_TRY(TaggedImage image, read_image(store, wanted, *options.image));
    images.push_back(std::move(image));
  } else {
    STRATA_TRY(images, choose(store, known, wanted, options.all_tags));
  }
  STRATA_TRY(std::unique_ptr<Repository> repository, client.repository(wanted, Access::kPush));
  for (const TaggedImage& image : images) {
    STRATA_CHECK(push_one(store, client, *repository, image, options, progress, pool));
  }
  return {};
}

}  // namespace strata::registry
