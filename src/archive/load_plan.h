// SPDX-License-Identifier: Apache-2.0
// LoadPlan: what an archive brings, as read from its manifest: images, their layers and files,
// tags, parents.
//
// Three kinds of archive, tried in this order: docker's manifest.json (1.10 and later); an OCI
// layout (index.json); docker's from before 1.10 (a folder with `json` and `layer.tar` for each
// layer, and `repositories`).
// Source:  FORMATS section 6.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/contents.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace strata::archive {

struct PlannedLayer {
  ChainId chain;
  DiffId diff;
  std::string file;  // name in the archive; it need not be there if the store has the layer
  std::optional<uint64_t> tar_bytes = {};  // as the other side of a wire says: for forecasts only
};

struct PlannedImage {
  oci::ImageConfig config;
  std::vector<PlannedLayer> layers;          // base first, as rootfs.diff_ids says
  std::vector<oci::Reference> tags;          // each with a tag
  std::vector<oci::Reference> digests = {};  // each with a digest: RepoDigests that are believed
  std::optional<ImageId> parent;             // only one that is in the archive too, and can be
  bool below_another = false;  // of an archive from before 1.10: a step of another image of it
};

struct LoadPlan {
  std::vector<PlannedImage> images;
  // Layers that had to be unpacked to know what they are (archives from before 1.10), by file.
  std::map<std::string, UnpackedEarly> unpacked;
};

struct PlanOptions {
  std::optional<oci::Platform> platform;  // none: in an index with several, this machine's
};

// Errors: kInvalid and kNotFound with docker's texts (FORMATS 6.3), naming the file or image.
Result<LoadPlan> plan_images(Contents& contents, const PlanOptions& options,
                             store::Transaction& txn, Pool& pool, BufferPool& buffers);

// The same without the third kind, whose layers must be unpacked to know what they are: reads
// manifests and configs only. Errors: also kUnsupported, for that kind.
Result<LoadPlan> plan_described_images(const Contents& contents, const PlanOptions& options);

// The three kinds.
Result<LoadPlan> plan_docker_archive(const Contents& contents, const PlanOptions& options);
Result<LoadPlan> plan_oci_layout(const Contents& contents, const PlanOptions& options);
Result<LoadPlan> plan_legacy_archive(Contents& contents, store::Transaction& txn, Pool& pool,
                                     BufferPool& buffers);

// Checks the config against what is known about it and pairs its layers with their files. Errors:
// kInvalid, kCorrupt.
Result<PlannedImage> plan_image(std::string config, const std::vector<std::string>& layer_files);

// A tag from outside: a reference with a tag and without a digest, that a store can keep.
// Errors: kInvalid, with docker's text.
Result<oci::Reference> parse_tag(const std::string& text);
// Links each image of the plan to its parent, an image ID ("" for none) in `parents` at its place.
// A parent that is not in the plan is ignored. Errors: kInvalid: by its history it cannot be one.
Status link_parents(const std::vector<std::string>& parents, LoadPlan& plan);

}  // namespace strata::archive
