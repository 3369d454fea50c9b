// SPDX-License-Identifier: Apache-2.0
// manifest   = { schemaVersion: 2, [mediaType], [artifactType], config: descriptor,
//                layers: [ descriptor ... base first ], [subject], [annotations] }
// index      = { schemaVersion: 2, [mediaType], [artifactType], manifests: [ descriptor ... ],
//                [subject], [annotations] }
// descriptor = { mediaType, digest, size, [urls], [annotations], [data], [platform],
//                [artifactType] }
// platform   = { architecture, os, [os.version], [os.features], [variant] }
// Source: OCI image-spec v1.1, specs-go/v1, whose structs give the order in which docker writes.
#include "oci/manifest.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <initializer_list>

#include "oci/json.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

Result<json::object> parse_document(std::string_view text, std::string_view go_type) {
  if (text.size() > kMaxManifestBytes) {
    return error(ErrorCode::kInvalid, "{} of {} bytes; at most {} are accepted", go_type,
                 text.size(), kMaxManifestBytes);
  }
  STRATA_TRY(json::value value, parse_json(text));
  if (!value.is_object()) return type_error(value, go_type);
  return std::move(value.get_object());
}

// Moves the members that are not in `known` out of `object`.
json::object take_unknown(const json::object& object,
                          std::initializer_list<std::string_view> known) {
  json::object unknown;
  for (const auto& member : object) {
    std::string_view key = member.key();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      unknown.emplace(member.key(), member.value());
    }
  }
  return unknown;
}

Result<Annotations> read_annotations(const json::object& object, std::string_view owner) {
  STRATA_TRY(const json::object* members,
             get_object(object, owner, "annotations", "map[string]string"));
  Annotations annotations;
  if (members == nullptr) return annotations;
  for (const auto& member : *members) {
    std::string& text = annotations[std::string(member.key())];
    if (member.value().is_null()) continue;
    if (!member.value().is_string()) {
      return type_error(member.value(), owner, "annotations", "string");
    }
    text = std::string(member.value().get_string());
  }
  return annotations;
}

Result<std::optional<Platform>> read_platform(const json::object& object) {
  STRATA_TRY(const json::object* members,
             get_object(object, "Descriptor", "platform", "v1.Platform"));
  if (members == nullptr) return std::optional<Platform>();
  STRATA_TRY(Platform platform, parse_platform(*members, "Platform.platform"));
  return std::optional<Platform>(std::move(platform));
}

Result<Descriptor> read_descriptor(const json::value& value, std::string_view where) {
  constexpr std::string_view kOwner = "Descriptor";
  if (!value.is_object()) return type_error(value, kOwner, where, "v1.Descriptor");
  const json::object& object = value.get_object();
  Descriptor descriptor;
  STRATA_TRY(descriptor.media_type, get_string(object, kOwner, "mediaType"));
  STRATA_TRY(std::string digest, get_string(object, kOwner, "digest"));
  STRATA_TRY(descriptor.digest, Digest::parse(digest).context("{} of the manifest", where));
  STRATA_TRY(descriptor.size_bytes, get_int64(object, kOwner, "size"));
  if (descriptor.size_bytes < 0) {
    return error(ErrorCode::kInvalid, "{} of the manifest: size of {} is {}, expected 0 or more",
                 where, descriptor.digest, descriptor.size_bytes);
  }
  if (find_member(object, "urls") != nullptr) {
    STRATA_TRY(descriptor.urls, get_strings(object, kOwner, "urls"));
  }
  STRATA_TRY(descriptor.annotations, read_annotations(object, kOwner));
  STRATA_TRY(descriptor.platform, read_platform(object));
  STRATA_TRY(descriptor.artifact_type, get_string(object, kOwner, "artifactType"));
  descriptor.unknown = take_unknown(
      object, {"mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType"});
  return descriptor;
}

Result<std::vector<Descriptor>> read_descriptors(const json::object& object, std::string_view owner,
                                                 std::string_view name, size_t limit) {
  STRATA_TRY(const json::array* array, get_array(object, owner, name, "[]v1.Descriptor"));
  std::vector<Descriptor> list;
  if (array == nullptr) return list;
  if (array->size() > limit) {
    return error(ErrorCode::kInvalid, "manifest lists {} {}; at most {} are accepted",
                 array->size(), name, limit);
  }
  list.reserve(array->size());
  for (const json::value& value : *array) {
    STRATA_TRY(Descriptor descriptor, read_descriptor(value, name));
    list.push_back(std::move(descriptor));
  }
  return list;
}

Status check_version(const json::object& object, std::string_view owner) {
  STRATA_TRY(int64_t version, get_int64(object, owner, "schemaVersion"));
  if (version == 2) return {};
  return error(ErrorCode::kInvalid, "unsupported manifest: schemaVersion is {}, expected 2",
               version);
}

// A text that can be read as both was made to mean different things to different readers.
Status check_absent(const json::object& object, std::string_view name, std::string_view kind) {
  if (find_member(object, name) == nullptr) return {};
  return error(ErrorCode::kInvalid, "ambiguous manifest: {} that has \"{}\"", kind, name);
}

json::object write_annotations(const Annotations& annotations) {
  json::object out;
  for (const auto& [name, text] : annotations) out.emplace(name, text);
  return out;
}

void add_text(json::object& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.emplace(name, text);
}

void add_unknown(json::object& out, const json::object& unknown) {
  for (const auto& member : unknown) out.emplace(member.key(), member.value());
}

json::object write_descriptor(const Descriptor& descriptor) {
  json::object out;
  out.emplace("mediaType", descriptor.media_type);
  out.emplace("digest", descriptor.digest.to_string());
  out.emplace("size", descriptor.size_bytes);
  if (!descriptor.urls.empty()) {
    out.emplace("urls", json::array(descriptor.urls.begin(), descriptor.urls.end()));
  }
  if (!descriptor.annotations.empty()) {
    out.emplace("annotations", write_annotations(descriptor.annotations));
  }
  if (const json::value* data = descriptor.unknown.if_contains("data")) out.emplace("data", *data);
  if (descriptor.platform) out.emplace("platform", platform_json(*descriptor.platform));
  add_text(out, "artifactType", descriptor.artifact_type);
  add_unknown(out, descriptor.unknown);
  return out;
}

json::array write_descriptors(const std::vector<Descriptor>& descriptors) {
  json::array out;
  for (const Descriptor& descriptor : descriptors) out.push_back(write_descriptor(descriptor));
  return out;
}

// What manifests and indexes begin with.
json::object begin_document(const std::string& type, const json::object& unknown) {
  json::object out;
  out.emplace("schemaVersion", 2);
  add_text(out, "mediaType", type);
  if (const json::value* kind = unknown.if_contains("artifactType")) {
    out.emplace("artifactType", *kind);
  }
  return out;
}

// And what they end with.
std::string end_document(json::object out, const Annotations& annotations,
                         const json::object& unknown) {
  if (const json::value* subject = unknown.if_contains("subject")) {
    out.emplace("subject", *subject);
  }
  if (!annotations.empty()) out.emplace("annotations", write_annotations(annotations));
  add_unknown(out, unknown);
  return go_json(out);
}

json::object pushed_descriptor(const Descriptor& descriptor) {
  json::object out;
  out.emplace("mediaType", descriptor.media_type);
  out.emplace("size", descriptor.size_bytes);
  out.emplace("digest", descriptor.digest.to_string());
  if (!descriptor.urls.empty()) {
    out.emplace("urls", json::array(descriptor.urls.begin(), descriptor.urls.end()));
  }
  return out;
}

}  // namespace

Result<bool> is_index(std::string_view text) {
  STRATA_TRY(json::object object, parse_document(text, "v1.Index"));
  STRATA_TRY(std::string type, get_string(object, "Index", "mediaType"));
  if (type == media_type::kOciIndex || type == media_type::kDockerList) return true;
  if (type == media_type::kOciManifest || type == media_type::kDockerManifest) return false;
  return find_member(object, "manifests") != nullptr;
}

Result<Manifest> parse_manifest(std::string_view text) {
  constexpr std::string_view kOwner = "Manifest";
  STRATA_TRY(json::object object, parse_document(text, "v1.Manifest"));
  STRATA_CHECK(check_version(object, kOwner));
  STRATA_CHECK(check_absent(object, "manifests", "a manifest"));
  Manifest manifest;
  STRATA_TRY(manifest.media_type, get_string(object, kOwner, "mediaType"));
  const json::value* config = find_member(object, "config");
  if (config == nullptr) {
    return Error(ErrorCode::kInvalid, "invalid manifest: expected \"config\", found none");
  }
  STRATA_TRY(manifest.config, read_descriptor(*config, "config"));
  STRATA_TRY(manifest.layers, read_descriptors(object, kOwner, "layers", kMaxManifestLayers));
  STRATA_TRY(manifest.annotations, read_annotations(object, kOwner));
  manifest.unknown =
      take_unknown(object, {"schemaVersion", "mediaType", "config", "layers", "annotations"});
  return manifest;
}

Result<Index> parse_index(std::string_view text) {
  constexpr std::string_view kOwner = "Index";
  STRATA_TRY(json::object object, parse_document(text, "v1.Index"));
  STRATA_CHECK(check_version(object, kOwner));
  STRATA_CHECK(check_absent(object, "config", "an index"));
  STRATA_CHECK(check_absent(object, "layers", "an index"));
  Index index;
  STRATA_TRY(index.media_type, get_string(object, kOwner, "mediaType"));
  STRATA_TRY(index.manifests, read_descriptors(object, kOwner, "manifests", kMaxIndexManifests));
  STRATA_TRY(index.annotations, read_annotations(object, kOwner));
  index.unknown = take_unknown(object, {"schemaVersion", "mediaType", "manifests", "annotations"});
  return index;
}

std::string manifest_text(const Manifest& manifest) {
  json::object out = begin_document(manifest.media_type, manifest.unknown);
  out.emplace("config", write_descriptor(manifest.config));
  out.emplace("layers", write_descriptors(manifest.layers));
  return end_document(std::move(out), manifest.annotations, manifest.unknown);
}

std::string index_text(const Index& index) {
  json::object out = begin_document(index.media_type, index.unknown);
  out.emplace("manifests", write_descriptors(index.manifests));
  return end_document(std::move(out), index.annotations, index.unknown);
}

std::string pushed_manifest_text(const Manifest& manifest) {
  json::object out = begin_document(manifest.media_type, manifest.unknown);
  out.emplace("config", pushed_descriptor(manifest.config));
  json::array layers;
  for (const Descriptor& layer : manifest.layers) layers.push_back(pushed_descriptor(layer));
  out.emplace("layers", std::move(layers));
  return go_json_indented(out, "", "   ");
}

Result<Platform> parse_platform(const json::object& members, std::string_view owner) {
  Platform platform;
  STRATA_TRY(platform.os, get_string(members, owner, "os"));
  STRATA_TRY(platform.architecture, get_string(members, owner, "architecture"));
  STRATA_TRY(platform.variant, get_string(members, owner, "variant"));
  STRATA_TRY(platform.os_version, get_string(members, owner, "os.version"));
  STRATA_TRY(platform.os_features, get_strings(members, owner, "os.features"));
  return platform;
}

json::object platform_json(const Platform& platform) {
  json::object out;
  out.emplace("architecture", platform.architecture);
  out.emplace("os", platform.os);
  add_text(out, "os.version", platform.os_version);
  if (!platform.os_features.empty()) {
    out.emplace("os.features",
                json::array(platform.os_features.begin(), platform.os_features.end()));
  }
  add_text(out, "variant", platform.variant);
  return out;
}

}  // namespace strata::oci
