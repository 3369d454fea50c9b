// SPDX-License-Identifier: Apache-2.0
// config  = JSON object with the members of docker's image.Image:
//           architecture, author, comment, config, container, container_config, created,
//           docker_version, history, os, rootfs, variant; others are kept and not looked at
// history = array of { created, created_by, author, comment, empty_layer }, oldest first
// rootfs  = { "type": "layers", "diff_ids": [ "sha256:<hex>", ... base first ] }
// Source: OCI image-spec v1.0, config.md; what is refused and in which words: dockerd 20.10.
#include "oci/image_config.h"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "oci/docker_config.h"
#include "oci/json.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

constexpr std::string_view kOwner = "Image";

Result<Time> get_time(const json::object& object, std::string_view name) {
  const json::value* member = find_member(object, name);
  return member == nullptr ? Time{} : parse_json_time(go_json(*member));
}

Result<History> read_step(const json::value& value) {
  constexpr std::string_view kStepOwner = "History.history";
  if (value.is_null()) return History{};
  if (!value.is_object()) return type_error(value, kOwner, "history", "image.History");
  const json::object& object = value.get_object();
  History step;
  STRATA_TRY(step.created, get_time(object, "created"));
  STRATA_TRY(step.created_by, get_string(object, kStepOwner, "created_by"));
  STRATA_TRY(step.author, get_string(object, kStepOwner, "author"));
  STRATA_TRY(step.comment, get_string(object, kStepOwner, "comment"));
  STRATA_TRY(step.empty_layer, get_bool(object, kStepOwner, "empty_layer"));
  return step;
}

}  // namespace

Result<ImageConfig> ImageConfig::parse(std::string raw) {
  STRATA_TRY(json::value value, parse_json(raw));
  if (value.is_null()) value.emplace_object();
  if (!value.is_object()) return type_error(value, "image.Image");
  ImageConfig image;
  image.json_ = std::move(value.get_object());
  image.raw_ = std::move(raw);
  image.id_ = ImageId(Digest::of(image.raw_));
  STRATA_CHECK(image.read_fields());
  STRATA_CHECK(image.read_history());
  STRATA_CHECK(image.read_rootfs());
  return image;
}

Status ImageConfig::read_fields() {
  // Of these only the types are looked at: docker refuses an image for them, those in the two
  // configs too.
  STRATA_TRY(std::string parent, get_string(json_, kOwner, "parent", "image.ID"));
  STRATA_TRY(json::object v1_image, v1_image_struct(json_, kOwner));
  STRATA_TRY(std::string os_version, get_string(json_, kOwner, "os.version"));
  STRATA_TRY(std::vector<std::string> os_features, get_strings(json_, kOwner, "os.features"));

  STRATA_TRY(created_, get_time(json_, "created"));
  STRATA_TRY(os_, get_string(json_, kOwner, "os"));
  STRATA_TRY(architecture_, get_string(json_, kOwner, "architecture"));
  STRATA_TRY(variant_, get_string(json_, kOwner, "variant"));
  STRATA_TRY(author_, get_string(json_, kOwner, "author"));
  STRATA_TRY(comment_, get_string(json_, kOwner, "comment"));
  STRATA_TRY(docker_version_, get_string(json_, kOwner, "docker_version"));
  STRATA_TRY(container_, get_string(json_, kOwner, "container"));
  return {};
}

Status ImageConfig::read_history() {
  STRATA_TRY(const json::array* steps, get_array(json_, kOwner, "history", "[]image.History"));
  if (steps == nullptr) return {};
  history_.reserve(steps->size());
  for (const json::value& value : *steps) {
    STRATA_TRY(History step, read_step(value));
    history_.push_back(std::move(step));
  }
  return {};
}

Status ImageConfig::read_rootfs() {
  STRATA_TRY(const json::object* rootfs, get_object(json_, kOwner, "rootfs", "image.RootFS"));
  if (rootfs == nullptr) {
    return Error(ErrorCode::kInvalid, "invalid image JSON, no RootFS key");
  }
  STRATA_TRY(std::string type, get_string(*rootfs, "RootFS.rootfs", "type"));
  STRATA_TRY(const json::array* digests,
             get_array(*rootfs, "RootFS.rootfs", "diff_ids", "[]layer.DiffID"));
  if (digests == nullptr) return {};
  if (digests->size() > kMaxDiffIds) {
    return error(ErrorCode::kInvalid, "image config lists {} diff_ids; at most {} are accepted",
                 digests->size(), kMaxDiffIds);
  }
  diff_ids_.reserve(digests->size());
  for (const json::value& value : *digests) {
    std::string_view text;  // of a null, as Go has it
    if (value.is_string()) {
      text = value.get_string();
    } else if (!value.is_null()) {
      return type_error(value, "RootFS.rootfs", "diff_ids", "layer.DiffID");
    }
    STRATA_TRY(DiffId diff_id, DiffId::parse(text).context("diff_ids of the image config"));
    diff_ids_.push_back(diff_id);
  }
  return {};
}

const json::object* ImageConfig::config() const {
  const json::value* member = find_member(json_, "config");
  return member == nullptr ? nullptr : member->if_object();
}

const json::object* ImageConfig::container_config() const {
  const json::value* member = find_member(json_, "container_config");
  return member == nullptr ? nullptr : member->if_object();
}

std::vector<ChainId> ImageConfig::chain_ids() const { return oci::chain_ids(diff_ids_); }

std::vector<ChainId> chain_ids(const std::vector<DiffId>& diff_ids) {
  std::vector<ChainId> chains;
  chains.reserve(diff_ids.size());
  for (const DiffId& diff_id : diff_ids) {
    chains.push_back(chain_id(chains.empty() ? nullptr : &chains.back(), diff_id));
  }
  return chains;
}

bool is_valid_parent(const ImageConfig& parent, const ImageConfig& child) {
  const std::vector<History>& before = parent.history();
  const std::vector<History>& after = child.history();
  if (before.empty() && after.empty()) return true;
  return after.size() == before.size() + 1 &&
         std::equal(before.begin(), before.end(), after.begin());
}

}  // namespace strata::oci
