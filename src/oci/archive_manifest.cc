// SPDX-License-Identifier: Apache-2.0
// manifest     = "[" item *( "," item ) "]" LF, compact, members in this order:
//                Config RepoTags Layers [Parent] [LayerSources];  RepoTags may be null
// LayerSources = object sorted by diffID of { [mediaType] [size] [digest] [urls] }, in that order
// repositories = object sorted by name of objects sorted by tag of IDs, LF
// Source: dockerd 20.10 and 28.5 (tests/data/oci); moby's image/tarexport.
#include "oci/archive_manifest.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "oci/json.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

constexpr std::string_view kOwner = "manifestItem";
constexpr std::string_view kListType = "[]tarexport.manifestItem";
constexpr std::string_view kItemType = "tarexport.manifestItem";
constexpr std::string_view kRepositoriesType = "map[string]map[string]string";

Result<LayerSource> read_source(const json::value& value) {
  constexpr std::string_view kSourceOwner = "Descriptor.LayerSources";
  LayerSource source;
  if (value.is_null()) return source;
  if (!value.is_object()) {
    return type_error(value, kOwner, "LayerSources", "distribution.Descriptor");
  }
  const json::object& object = value.get_object();
  STRATA_TRY(source.media_type, get_string(object, kSourceOwner, "mediaType"));
  STRATA_TRY(source.size_bytes, get_int64(object, kSourceOwner, "size"));
  STRATA_TRY(source.digest, get_string(object, kSourceOwner, "digest", "digest.Digest"));
  STRATA_TRY(source.urls, get_strings(object, kSourceOwner, "urls"));
  return source;
}

Result<ArchiveItem> read_item(const json::value& value) {
  if (value.is_null()) return ArchiveItem{};
  if (!value.is_object()) return type_error(value, kItemType);
  const json::object& object = value.get_object();
  ArchiveItem item;
  STRATA_TRY(item.config, get_string(object, kOwner, "Config"));
  if (find_member(object, "RepoTags") != nullptr) {
    STRATA_TRY(item.repo_tags, get_strings(object, kOwner, "RepoTags"));
  }
  STRATA_TRY(item.layers, get_strings(object, kOwner, "Layers"));
  STRATA_TRY(item.parent, get_string(object, kOwner, "Parent", "image.ID"));
  STRATA_TRY(const json::object* sources, get_object(object, kOwner, "LayerSources",
                                                     "map[layer.DiffID]distribution.Descriptor"));
  if (sources == nullptr) return item;
  for (const auto& member : *sources) {
    STRATA_TRY(LayerSource source, read_source(member.value()));
    item.layer_sources.emplace(std::string(member.key()), std::move(source));
  }
  return item;
}

json::array to_array(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object write_source(const LayerSource& source) {
  json::object out;
  if (!source.media_type.empty()) out.emplace("mediaType", source.media_type);
  if (source.size_bytes != 0) out.emplace("size", source.size_bytes);
  if (!source.digest.empty()) out.emplace("digest", source.digest);
  if (!source.urls.empty()) out.emplace("urls", to_array(source.urls));
  return out;
}

json::object write_item(const ArchiveItem& item) {
  json::object out;
  out.emplace("Config", item.config);
  out.emplace("RepoTags", nullptr);
  if (item.repo_tags) out["RepoTags"] = to_array(*item.repo_tags);
  out.emplace("Layers", to_array(item.layers));
  if (!item.parent.empty()) out.emplace("Parent", item.parent);
  if (item.layer_sources.empty()) return out;
  json::object sources;
  for (const auto& [diff_id, source] : item.layer_sources) {
    sources.emplace(diff_id, write_source(source));
  }
  out.emplace("LayerSources", std::move(sources));
  return out;
}

}  // namespace

Result<std::vector<ArchiveItem>> parse_archive_manifest(std::string_view text) {
  STRATA_TRY(json::value value, parse_json(text, {}, JsonEnd::kStream));
  if (value.is_null()) {
    return Error(ErrorCode::kInvalid, "invalid manifest, manifest cannot be null (but can be [])");
  }
  if (!value.is_array()) return type_error(value, kListType);
  std::vector<ArchiveItem> items;
  items.reserve(value.get_array().size());
  for (const json::value& element : value.get_array()) {
    STRATA_TRY(ArchiveItem item, read_item(element));
    items.push_back(std::move(item));
  }
  return items;
}

std::string archive_manifest_text(const std::vector<ArchiveItem>& items) {
  json::array out;
  for (const ArchiveItem& item : items) out.push_back(write_item(item));
  return go_json(out) + "\n";
}

Result<ArchiveRepositories> parse_archive_repositories(std::string_view text) {
  STRATA_TRY(json::value value, parse_json(text, {}, JsonEnd::kStream));
  ArchiveRepositories repositories;
  if (value.is_null()) return repositories;
  if (!value.is_object()) return type_error(value, kRepositoriesType);
  for (const auto& repository : value.get_object()) {
    auto& tags = repositories[std::string(repository.key())];
    if (repository.value().is_null()) continue;
    if (!repository.value().is_object()) return type_error(repository.value(), "map[string]string");
    for (const auto& tag : repository.value().get_object()) {
      std::string& id = tags[std::string(tag.key())];
      if (tag.value().is_null()) continue;
      if (!tag.value().is_string()) return type_error(tag.value(), "string");
      id = std::string(tag.value().get_string());
    }
  }
  return repositories;
}

std::string archive_repositories_text(const ArchiveRepositories& repositories) {
  json::object out;
  for (const auto& [name, tags] : repositories) {
    json::object ids;
    for (const auto& [tag, id] : tags) ids.emplace(tag, id);
    out.emplace(name, std::move(ids));
  }
  return go_json(out) + "\n";
}

}  // namespace strata::oci
