// SPDX-License-Identifier: Apache-2.0
// Steps that are taken from a cache: that of the store, images that were named, exported caches.
#include <algorithm>

#include "archive/layer_jobs.h"
#include "build/stage_run.h"
#include "codec/decompress.h"

namespace strata::build {
namespace {

// What an image tells of how it was made, without the traces of the container that did it: those
// of a step that dockerd did differ in nothing else.
boost::json::object without_container(const oci::ImageConfig& image) {
  boost::json::object json = image.json();
  for (const char* member : {"container", "container_config", "docker_version"}) json.erase(member);
  if (auto config = json.find("config"); config != json.end() && config->value().is_object()) {
    for (const char* member : {"Hostname", "Domainname"})
      config->value().get_object().erase(member);
  }
  return json;
}

}  // namespace

Result<bool> StageRun::take_cached(const oci::ContainerConfig& step, bool writes_files) {
  const std::optional<oci::Time> fixed =
      work_.request.time ? std::optional(time_of_build(work_.request)) : std::nullopt;
  STRATA_TRY(std::optional<oci::ImageConfig> found,
             work_.cache.find(image_.get(), step, platform_, fixed));
  if (found.has_value()) {
    StageImage image;
    image.chains = found->chain_ids();
    image.config = std::move(found);
    take_from_cache(std::move(image));
    return true;
  }
  STRATA_TRY(const bool taken, take_foreign(step));
  if (taken) return true;
  return take_imported(step, writes_files);
}

void StageRun::take_from_cache(StageImage image) {
  work_.log.step_cached(planned_.index, image.config->id());
  take(std::move(image));
}

Result<bool> StageRun::take_foreign(const oci::ContainerConfig& step) {
  std::optional<ImageCache::ForeignStep> found =
      work_.cache.find_foreign(image_.get(), fmt::format("{}", fmt::join(*step.cmd, " ")));
  if (!found.has_value()) return false;
  StageImage made;
  made.chains = image_.chains;
  if (found->layer.has_value()) {
    made.chains.push_back(chain_id(image_.top(), *found->layer));
    STRATA_TRY(bool there, work_.store.has_layer(made.chains.back()));
    if (!there) return false;
  }
  STRATA_TRY(store::Transaction txn, work_.store.begin());
  if (!made.chains.empty()) STRATA_CHECK(txn.hold_layers({&made.chains.back(), 1}));
  oci::NewImage image = image_of_step(step, found->history.created);
  image.layer = found->layer;
  STRATA_CHECK(publish(txn, oci::make_image_config(image), made));
  take_from_cache(std::move(made));
  return true;
}

Result<bool> StageRun::take_imported(const oci::ContainerConfig& step, bool writes_files) {
  const std::optional<oci::Time> fixed =
      work_.request.time ? std::optional(time_of_build(work_.request)) : std::nullopt;
  std::optional<ImageCache::ImportedStep> found =
      work_.cache.find_imported(image_.get(), step, platform_, fixed);
  if (!found.has_value()) return false;
  Result<StageImage> made = fetch_imported(*found, step, writes_files);
  if (made.ok()) {
    take_from_cache(std::move(*made));
    return true;
  }
  const ErrorCode code = made.error().code();
  if (code == ErrorCode::kCancelled || code == ErrorCode::kNoSpace) return std::move(made).error();
  // A cache that is damaged, lies or cannot be reached is none.
  work_.log.warn(planned_.index, fmt::format("cache-from {}: {}; the step is done here",
                                             found->cache->name(), made.error().message()));
  return false;
}

Result<StageImage> StageRun::fetch_imported(const ImageCache::ImportedStep& found,
                                            const oci::ContainerConfig& step, bool writes_files) {
  const oci::ImageConfig& image = found.image;
  StageImage made;
  made.chains = image_.chains;
  oci::NewImage computed = image_of_step(step, image.created());
  const std::vector<DiffId>& diffs = image.diff_ids();
  if (writes_files && diffs.size() == image_.chains.size() + 1) computed.layer = diffs.back();
  // All but the layer and the time follows from what we know.
  STRATA_TRY(const oci::ImageConfig expected,
             oci::ImageConfig::parse(oci::make_image_config(computed)));
  if (without_container(expected) != without_container(image)) {
    return error(ErrorCode::kCorrupt, "image {} is not what the step makes", image.id());
  }
  STRATA_TRY(store::Transaction txn, work_.store.begin());
  if (image_.top() != nullptr) STRATA_CHECK(txn.hold_layers({image_.top(), 1}));
  if (computed.layer.has_value()) {
    STRATA_CHECK(bring_layer(*found.cache, *computed.layer, txn, made));
  }
  STRATA_CHECK(publish(txn, image.raw(), made));
  return made;
}

Status StageRun::bring_layer(const ImportedCache& cache, const DiffId& layer,
                             store::Transaction& txn, StageImage& made) {
  made.chains.push_back(chain_id(image_.top(), layer));
  STRATA_TRY(const bool there, work_.store.has_layer(made.chains.back()));
  if (there && txn.hold_layers({&made.chains.back(), 1}).ok()) return {};
  auto unpack = [&]() -> Result<archive::UnpackedEarly> {
    STRATA_TRY(std::unique_ptr<ByteSource> blob, cache.open_layer(layer));
    codec::GunzipHelpers helpers(work_.pool);
    STRATA_TRY(std::unique_ptr<ByteSource> tar, codec::open_decompressed(*blob, helpers));
    STRATA_TRY(archive::UnpackedEarly unpacked,
               archive::unpack_staged(*tar, {txn, work_.pool, work_.buffers}));
    if (unpacked.layer.diff_id == layer) return unpacked;
    return error(ErrorCode::kCorrupt, "expected diffID {}, found {}", layer,
                 unpacked.layer.diff_id);
  };
  STRATA_TRY(archive::UnpackedEarly unpacked, unpack().context("layer {}", layer.short_hex()));
  for (const std::string& xattr : unpacked.layer.warnings) {
    work_.log.warn(planned_.index,
                   fmt::format("layer {}: the file system does not take xattr {}", layer, xattr));
  }
  Result<ChainId> added =
      txn.add_layer(std::move(unpacked.staged), image_.top(), layer, unpacked.layer.size_bytes);
  return added.ok() ? Status() : Status(std::move(added).error());
}

}  // namespace strata::build
