// SPDX-License-Identifier: Apache-2.0
//
// An OCI layout: index.json names manifests and further indexes; blobs/sha256/<digest> holds
// everything. Which of them are loaded:
// - every name of index.json stands for one image. The name is the annotation of containerd or
//   docker (a whole reference), or else org.opencontainers.image.ref.name where that is more than a
//   tag;
// - where one name (or none) stands for several platforms, in one index or in several entries, the
//   best for the wanted platform is taken, and it is an error when there is none;
// - of those without a name all that fit best are taken;
// - what lies beside images and is none (signatures, SBOMs, whatever refers to another manifest) is
//   passed over.
// Source: OCI image-spec v1.1, image-layout.md and image-index.md.
#include <algorithm>

#include "archive/load_plan.h"
#include "oci/manifest.h"

namespace strata::archive {
namespace {

constexpr int kMaxIndexDepth = 4;
constexpr std::string_view kAttestation = "vnd.docker.reference.type";

std::string blob_name(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

// A small blob, checked.
Result<std::string> read_blob(const Contents& contents, const Digest& digest) {
  STRATA_TRY(std::string text, contents.read_file(blob_name(digest)));
  Digest found = Digest::of(text);
  if (found != digest) {
    return error(ErrorCode::kCorrupt, "{}: expected {}, found {}", blob_name(digest), digest,
                 found);
  }
  return text;
}

struct Candidate {
  Digest digest;
  std::vector<Digest> above;  // of the indexes that lead to it
  oci::Manifest manifest;
  oci::Platform platform;
};

// What one name stands for.
struct Named {
  std::string name;  // empty: none
  std::vector<Candidate> candidates = {};
  bool is_artifact = false;  // something was passed over
};

bool is_layer_type(const std::string& type) {
  return type.empty() || type.starts_with("application/vnd.oci.image.layer.") ||
         type.starts_with("application/vnd.docker.image.rootfs.");
}

bool has_image_config(const oci::Manifest& manifest) {
  return manifest.config.media_type == oci::media_type::kOciConfig ||
         manifest.config.media_type == oci::media_type::kDockerConfig;
}

// True for an image that could not be anything else: cosign's signatures have an image's config.
bool is_surely_image(const oci::Manifest& manifest) {
  const bool tells_otherwise =
      manifest.unknown.contains("artifactType") || manifest.unknown.contains("subject");
  const std::vector<oci::Descriptor>& layers = manifest.layers;
  return has_image_config(manifest) && !tells_otherwise &&
         (layers.empty() || std::any_of(layers.begin(), layers.end(), [](auto& layer) {
            return is_layer_type(layer.media_type);
          }));
}

class OciPlanner {
 public:
  OciPlanner(const Contents& contents, const PlanOptions& options)
      : contents_(contents),
        wanted_(options.platform.value_or(oci::Platform::host())),
        explicit_platform_(options.platform.has_value()) {}

  Result<LoadPlan> plan() {
    STRATA_TRY(std::string text, contents_.read_file("index.json"));
    STRATA_TRY(oci::Index index, oci::parse_index(text).context("index.json"));
    if (index.manifests.empty())
      return error(ErrorCode::kInvalid, "index.json: it names no manifests");
    STRATA_TRY(std::vector<Named> images, collect_all(index));
    if (std::none_of(images.begin(), images.end(), has_candidates)) {
      only_sure_ = false;
      STRATA_TRY(images, collect_all(index));
    }
    LoadPlan plan;
    for (Named& image : images) {
      if (image.is_artifact && !has_candidates(image)) continue;
      STRATA_CHECK(choose(image.name, image.candidates, plan));
    }
    return plan;
  }

 private:
  static bool has_candidates(const Named& image) { return !image.candidates.empty(); }

  // By name, in order.
  Result<std::vector<Named>> collect_all(const oci::Index& index) const {
    std::vector<Named> images;
    for (const oci::Descriptor& entry : index.manifests) {
      std::string name = name_of(entry);
      auto known = std::find_if(images.begin(), images.end(),
                                [&](const Named& image) { return image.name == name; });
      if (known == images.end()) known = images.insert(images.end(), Named{name});
      STRATA_CHECK(collect(entry, {}, *known));
    }
    return images;
  }

  static std::string name_of(const oci::Descriptor& entry) {
    auto full = entry.annotations.find(std::string(oci::annotation::kContainerdName));
    if (full != entry.annotations.end()) return full->second;
    auto reference = entry.annotations.find(std::string(oci::annotation::kRefName));
    if (reference == entry.annotations.end()) return "";
    // A tag alone does not say of which repository.
    bool whole = reference->second.find_first_of("/:") != std::string::npos;
    return whole ? reference->second : "";
  }

  // All manifests of images below `entry`, which is named by the indexes `above`.
  Status collect(const oci::Descriptor& entry, const std::vector<Digest>& above,
                 Named& image) const {
    if (above.size() > kMaxIndexDepth)
      return error(ErrorCode::kInvalid, "{}: indexes nested too deeply", entry.digest);
    if (entry.annotations.contains(std::string(kAttestation))) return {};
    STRATA_TRY(std::string text, read_blob(contents_, entry.digest));
    STRATA_TRY(bool nested, oci::is_index(text).context("{}", blob_name(entry.digest)));
    if (nested) {
      STRATA_TRY(oci::Index index, oci::parse_index(text).context("{}", blob_name(entry.digest)));
      std::vector<Digest> indexes = above;
      indexes.push_back(entry.digest);
      for (const oci::Descriptor& below : index.manifests) {
        // An archive of one platform may keep the whole index: the other blobs are just not there.
        if (!contents_.has(blob_name(below.digest))) continue;
        STRATA_CHECK(collect(below, indexes, image));
      }
      return {};
    }
    STRATA_TRY(oci::Manifest manifest,
               oci::parse_manifest(text).context("{}", blob_name(entry.digest)));
    if (only_sure_ && !is_surely_image(manifest)) {
      image.is_artifact = true;
      return {};
    }
    if (!has_image_config(manifest)) {
      return error(ErrorCode::kUnsupported,
                   "manifest {} is an OCI artifact of type {}, not an image", entry.digest,
                   manifest.config.media_type);
    }
    Candidate candidate{entry.digest, above, std::move(manifest),
                        entry.platform.value_or(oci::Platform())};
    if (!entry.platform) STRATA_CHECK(platform_from_config(candidate));
    image.candidates.push_back(std::move(candidate));
    return {};
  }

  Status platform_from_config(Candidate& candidate) const {
    STRATA_TRY(std::string text, read_blob(contents_, candidate.manifest.config.digest));
    STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(text)));
    candidate.platform.os = config.os_or_default();
    candidate.platform.architecture = config.architecture();
    candidate.platform.variant = config.variant();
    return {};
  }

  Status choose(const std::string& name, std::vector<Candidate>& candidates, LoadPlan& plan) {
    bool asked = explicit_platform_ || distinct_images(candidates) > 1;
    std::vector<const Candidate*> best;
    if (asked) {
      best = best_matches(candidates);
    } else if (!candidates.empty()) {
      best = {&candidates.front()};
    }
    if (best.empty()) {
      std::string found;
      for (const Candidate& one : candidates)
        found += (found.empty() ? "" : ", ") + one.platform.to_string();
      return error(
          ErrorCode::kNotFound, "no matching manifest for {} in the archive{}{}; it holds: {}",
          wanted_.to_string(), name.empty() ? "" : " for ", name, found.empty() ? "none" : found);
    }
    // A name is that of one image. Without names, those of one platform are different images.
    if (!name.empty()) best.erase(best.begin() + 1, best.end());
    for (const Candidate* one : best) STRATA_CHECK(add_image(name, *one, plan));
    return {};
  }

  static size_t distinct_images(const std::vector<Candidate>& candidates) {
    std::vector<Digest> digests;
    for (const Candidate& one : candidates) digests.push_back(one.digest);
    std::sort(digests.begin(), digests.end());
    return static_cast<size_t>(std::unique(digests.begin(), digests.end()) - digests.begin());
  }

  // All that fit the wanted platform as well as any.
  std::vector<const Candidate*> best_matches(const std::vector<Candidate>& candidates) const {
    std::vector<const Candidate*> best;
    size_t best_rank = 0;
    for (const Candidate& one : candidates) {
      std::optional<size_t> rank = oci::match_rank(wanted_, one.platform.normalized());
      if (!rank || (!best.empty() && *rank > best_rank)) continue;
      if (*rank < best_rank) best.clear();
      best_rank = *rank;
      best.push_back(&one);
    }
    return best;
  }

  // A name with a digest becomes a RepoDigest: it has to be true.
  static Status check_digest(const oci::Reference& name, const Candidate& named) {
    const std::optional<Digest> said = name.digest();
    const bool is_true = !said || *said == named.digest || std::ranges::count(named.above, *said);
    if (is_true) return {};
    return error(ErrorCode::kCorrupt, "index.json: {} is the name of a manifest {}",
                 name.familiar_string(), named.digest);
  }

  Status add_image(const std::string& name, const Candidate& chosen, LoadPlan& plan) {
    STRATA_TRY(std::string config, read_blob(contents_, chosen.manifest.config.digest));
    std::vector<std::string> files;
    for (const oci::Descriptor& layer : chosen.manifest.layers)
      files.push_back(blob_name(layer.digest));
    STRATA_TRY(PlannedImage image,
               plan_image(std::move(config), files).context("manifest {}", chosen.digest));
    if (!name.empty()) {
      STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
      STRATA_CHECK(reference.check_storable());
      STRATA_CHECK(check_digest(reference, chosen));
      image.tags.push_back(reference.with_default_tag());
    }
    auto same = std::find_if(
        plan.images.begin(), plan.images.end(),
        [&](const PlannedImage& other) { return other.config.id() == image.config.id(); });
    if (same == plan.images.end()) {
      plan.images.push_back(std::move(image));
    } else {
      for (oci::Reference& tag : image.tags) same->tags.push_back(std::move(tag));
    }
    return {};
  }

  const Contents& contents_;
  const oci::Platform wanted_;
  const bool explicit_platform_;
  bool only_sure_ = true;
};

}  // namespace

Result<LoadPlan> plan_oci_layout(const Contents& contents, const PlanOptions& options) {
  return OciPlanner(contents, options).plan();
}

}  // namespace strata::archive
