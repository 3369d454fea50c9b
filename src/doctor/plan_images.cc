// SPDX-License-Identifier: Apache-2.0
// imagedb: configs and what is known about images besides; distribution.
#include <algorithm>

#include "doctor/planning.h"

namespace strata::doctor {
namespace {

std::string about_image(const ImageId& image) { return "image " + image.hex(); }

// Where the bytes could come from.
std::string needed_config(Planning& p, const ImageId& image) {
  std::string text = fmt::format(
      "no copy is known of the config of image {}: give a place that has it (--from ARCHIVE, "
      "--from root:FOLDER, --from docker://REGISTRY/NAME:TAG)",
      image);
  auto config = p.survey.configs.find(image.hex());
  if (config == p.survey.configs.end() || config->second.diffs.empty()) return text;
  std::vector<std::string> repositories = p.evidence.repositories_of(config->second.diffs);
  if (!repositories.empty()) text += fmt::format("; it was in {}", fmt::join(repositories, ", "));
  return text;
}

void mend_config(Planning& p, Finding finding) {
  std::optional<ImageId> image = image_of(finding);
  const std::string path = finding.path;
  if (!image) {
    p.add(std::move(finding), {SetAside{path}}, "its name is no image ID");
    return;
  }
  std::string copy = finding.kind == Kind::kConfigDamaged ? p.evidence.config_copy(*image) : "";
  if (!copy.empty()) {
    p.restored_images.insert(*image);
    p.add(std::move(finding), {RestoreConfig{*image}}, "from " + copy, about_image(*image));
    return;
  }
  p.lost_images.insert(*image);
  p.plan.gives_up_images = true;
  std::string reason = finding.kind == Kind::kConfigInvalid
                           ? "its bytes are what its name says, and no image config"
                           : needed_config(p, *image);
  p.add(std::move(finding), {SetAside{path}}, reason + "; its layers stay for now",
        about_image(*image));
}

void mend_parent(Planning& p, Finding finding) {
  const std::string path = finding.path;
  std::optional<ImageId> image = image_of(finding);
  auto record = image ? p.survey.metadata.find(image->hex()) : p.survey.metadata.end();
  // dockerd does not trim it: a newline is damage, and all that is to be mended.
  if (record != p.survey.metadata.end()) {
    Result<ImageId> meant = ImageId::parse(said(record->second.parent));
    if (meant.ok() && finding.kind == Kind::kParentDamaged && p.has_image(*meant)) {
      p.add(std::move(finding), {WriteFile{path, meant->to_string(), 0600}},
            "learnt from the file itself");
      return;
    }
    if (meant.ok() && finding.kind == Kind::kParentDangling) {
      if (Remedy* known = p.about(about_image(*meant));
          known && p.restored_images.contains(*meant)) {
        return known->findings.push_back(std::move(finding));
      }
      std::string copy = p.evidence.config_copy(*meant);
      if (!copy.empty()) {
        p.restored_images.insert(*meant);
        p.add(std::move(finding), {RestoreConfig{*meant}}, "from " + copy, about_image(*meant));
        return;
      }
    }
  }
  std::optional<ImageId> parent = image ? p.evidence.parent_of(*image) : std::nullopt;
  if (parent) {
    p.add(std::move(finding), {WriteFile{path, parent->to_string(), 0600}},
          "the one image whose history and layers go before this one's");
  } else {
    p.add(std::move(finding), {SetAside{path}},
          "no image here is surely its parent: the build cache loses a step, nothing else");
  }
}

// Either direction says the same: which blob has which diffID.
void mend_transfer(Planning& p, Finding finding) {
  const std::string path = finding.path;
  std::optional<DiffId> diff;
  if (path.find("/diffid-by-digest/sha256/") != std::string::npos) {
    diff = p.evidence.diff_of_blob(file_of(finding));
  }
  if (diff) {
    p.add(std::move(finding), {WriteFile{path, diff->to_string(), 0644}},
          "learnt from the record of the layer in v2metadata-by-diffid");
  } else {
    p.add(std::move(finding), {SetAside{path}}, "without it a transfer is repeated, nothing else");
  }
}

}  // namespace

void plan_configs(Planning& p) {
  for (Finding& finding : p.take({Kind::kConfigDamaged, Kind::kConfigInvalid})) {
    mend_config(p, std::move(finding));
  }
}

void plan_parents(Planning& p) {
  for (Finding& finding : p.take({Kind::kParentDamaged, Kind::kParentDangling})) {
    mend_parent(p, std::move(finding));
  }
  for (Finding& finding : p.take({Kind::kMetadataDamaged})) {
    const std::string path = finding.path;
    p.add(std::move(finding), {SetAside{path}}, "nobody needs it to use the image");
  }
  for (Finding& finding : p.take({Kind::kMetadataOrphaned})) {
    std::optional<ImageId> image = image_of(finding);
    Remedy* known = image ? p.about(about_image(*image)) : nullptr;
    if (known != nullptr && p.restored_images.contains(*image)) {
      known->findings.push_back(std::move(finding));
      continue;
    }
    if (std::string keep = reason_to_keep(p, ""); !keep.empty()) {
      p.leave(std::move(finding), std::move(keep));
      continue;
    }
    const std::string path = finding.path;
    p.add(std::move(finding), {SetAside{path}}, "the image is not there");
  }
}

void plan_transfers(Planning& p) {
  for (Finding& finding : p.take({Kind::kDistributionDamaged})) {
    mend_transfer(p, std::move(finding));
  }
}

}  // namespace strata::doctor
