// SPDX-License-Identifier: Apache-2.0
#include "archive/load_plan.h"

#include <algorithm>

#include "archive/links.h"
#include "base/timer.h"
#include "oci/archive_manifest.h"
#include "oci/manifest.h"

namespace strata::archive {
namespace {

constexpr const char* kManifestFile = "manifest.json";
constexpr const char* kIndexFile = "index.json";
constexpr const char* kRepositoriesFile = "repositories";

bool wanted(const PlannedImage& image, const PlanOptions& options) {
  if (!options.platform) return true;
  oci::Platform platform;
  platform.os = image.config.os_or_default();
  platform.architecture = image.config.architecture();
  platform.variant = image.config.variant();
  return oci::is_same_platform(*options.platform, platform.normalized());
}

bool is_registry_manifest(std::string_view text) {
  return oci::parse_manifest(text).ok() || oci::parse_index(text).ok();
}

// Every item has to name its files.
Status check_named(const std::vector<oci::ArchiveItem>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    const oci::ArchiveItem& item = items[i];
    if (item.config.empty()) {
      return error(ErrorCode::kInvalid, "item {} of {} has no \"Config\"", i + 1, items.size());
    }
    auto nameless = std::find(item.layers.begin(), item.layers.end(), "");
    if (nameless == item.layers.end()) continue;
    return error(ErrorCode::kInvalid, "item {} of {}: its layer {} has no name", i + 1,
                 items.size(), nameless - item.layers.begin() + 1);
  }
  return {};
}

}  // namespace

Result<oci::Reference> parse_tag(const std::string& text) {
  STRATA_TRY(oci::Reference reference,
             oci::Reference::parse(text).context("invalid tag \"{}\"", text));
  if (reference.tag().empty() || reference.digest()) {
    return error(ErrorCode::kInvalid, "invalid tag \"{}\"", text);
  }
  STRATA_CHECK(reference.check_storable());
  return reference;
}

// A parent that is not in the archive, or is the image itself, is ignored, as docker does.
Status link_parents(const std::vector<std::string>& parents, LoadPlan& plan) {
  for (size_t i = 0; i < parents.size(); ++i) {
    Result<ImageId> wanted = ImageId::parse(parents[i]);
    if (!wanted.ok()) continue;
    PlannedImage& child = plan.images[i];
    for (const PlannedImage& parent : plan.images) {
      const ImageId& id = parent.config.id();
      if (id != *wanted || id == child.config.id()) continue;
      if (!oci::is_valid_parent(parent.config, child.config)) {
        return error(ErrorCode::kInvalid, "image {} is not a valid parent for {}", id,
                     child.config.id());
      }
      child.parent = id;
      break;
    }
  }
  return {};
}

Result<PlannedImage> plan_image(std::string config_text,
                                const std::vector<std::string>& layer_files) {
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(config_text)));
  if (config.os_or_default() != "linux") {
    return error(ErrorCode::kUnsupported, "cannot load {} image on linux", config.os());
  }
  if (layer_files.size() != config.diff_ids().size()) {
    return error(ErrorCode::kInvalid,
                 "invalid manifest, layers length mismatch: expected {}, got {}",
                 layer_files.size(), config.diff_ids().size());
  }
  if (config.diff_ids().size() > driver::kMaxLayers) {
    return error(ErrorCode::kInvalid, "max depth exceeded: image {} has {} layers, {} are possible",
                 config.id(), config.diff_ids().size(), driver::kMaxLayers);
  }
  size_t steps_with_layer = 0;
  for (const oci::History& step : config.history()) steps_with_layer += step.empty_layer ? 0 : 1;
  if (steps_with_layer > config.diff_ids().size()) {
    return error(ErrorCode::kInvalid,
                 "too many non-empty layers in History section: {} for {} layers", steps_with_layer,
                 config.diff_ids().size());
  }
  PlannedImage image{std::move(config), {}, {}, {}, {}};
  std::vector<ChainId> chains = image.config.chain_ids();
  for (size_t i = 0; i < chains.size(); ++i) {
    image.layers.push_back({chains[i], image.config.diff_ids()[i], layer_files[i]});
  }
  return image;
}

Result<LoadPlan> plan_images(Contents& contents, const PlanOptions& options,
                             store::Transaction& txn, Pool& pool, BufferPool& buffers) {
  Timer timer("plan");
  if (contents.has(kManifestFile)) return plan_docker_archive(contents, options);
  if (contents.has(kIndexFile)) return plan_oci_layout(contents, options);
  if (contents.has(kRepositoriesFile)) return plan_legacy_archive(contents, txn, pool, buffers);
  return error(ErrorCode::kInvalid,
               "invalid archive: does not contain a {} (docker), an {} (OCI) or a {} file (docker "
               "before 1.10)",
               kManifestFile, kIndexFile, kRepositoriesFile);
}

Result<LoadPlan> plan_described_images(const Contents& contents, const PlanOptions& options) {
  if (contents.has(kManifestFile)) return plan_docker_archive(contents, options);
  if (contents.has(kIndexFile)) return plan_oci_layout(contents, options);
  return error(ErrorCode::kUnsupported,
               "an archive without {} (docker) and {} (OCI) does not say which layers it holds",
               kManifestFile, kIndexFile);
}

Result<LoadPlan> plan_docker_archive(const Contents& contents, const PlanOptions& options) {
  STRATA_TRY(std::string text, contents.read_file(kManifestFile));
  if (is_registry_manifest(text)) {
    return error(ErrorCode::kUnsupported,
                 "{} is that of a \"dir:\" folder of skopeo, which is not read here: `skopeo copy "
                 "dir:FOLDER oci:OTHER:NAME` makes one that is",
                 kManifestFile);
  }
  STRATA_TRY(std::vector<oci::ArchiveItem> items,
             oci::parse_archive_manifest(text).context(kManifestFile));
  STRATA_CHECK(check_named(items).context(kManifestFile));
  LoadPlan plan;
  std::vector<std::string> parents;
  for (oci::ArchiveItem& item : items) {
    STRATA_TRY(std::string config, contents.read_file(item.config));
    STRATA_TRY(PlannedImage image,
               plan_image(std::move(config), item.layers).context("{}", item.config));
    for (const std::string& file : item.layers) {
      STRATA_TRY([[maybe_unused]] std::string inside, Links().resolve(file));
    }
    if (!wanted(image, options)) continue;
    for (const std::string& tag : item.repo_tags.value_or(std::vector<std::string>())) {
      STRATA_TRY(oci::Reference reference, parse_tag(tag));
      image.tags.push_back(std::move(reference));
    }
    plan.images.push_back(std::move(image));
    parents.push_back(item.parent);
  }
  if (plan.images.empty() && !items.empty()) {
    return error(ErrorCode::kNotFound, "no image for {} in the archive",
                 options.platform->to_string());
  }
  STRATA_CHECK(link_parents(parents, plan));
  return plan;
}

}  // namespace strata::archive
