// SPDX-License-Identifier: Apache-2.0
// json   = image.V1Image (docker_config.cc) and whatever its writer added
// config = the members of json, each as it stood but compact, sorted by name, without
//          id parent Size parent_id layer_id throwaway;
//          "history": [ { created [author] [created_by] [comment] } ... ],
//          "rootfs": {"type":"layers","diff_ids":[...]}
// If docker_version is below 1.8.3, or none, json is first re-encoded as image.V1Image.
// Source: moby's image/v1 MakeConfigFromV1Config and HistoryFromConfig, dockerd 20.10.
#include "oci/legacy_image.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <charconv>
#include <map>

#include "oci/docker_config.h"
#include "oci/json.h"
#include "oci/json_cursor.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

// Before this version docker wrote members that its own struct did not know.
constexpr std::array<int, 3> kFirstCleanVersion{1, 8, 3};
constexpr std::array<std::string_view, 6> kDropped{"id",        "parent",   "Size",
                                                   "parent_id", "layer_id", "throwaway"};

// The number that a version's component is; 0 for what is not wholly a number, as Go's Atoi gives.
int component(std::string_view text) {
  int value = 0;
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  return bad == std::errc() && end == text.data() + text.size() ? value : 0;
}

bool is_before_first_clean(std::string_view version) {
  for (int clean : kFirstCleanVersion) {
    size_t dot = version.find('.');
    int found = component(version.substr(0, dot));
    if (found != clean) return found < clean;
    version = dot == version.npos ? std::string_view() : version.substr(dot + 1);
  }
  return false;
}

// The text of each member, compact; the last of several with the same name. `text` is a valid
// object.
Result<std::map<std::string, std::string>> raw_members(std::string_view text) {
  std::map<std::string, std::string> members;
  JsonCursor cursor(text);
  cursor.enter_object();
  for (JsonString key; cursor.next_member(key);) {
    cursor.peek();
    size_t from = cursor.offset();
    cursor.skip();
    STRATA_TRY(members[key.decode()], compact_json(cursor.since(from)));
  }
  return members;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = find_member(object, name);
  return value == nullptr ? std::string() : std::string(value->get_string());
}

std::string history_item(const json::object& v1_image) {
  json::object item;
  auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) item.emplace(name, text);
  };
  std::string created_by;
  const json::value* command = v1_image.at("container_config").at("Cmd").if_array()
                                   ? &v1_image.at("container_config").at("Cmd")
                                   : nullptr;
  if (command != nullptr) {
    for (const json::value& word : command->get_array()) {
      if (!created_by.empty() || &word != &command->get_array().front()) created_by += ' ';
      created_by += std::string_view(word.get_string());
    }
  }
  item.emplace("created", v1_image.at("created"));
  put("author", text_of(v1_image, "author"));
  put("created_by", created_by);
  put("comment", text_of(v1_image, "comment"));
  return go_json(item);
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += ',';
    out += item;
  }
  return "[" + out + "]";
}

}  // namespace

Result<LegacyLayer> LegacyLayer::parse(std::string text) {
  STRATA_TRY(json::value value, parse_json(text));
  if (value.is_null()) value.emplace_object();
  if (!value.is_object()) return type_error(value, "image.V1Image");
  STRATA_TRY(json::object v1_image, v1_image_struct(value.get_object()));
  LegacyLayer layer;
  layer.parent_ = text_of(v1_image, "parent");
  layer.os_ = text_of(v1_image, "os");
  layer.history_ = history_item(v1_image);
  bool re_encode = is_before_first_clean(text_of(v1_image, "docker_version"));
  layer.json_ = re_encode ? go_json(v1_image) : std::move(text);
  return layer;
}

Result<std::string> LegacyLayer::config(const std::vector<DiffId>& diff_ids,
                                        const std::vector<std::string>& history) const {
  STRATA_TRY(auto members, raw_members(json_));
  for (std::string_view name : kDropped) members.erase(std::string(name));
  json::array digests;
  for (const DiffId& diff_id : diff_ids) digests.emplace_back(diff_id.to_string());
  json::object rootfs{{"type", "layers"}};
  if (!digests.empty()) rootfs.emplace("diff_ids", std::move(digests));
  members["rootfs"] = go_json(rootfs);
  members["history"] = joined(history);

  std::string out = "{";
  for (const auto& [name, text] : members) {
    if (out.size() > 1) out += ',';
    append_go_string(out, name);
    out += ':' + text;
  }
  return out + "}";
}

}  // namespace strata::oci
