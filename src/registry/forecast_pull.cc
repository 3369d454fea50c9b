// SPDX-License-Identifier: Apache-2.0
// How large a layer is when it is unpacked: a plain tar is as large as its blob; gzip ends with the
// size of its last member, modulo 2^32 (RFC 1952, ISIZE). It is an estimate, and files take a
// little less than their tar.
#include <algorithm>
#include <set>

#include "registry/local_image.h"
#include "registry/resolve_image.h"
#include "store/blob_folder.h"

namespace strata::registry {
namespace {

constexpr size_t kSizeFieldBytes = 4;

Result<std::string> fetch_config(const store::Store* store, Repository& repository,
                                 const oci::Descriptor& config) {
  if (store != nullptr) {
    STRATA_TRY(std::string here, read_config_if_here(*store, config.digest));
    if (!here.empty()) return here;
  }
  const uint64_t limit_bytes = std::min<uint64_t>(static_cast<uint64_t>(config.size_bytes),
                                                  archive::Contents::kMaxJsonBytes);
  return about_blob("image config", config.digest,
                    get_small_blob(repository, config.digest, limit_bytes));
}

// None: the blob does not say.
std::optional<uint64_t> unpacked_size(Repository& repository, const oci::Descriptor& layer) {
  const auto size_bytes = static_cast<uint64_t>(layer.size_bytes);
  if (layer.media_type.ends_with(".tar")) return size_bytes;
  if (!layer.media_type.ends_with("gzip") || size_bytes < kSizeFieldBytes) return std::nullopt;
  BlobText sink(kSizeFieldBytes);
  BlobRange end{size_bytes - kSizeFieldBytes, kSizeFieldBytes, ""};
  bool had = repository.get_blob(layer.digest, end, sink).ok() &&
             sink.answer().offset == end.offset && sink.text().size() == kSizeFieldBytes;
  if (!had) return std::nullopt;
  uint64_t size = 0;
  for (size_t i = kSizeFieldBytes; i-- > 0;) {
    size = size << 8 | static_cast<unsigned char>(sink.text()[i]);
  }
  return std::max(size, size_bytes);
}

}  // namespace

Result<PullForecast> forecast_pull(const store::Store* store, Repository& repository,
                                   const oci::Reference& reference, const PullOptions& options) {
  STRATA_TRY(ResolvedImage remote, resolve_image(repository, reference, options.platform));
  STRATA_TRY(std::string text, fetch_config(store, repository, remote.manifest.config));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(text)));
  STRATA_CHECK(check_platform(config, reference, options.platform));
  PullForecast forecast{.digest = remote.name_digest, .layers = remote.manifest.layers.size()};
  bool image_here = false;
  if (store != nullptr) {
    STRATA_TRY(forecast.layers_here, store->count_present(config.chain_ids()));
    STRATA_TRY(image_here, store->images().exists(config.id()));
  }
  if (!image_here) forecast.fetch_bytes += config.raw().size();
  std::set<Digest> seen;
  for (size_t i = forecast.layers_here; i < remote.manifest.layers.size(); ++i) {
    const oci::Descriptor& layer = remote.manifest.layers[i];
    if (std::optional<uint64_t> unpacked = unpacked_size(repository, layer)) {
      forecast.unpacked_bytes += *unpacked;
    } else {
      forecast.unknown_sizes.push_back(layer.digest);
    }
    if (!seen.insert(layer.digest).second) continue;
    uint64_t here = 0;
    if (store != nullptr) {
      STRATA_TRY(here, store::BlobFolder(store->root()).size_here(layer.digest));
    }
    const auto size_bytes = static_cast<uint64_t>(layer.size_bytes);
    forecast.fetch_bytes += size_bytes - std::min(here, size_bytes);
  }
  return forecast;
}

}  // namespace strata::registry
