// SPDX-License-Identifier: Apache-2.0
#include "archive/offered_images.h"

#include <algorithm>
#include <set>

#include "archive/transfer_messages.h"

namespace strata::archive {
namespace {

bool names_tag(const std::string& asked, const oci::Reference& tag) {
  Result<oci::Reference> reference = oci::Reference::parse(asked);
  if (!reference.ok() || reference->familiar_name() != tag.familiar_name()) return false;
  return tag.digest() || reference->is_name_only() || reference->tag() == tag.tag();
}

// An ID or the beginning of one; a digest reference, whose image only the other side knows.
bool may_name_image(const std::string& asked, const ImageId& id) {
  if (asked.find('@') != std::string::npos) return true;
  std::string_view hex = asked;
  if (hex.starts_with("sha256:")) hex.remove_prefix(7);
  return !hex.empty() && id.hex().starts_with(hex);
}

// Nobody sends us names for other images than those that we asked for.
Status check_asked(const LoadPlan& plan, const std::vector<std::string>& asked) {
  std::set<ImageId> parents;
  for (const PlannedImage& image : plan.images) {
    if (image.parent) parents.insert(*image.parent);
  }
  for (const PlannedImage& image : plan.images) {
    std::vector<oci::Reference> names = image.tags;
    names.insert(names.end(), image.digests.begin(), image.digests.end());
    for (const oci::Reference& tag : names) {
      bool known = std::any_of(asked.begin(), asked.end(),
                               [&](const std::string& name) { return names_tag(name, tag); });
      if (known) continue;
      return error(ErrorCode::kInvalid, "the other side sent {}, which was not asked for",
                   tag.familiar_string());
    }
    const ImageId& id = image.config.id();
    bool known = !image.tags.empty() || parents.contains(id) ||
                 std::any_of(asked.begin(), asked.end(),
                             [&](const std::string& name) { return may_name_image(name, id); });
    if (!known) {
      return error(ErrorCode::kInvalid, "the other side sent image {}, which was not asked for",
                   id);
    }
  }
  return {};
}

Result<std::string> read_config(Wire& wire, const OfferedImage& offered) {
  std::string config;
  while (config.size() < offered.config_bytes) {
    STRATA_TRY(FrameHead head, wire.expect(FrameType::kConfig));
    if (head.size_bytes == 0 || head.size_bytes > offered.config_bytes - config.size()) {
      return error(ErrorCode::kInvalid, "the config of image {} is not {} bytes long", offered.id,
                   offered.config_bytes);
    }
    STRATA_TRY(std::string part, wire.read_text(head));
    config += part;
  }
  ImageId found(Digest::of(config));
  if (found != offered.id) {
    return error(ErrorCode::kCorrupt, "the config of an image: expected {}, found {}", offered.id,
                 found);
  }
  return config;
}

Result<PlannedImage> plan_offered(const OfferedImage& offered, std::string config) {
  STRATA_TRY(oci::ImageConfig parsed, oci::ImageConfig::parse(config).context("{}", offered.id));
  std::vector<std::string> files;
  for (const ChainId& chain : parsed.chain_ids()) files.push_back(chain.to_string());
  STRATA_TRY(PlannedImage image, plan_image(std::move(config), files).context("{}", offered.id));
  for (const std::string& tag : offered.tags) {
    STRATA_TRY(oci::Reference reference, parse_tag(tag));
    image.tags.push_back(std::move(reference));
  }
  for (const std::string& digest : offered.digests) {
    STRATA_TRY(oci::Reference reference, oci::Reference::parse(digest));
    if (!reference.digest() || !reference.tag().empty()) {
      return error(ErrorCode::kInvalid, "{}: expected name@digest, found {}", offered.id, digest);
    }
    STRATA_CHECK(reference.check_storable());
    image.digests.push_back(std::move(reference));
  }
  if (offered.layer_bytes.empty()) return image;
  if (offered.layer_bytes.size() != image.layers.size()) {
    return error(ErrorCode::kInvalid, "{} has {} layers, and sizes of {}", offered.id,
                 image.layers.size(), offered.layer_bytes.size());
  }
  for (size_t i = 0; i < image.layers.size(); ++i) {
    image.layers[i].tar_bytes = offered.layer_bytes[i];
  }
  return image;
}

// The steps below an image without names of their own are not news to the user.
void mark_steps(LoadPlan& plan) {
  std::set<ImageId> parents;
  for (const PlannedImage& image : plan.images) {
    if (image.parent) parents.insert(*image.parent);
  }
  for (PlannedImage& image : plan.images) {
    image.below_another = parents.contains(image.config.id());
  }
}

// Steps of a build are of their image's platform.
Status check_platform(const LoadPlan& plan, const oci::Platform& wanted) {
  for (const PlannedImage& image : plan.images) {
    if (image.below_another) continue;
    const oci::Platform found = image.config.platform().normalized();
    if (oci::match_rank(wanted, found)) continue;
    std::string name =
        image.tags.empty() ? image.config.id().to_string() : image.tags.front().familiar_string();
    return oci::other_platform(name, wanted, found);
  }
  return {};
}

}  // namespace

Result<LoadPlan> read_offer(Wire& wire, const std::vector<std::string>* asked,
                            const std::optional<oci::Platform>& platform) {
  LoadPlan plan;
  std::vector<std::string> parents;
  std::set<ImageId> seen;
  uint64_t config_bytes = 0;
  while (true) {
    STRATA_TRY(FrameHead head, wire.next());
    if (head.type == FrameType::kOffered) break;
    if (head.type != FrameType::kImage) {
      return error(ErrorCode::kInvalid, "the other side sent a frame of type '{}', expected 'I'",
                   static_cast<char>(head.type));
    }
    STRATA_TRY(std::string text, wire.read_text(head));
    STRATA_TRY(OfferedImage offered, parse_offered(text));
    if (plan.images.size() >= kMaxTransferImages ||
        offered.config_bytes > kMaxTransferConfigBytes - config_bytes) {
      return error(ErrorCode::kUnsupported,
                   "more than {} images, or {} bytes of configs, at once: send them in parts",
                   kMaxTransferImages, kMaxTransferConfigBytes);
    }
    config_bytes += offered.config_bytes;
    STRATA_TRY(std::string config, read_config(wire, offered));
    STRATA_TRY(PlannedImage image, plan_offered(offered, std::move(config)));
    if (!seen.insert(offered.id).second) {
      return error(ErrorCode::kInvalid, "the other side sent image {} twice", offered.id);
    }
    parents.push_back(offered.parent ? offered.parent->to_string() : "");
    plan.images.push_back(std::move(image));
  }
  STRATA_CHECK(link_parents(parents, plan));
  if (asked != nullptr) STRATA_CHECK(check_asked(plan, *asked));
  mark_steps(plan);
  if (platform) STRATA_CHECK(check_platform(plan, *platform));
  return plan;
}

}  // namespace strata::archive
