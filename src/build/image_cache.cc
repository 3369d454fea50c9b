// SPDX-License-Identifier: Apache-2.0
#include "build/image_cache.h"

#include <algorithm>

namespace strata::build {
namespace {

bool is_platform(const oci::ImageConfig& image, const oci::Platform& platform) {
  if (image.os_or_default() != platform.os) return false;
  return image.architecture().empty() || image.architecture() == platform.architecture;
}

// The image, if the step has left it; the newest is wanted, so it must be newer than `best`.
std::optional<oci::ImageConfig> match(std::string raw, const oci::ContainerConfig& step,
                                      const oci::Platform& platform,
                                      const std::optional<oci::Time>& created,
                                      const std::optional<oci::ImageConfig>& best) {
  Result<oci::ImageConfig> image = oci::ImageConfig::parse(std::move(raw));
  if (!image.ok() || image->container_config() == nullptr || !is_platform(*image, platform)) {
    return std::nullopt;
  }
  if (best.has_value() && image->created() <= best->created()) return std::nullopt;
  if (created.has_value() && image->created() != *created) return std::nullopt;
  Result<oci::ContainerConfig> found = oci::ContainerConfig::parse(*image->container_config());
  if (!found.ok() || !is_same_step(*found, step)) return std::nullopt;
  return std::move(*image);
}

}  // namespace

bool is_same_step(const oci::ContainerConfig& found, const oci::ContainerConfig& wanted) {
  if (found.open_stdin || wanted.open_stdin) return false;
  auto words = [](const oci::Words& list) { return list.value_or(std::vector<std::string>()); };
  auto names = [](const auto& set) { return set.value_or(std::set<std::string>()); };
  auto labels = [](const oci::ContainerConfig& config) {
    return config.labels.value_or(std::map<std::string, std::string>());
  };
  return found.attach_stdin == wanted.attach_stdin && found.attach_stdout == wanted.attach_stdout &&
         found.attach_stderr == wanted.attach_stderr && found.user == wanted.user &&
         found.tty == wanted.tty && words(found.cmd) == words(wanted.cmd) &&
         words(found.env) == words(wanted.env) && labels(found) == labels(wanted) &&
         found.exposed_ports == wanted.exposed_ports &&
         words(found.entrypoint) == words(wanted.entrypoint) &&
         names(found.volumes) == names(wanted.volumes) && found.working_dir == wanted.working_dir &&
         words(found.on_build) == words(wanted.on_build) && found.shell == wanted.shell &&
         found.healthcheck == wanted.healthcheck && found.stop_signal == wanted.stop_signal &&
         found.stop_timeout == wanted.stop_timeout;
}

Result<ImageCache> ImageCache::open(const store::Store& store) {
  ImageCache cache(store);
  STRATA_TRY(cache.children_, store.images().children());
  std::vector<ImageId> with_parent;
  for (const auto& [parent, child] : cache.children_) with_parent.push_back(child);
  std::sort(with_parent.begin(), with_parent.end());
  STRATA_CHECK(store.images().visit([&](const ImageId& image) -> Status {
    if (!std::binary_search(with_parent.begin(), with_parent.end(), image)) {
      cache.orphans_.push_back(image);
    }
    return {};
  }));
  return cache;
}

Result<bool> ImageCache::is_trusted(const ImageId& image, bool has_parent) const {
  STRATA_TRY(bool built, store_.images().built_locally(image));
  // Daemons before 24.0.9 do not mark what they build, but only a build, a commit or a load gives
  // an image its parent link, and strata's load marks it as not built here.
  if (built || !has_parent) return built;
  STRATA_TRY(bool foreign, store_.images().is_foreign(image));
  return !foreign;
}

std::optional<ImageCache::ForeignStep> ImageCache::find_foreign(const oci::ImageConfig* parent,
                                                                std::string_view created_by) const {
  static const std::vector<oci::History> kNoHistory;
  static const std::vector<DiffId> kNoLayers;
  const auto& below = parent == nullptr ? kNoHistory : parent->history();
  const auto& layers = parent == nullptr ? kNoLayers : parent->diff_ids();
  for (const oci::ImageConfig& source : sources_) {
    if (source.history().size() <= below.size() || source.diff_ids().size() < layers.size() ||
        !std::equal(below.begin(), below.end(), source.history().begin()) ||
        !std::equal(layers.begin(), layers.end(), source.diff_ids().begin())) {
      continue;
    }
    const oci::History& step = source.history()[below.size()];
    if (step.created_by != created_by) continue;
    if (step.empty_layer) return ForeignStep{step, std::nullopt};
    if (source.diff_ids().size() > layers.size()) {
      return ForeignStep{step, source.diff_ids()[layers.size()]};
    }
  }
  return std::nullopt;
}

std::optional<ImageCache::ImportedStep> ImageCache::find_imported(
    const oci::ImageConfig* parent, const oci::ContainerConfig& step, const oci::Platform& platform,
    const std::optional<oci::Time>& created) const {
  for (const std::unique_ptr<ImportedCache>& cache : imported_) {
    std::optional<oci::ImageConfig> best;
    for (const std::string* raw : cache->children(parent == nullptr ? nullptr : &parent->id())) {
      std::optional<oci::ImageConfig> image = match(*raw, step, platform, created, best);
      if (image.has_value()) best = std::move(image);
    }
    if (best.has_value()) return ImportedStep{std::move(*best), cache.get()};
  }
  return std::nullopt;
}

Result<std::optional<oci::ImageConfig>> ImageCache::find(
    const oci::ImageConfig* parent, const oci::ContainerConfig& step, const oci::Platform& platform,
    const std::optional<oci::Time>& created) const {
  std::vector<ImageId> candidates;
  if (parent == nullptr) {
    candidates = orphans_;
  } else {
    auto [first, last] = children_.equal_range(parent->id());
    for (auto at = first; at != last; ++at) candidates.push_back(at->second);
  }
  std::optional<oci::ImageConfig> best;
  for (const ImageId& candidate : candidates) {
    STRATA_TRY(bool trusted, is_trusted(candidate, parent != nullptr));
    if (!trusted) continue;
    Result<std::string> raw = store_.images().read_config(candidate);
    if (!raw.ok()) continue;  // gone or damaged since: not in the cache
    std::optional<oci::ImageConfig> image = match(std::move(*raw), step, platform, created, best);
    if (!image.has_value()) continue;
    STRATA_TRY(size_t present, store_.count_present(image->chain_ids()));
    if (present != image->diff_ids().size()) continue;
    best = std::move(image);
  }
  return best;
}

}  // namespace strata::build
