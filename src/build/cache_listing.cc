// SPDX-License-Identifier: Apache-2.0
//
// An exported cache is an OCI manifest whose config is a listing:
//
//   manifest = { "schemaVersion":2, "mediaType":"application/vnd.oci.image.manifest.v1+json",
//                "config":{"mediaType":"application/vnd.strata.build.cache.v1+json", ...},
//                "layers":[ layer... ] }              as an image's, each compressed or not
//   listing  = { "format":1,
//                "diff_ids":[ "sha256:..."... ],      one for each layer of the manifest
//                "steps":[ step... ] }                parents first
//   step     = { "parent":"sha256:...",               image ID; absent: FROM scratch
//                "config":"{...}" }                   the image's config, as a text
//
// A step is found by its parent, and by the config of the container that did it (container_config):
// instruction, arguments, content of the files. So it says nothing that the image's parent link in
// a store does not say. Whoever takes it computes the config again, and verifies the layer.
// Source: ours.
#include "build/cache_listing.h"

#include "oci/json.h"

namespace strata::build {
namespace {

constexpr int64_t kFormat = 1;
constexpr std::string_view kOwner = "Cache";

Result<ListedStep> parse_step(const boost::json::value& value) {
  if (!value.is_object()) return oci::type_error(value, kOwner, "steps", "object");
  ListedStep step;
  STRATA_TRY(std::string parent, oci::get_string(value.get_object(), "Step", "parent"));
  if (!parent.empty()) {
    STRATA_TRY(step.parent, ImageId::parse(parent).context("parent of a step"));
  }
  STRATA_TRY(step.config, oci::get_string(value.get_object(), "Step", "config"));
  if (step.config.empty()) return error(ErrorCode::kInvalid, "a step without a config");
  return step;
}

}  // namespace

Result<CacheListing> parse_listing(std::string_view text) {
  STRATA_TRY(const boost::json::value value, oci::parse_json(text));
  if (!value.is_object()) return oci::type_error(value, "Cache");
  const boost::json::object& object = value.get_object();
  STRATA_TRY(const int64_t format, oci::get_int64(object, kOwner, "format"));
  if (format != kFormat) {
    return error(ErrorCode::kUnsupported, "format {}, expected {}: a later strata has made it",
                 format, kFormat);
  }
  CacheListing listing;
  STRATA_TRY(const std::vector<std::string> diffs, oci::get_strings(object, kOwner, "diff_ids"));
  for (const std::string& diff : diffs) {
    STRATA_TRY(DiffId layer, DiffId::parse(diff).context("diff_ids"));
    listing.layers.push_back(layer);
  }
  STRATA_TRY(const boost::json::array* steps, oci::get_array(object, kOwner, "steps", "[]Step"));
  if (steps == nullptr) return listing;
  if (steps->size() > kMaxListedSteps) {
    return error(ErrorCode::kInvalid, "{} steps, expected at most {}", steps->size(),
                 kMaxListedSteps);
  }
  for (const boost::json::value& step : *steps) {
    STRATA_TRY(ListedStep parsed, parse_step(step));
    listing.steps.push_back(std::move(parsed));
  }
  return listing;
}

std::string listing_text(const CacheListing& listing) {
  boost::json::array diffs;
  for (const DiffId& layer : listing.layers) diffs.emplace_back(layer.to_string());
  boost::json::array steps;
  for (const ListedStep& step : listing.steps) {
    boost::json::object one;
    if (step.parent) one.emplace("parent", step.parent->to_string());
    one.emplace("config", step.config);
    steps.emplace_back(std::move(one));
  }
  boost::json::object object;
  object.emplace("format", kFormat);
  object.emplace("diff_ids", std::move(diffs));
  object.emplace("steps", std::move(steps));
  return oci::go_json(object);
}

}  // namespace strata::build
