// SPDX-License-Identifier: Apache-2.0
// The grammar stands in json_cursor.cc.
#include "oci/json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <charconv>
#include <unordered_set>

#include "oci/json_cursor.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

json::value number_value(std::string_view text) {
  const char* end = text.data() + text.size();
  if (text.find_first_of(".eE") == text.npos && text != "-0") {
    int64_t as_signed;
    if (auto [p, bad] = std::from_chars(text.data(), end, as_signed); bad == std::errc()) {
      return as_signed;
    }
    uint64_t as_unsigned;
    if (auto [p, bad] = std::from_chars(text.data(), end, as_unsigned); bad == std::errc()) {
      return as_unsigned;
    }
  }
  double value = 0;
  std::from_chars(text.data(), end, value);  // out of range: stays 0
  return value;
}

// Builds the value that comes next. False at an error, which the cursor holds.
bool build(JsonCursor& cursor, json::value& out);

// Puts the members in the order in which each name came last.
json::object in_last_order(json::object& object, const std::vector<std::string>& names) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> order;
  for (size_t i = names.size(); i-- > 0;) {
    if (seen.insert(names[i]).second) order.push_back(names[i]);
  }
  json::object out;
  out.reserve(order.size());
  for (size_t i = order.size(); i-- > 0;) {
    out.emplace(order[i], std::move(object.at(order[i])));
  }
  return out;
}

bool build_object(JsonCursor& cursor, json::value& out) {
  json::object& object = out.emplace_object();
  std::vector<std::string> names;
  bool repeated = false;
  if (!cursor.enter_object()) return false;
  for (JsonString key; cursor.next_member(key);) {
    std::string name = key.decode();
    json::value member;
    if (!build(cursor, member)) return false;
    if (member.is_null() && object.contains(name)) continue;
    repeated |= !object.insert_or_assign(name, std::move(member)).second;
    names.push_back(std::move(name));
  }
  if (repeated) object = in_last_order(object, names);
  return !cursor.failed();
}

bool build_array(JsonCursor& cursor, json::value& out) {
  json::array& array = out.emplace_array();
  if (!cursor.enter_array()) return false;
  while (cursor.next_element()) {
    if (!build(cursor, array.emplace_back(nullptr))) return false;
  }
  return !cursor.failed();
}

bool build(JsonCursor& cursor, json::value& out) {
  JsonString text;
  std::string_view number;
  switch (cursor.peek()) {
    case JsonCursor::Kind::kObject:
      return build_object(cursor, out);
    case JsonCursor::Kind::kArray:
      return build_array(cursor, out);
    case JsonCursor::Kind::kString:
      if (!cursor.read_string(text)) return false;
      out.emplace_string() = text.decode();
      return true;
    case JsonCursor::Kind::kNumber:
      if (!cursor.read_number(number)) return false;
      out = number_value(number);
      return true;
    case JsonCursor::Kind::kBool:
      return cursor.read_bool(out.emplace_bool());
    case JsonCursor::Kind::kNull:
      out.emplace_null();
      return cursor.read_null();
    case JsonCursor::Kind::kNone:
      break;
  }
  return false;
}

Error syntax_error(const JsonCursor& cursor, std::string_view text, JsonEnd end) {
  if (end == JsonEnd::kStream && cursor.failed_at_end()) {
    bool blank = text.find_first_not_of(" \t\r\n") == text.npos;
    return Error(ErrorCode::kInvalid, blank ? "EOF" : "unexpected EOF");
  }
  return Error(ErrorCode::kInvalid, cursor.error());
}

// What every reader of one member begins with: the member, or null.
template <typename Check>
Result<const json::value*> typed_member(const json::object& object, std::string_view owner,
                                        std::string_view name, std::string_view go_type,
                                        Check has_type) {
  const json::value* member = find_member(object, name);
  if (member != nullptr && !has_type(*member)) return type_error(*member, owner, name, go_type);
  return member;
}

}  // namespace

Result<json::value> parse_json(std::string_view text, std::string_view what, JsonEnd end) {
  JsonCursor cursor(text);
  json::value value;
  if (!build(cursor, value) || (end == JsonEnd::kWhole && !cursor.finish())) {
    Error failure = syntax_error(cursor, text, end);
    if (!what.empty()) failure.add_context(what);
    return failure;
  }
  return value;
}

const json::value* find_member(const json::object& object, std::string_view name) {
  const json::value* found = nullptr;
  for (const auto& member : object) {
    if (member.value().is_null()) continue;
    std::string_view key = member.key();
    if (JsonString{key, false}.names(name)) found = &member.value();
  }
  return found;
}

json::object sorted_by_name(const json::object& object) {
  std::vector<const json::key_value_pair*> members;
  members.reserve(object.size());
  for (const auto& member : object) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const auto* a, const auto* b) { return a->key() < b->key(); });
  json::object sorted;
  sorted.reserve(members.size());
  for (const auto* member : members) sorted.emplace(member->key(), member->value());
  return sorted;
}

std::string_view go_kind(const json::value& value) {
  switch (value.kind()) {
    case json::kind::object:
      return "object";
    case json::kind::array:
      return "array";
    case json::kind::string:
      return "string";
    case json::kind::bool_:
      return "bool";
    case json::kind::null:
      return "null";
    default:
      return "number";
  }
}

Error type_error(const json::value& found, std::string_view owner, std::string_view name,
                 std::string_view go_type) {
  return error(ErrorCode::kInvalid,
               "json: cannot unmarshal {} into Go struct field {}.{} of type {}", go_kind(found),
               owner, name, go_type);
}

Error integer_error(const json::value& found, std::string_view owner, std::string_view name,
                    std::string_view go_type) {
  if (!found.is_number()) return type_error(found, owner, name, go_type);
  return error(ErrorCode::kInvalid,
               "json: cannot unmarshal number {} into Go struct field {}.{} of type {}",
               go_json(found), owner, name, go_type);
}

Error type_error(const json::value& found, std::string_view go_type) {
  return error(ErrorCode::kInvalid, "json: cannot unmarshal {} into Go value of type {}",
               go_kind(found), go_type);
}

Result<std::string> get_string(const json::object& object, std::string_view owner,
                               std::string_view name, std::string_view go_type) {
  STRATA_TRY(const json::value* member,
             typed_member(object, owner, name, go_type, [](auto& v) { return v.is_string(); }));
  if (member == nullptr) return std::string();
  return std::string(member->get_string());
}

Result<int64_t> get_int64(const json::object& object, std::string_view owner,
                          std::string_view name) {
  const json::value* member = find_member(object, name);
  if (member == nullptr) return 0;
  if (!member->is_int64()) return integer_error(*member, owner, name, "int64");
  return member->get_int64();
}

Result<bool> get_bool(const json::object& object, std::string_view owner, std::string_view name) {
  STRATA_TRY(const json::value* member,
             typed_member(object, owner, name, "bool", [](auto& v) { return v.is_bool(); }));
  return member != nullptr && member->get_bool();
}

Result<std::vector<std::string>> get_strings(const json::object& object, std::string_view owner,
                                             std::string_view name) {
  STRATA_TRY(const json::array* array, get_array(object, owner, name, "[]string"));
  std::vector<std::string> texts;
  if (array == nullptr) return texts;
  texts.reserve(array->size());
  for (const json::value& element : *array) {
    if (element.is_null()) {
      texts.emplace_back();
    } else if (!element.is_string()) {
      return type_error(element, owner, name, "string");
    } else {
      texts.emplace_back(element.get_string());
    }
  }
  return texts;
}

Result<const json::object*> get_object(const json::object& object, std::string_view owner,
                                       std::string_view name, std::string_view go_type) {
  STRATA_TRY(const json::value* member,
             typed_member(object, owner, name, go_type, [](auto& v) { return v.is_object(); }));
  return member == nullptr ? nullptr : &member->get_object();
}

Result<const json::array*> get_array(const json::object& object, std::string_view owner,
                                     std::string_view name, std::string_view go_type) {
  STRATA_TRY(const json::value* member,
             typed_member(object, owner, name, go_type, [](auto& v) { return v.is_array(); }));
  return member == nullptr ? nullptr : &member->get_array();
}

}  // namespace strata::oci
