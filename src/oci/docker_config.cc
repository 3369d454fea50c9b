// SPDX-License-Identifier: Apache-2.0
// container.Config, in the order of docker's struct; [x] is left out when empty, the rest is always
// written, as "", false or null:
//   Hostname Domainname User AttachStdin AttachStdout AttachStderr [ExposedPorts] Tty OpenStdin
//   StdinOnce Env Cmd [Healthcheck] [ArgsEscaped] Image Volumes WorkingDir Entrypoint
//   [NetworkDisabled] [MacAddress] OnBuild Labels [StopSignal] [StopTimeout] [Shell]
// Healthcheck: [Test] [Interval] [Timeout] [StartPeriod] [StartInterval] [Retries]
// image.V1Image:
//   [id] [parent] [comment] created [container] container_config [docker_version] [author] [config]
//   [architecture] [variant] [os] [Size]
// Maps are written sorted by key. Cmd, Entrypoint and Shell may be a single string.
// Source: FORMATS section 7.1; the order is also that of every config in tests/data/oci.
#include "oci/docker_config.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "oci/go_time.h"
#include "oci/json.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

enum class Kind {
  kString,
  kBool,
  kInt,         // int64, time.Duration
  kIntPointer,  // *int: 0 is not empty
  kStrings,     // []string
  kWords,       // strslice.StrSlice
  kSet,         // map[string]struct{}
  kMap,         // map[string]string
  kTime,
  kConfig,
  kConfigPointer,
  kHealthcheck,
};

struct Field {
  std::string_view name;
  Kind kind;
  bool omit_empty = false;
  std::string_view go_type = {};
};

constexpr std::array kConfigFields{
    Field{"Hostname", Kind::kString},
    Field{"Domainname", Kind::kString},
    Field{"User", Kind::kString},
    Field{"AttachStdin", Kind::kBool},
    Field{"AttachStdout", Kind::kBool},
    Field{"AttachStderr", Kind::kBool},
    Field{"ExposedPorts", Kind::kSet, true, "nat.PortSet"},
    Field{"Tty", Kind::kBool},
    Field{"OpenStdin", Kind::kBool},
    Field{"StdinOnce", Kind::kBool},
    Field{"Env", Kind::kStrings},
    Field{"Cmd", Kind::kWords},
    Field{"Healthcheck", Kind::kHealthcheck, true},
    Field{"ArgsEscaped", Kind::kBool, true},
    Field{"Image", Kind::kString},
    Field{"Volumes", Kind::kSet, false, "map[string]struct {}"},
    Field{"WorkingDir", Kind::kString},
    Field{"Entrypoint", Kind::kWords},
    Field{"NetworkDisabled", Kind::kBool, true},
    Field{"MacAddress", Kind::kString, true},
    Field{"OnBuild", Kind::kStrings},
    Field{"Labels", Kind::kMap},
    Field{"StopSignal", Kind::kString, true},
    Field{"StopTimeout", Kind::kIntPointer, true, "int"},
    Field{"Shell", Kind::kWords, true},
};

constexpr std::array kHealthcheckFields{
    Field{"Test", Kind::kStrings, true},
    Field{"Interval", Kind::kInt, true, "time.Duration"},
    Field{"Timeout", Kind::kInt, true, "time.Duration"},
    Field{"StartPeriod", Kind::kInt, true, "time.Duration"},
    Field{"StartInterval", Kind::kInt, true, "time.Duration"},
    Field{"Retries", Kind::kInt, true, "int"},
};

constexpr std::array kV1ImageFields{
    Field{"id", Kind::kString, true},
    Field{"parent", Kind::kString, true},
    Field{"comment", Kind::kString, true},
    Field{"created", Kind::kTime},
    Field{"container", Kind::kString, true},
    Field{"container_config", Kind::kConfig},
    Field{"docker_version", Kind::kString, true},
    Field{"author", Kind::kString, true},
    Field{"config", Kind::kConfigPointer, true},
    Field{"architecture", Kind::kString, true},
    Field{"variant", Kind::kString, true},
    Field{"os", Kind::kString, true},
    Field{"Size", Kind::kInt, true, "int64"},
};

template <size_t N>
Result<json::object> encode_struct(const std::array<Field, N>& fields, const json::object& from,
                                   std::string_view owner);

json::value zero(Kind kind) {
  switch (kind) {
    case Kind::kString:
      return json::value("");
    case Kind::kBool:
      return json::value(false);
    case Kind::kTime:
      return json::value(format_time(Time{}));
    case Kind::kConfig:
      return zero_container_config();
    default:
      return nullptr;
  }
}

// What Go's omitempty leaves out: null pointers, empty texts, lists and maps, false and 0.
bool is_empty(const json::value& value, Kind kind) {
  switch (value.kind()) {
    case json::kind::null:
      return true;
    case json::kind::string:
      return value.get_string().empty();
    case json::kind::bool_:
      return !value.get_bool();
    case json::kind::int64:
      return kind == Kind::kInt && value.get_int64() == 0;
    case json::kind::array:
      return value.get_array().empty();
    case json::kind::object:
      return kind == Kind::kSet && value.get_object().empty();
    default:
      return false;
  }
}

// A list of strings; null elements become "", as in Go.
Result<json::value> encode_strings(const json::value& value, std::string_view owner,
                                   const Field& field) {
  if (!value.is_array()) return type_error(value, owner, field.name, "[]string");
  json::array out;
  for (const json::value& element : value.get_array()) {
    if (element.is_null()) {
      out.emplace_back("");
    } else if (element.is_string()) {
      out.push_back(element);
    } else {
      return type_error(element, owner, field.name, "string");
    }
  }
  return json::value(std::move(out));
}

// strslice.StrSlice: a list, or one string. Where neither reads, Go's error is that of the string.
Result<json::value> encode_words(const json::value& value, std::string_view owner,
                                 const Field& field) {
  if (value.is_string()) return json::value(json::array{value});
  Result<json::value> words = encode_strings(value, owner, field);
  if (!words.ok()) return type_error(value, owner, field.name, "string");
  return words;
}

// map[string]struct{} (members lose what they held) or map[string]string.
Result<json::value> encode_map(const json::value& value, std::string_view owner,
                               const Field& field) {
  bool is_set = field.kind == Kind::kSet;
  if (!value.is_object()) {
    return type_error(value, owner, field.name, is_set ? field.go_type : "map[string]string");
  }
  json::object out = sorted_by_name(value.get_object());
  for (auto& member : out) {
    json::value& held = member.value();
    if (!held.is_null() && (is_set ? !held.is_object() : !held.is_string())) {
      return type_error(held, owner, field.name, is_set ? "struct {}" : "string");
    }
    if (is_set) {
      held.emplace_object();
    } else if (held.is_null()) {
      held.emplace_string();
    }
  }
  return json::value(std::move(out));
}

Result<json::value> encode_time(const json::value& value) {
  STRATA_TRY(Time time, parse_json_time(go_json(value)));
  return json::value(format_time(time));
}

// "Config.config" + "Healthcheck" -> "HealthConfig.config.Healthcheck": Go names the innermost
// struct, but the path from the outermost.
std::string inner_owner(std::string_view inner_struct, std::string_view owner,
                        std::string_view name) {
  size_t dot = owner.find('.');
  std::string_view path = dot == owner.npos ? std::string_view() : owner.substr(dot);
  return fmt::format("{}{}.{}", inner_struct, path, name);
}

template <size_t N>
Result<json::value> encode_inner(const std::array<Field, N>& fields, std::string_view inner_struct,
                                 const json::value& value, std::string_view owner,
                                 const Field& field) {
  if (!value.is_object()) {
    return type_error(value, owner, field.name, fmt::format("container.{}", inner_struct));
  }
  STRATA_TRY(json::object out, encode_struct(fields, value.get_object(),
                                             inner_owner(inner_struct, owner, field.name)));
  return json::value(std::move(out));
}

Result<json::value> encode_field(const json::value& value, std::string_view owner,
                                 const Field& field) {
  switch (field.kind) {
    case Kind::kString:
      if (!value.is_string()) return type_error(value, owner, field.name, "string");
      return value;
    case Kind::kBool:
      if (!value.is_bool()) return type_error(value, owner, field.name, "bool");
      return value;
    case Kind::kInt:
    case Kind::kIntPointer:
      if (!value.is_int64()) return integer_error(value, owner, field.name, field.go_type);
      return value;
    case Kind::kStrings:
      return encode_strings(value, owner, field);
    case Kind::kWords:
      return encode_words(value, owner, field);
    case Kind::kSet:
    case Kind::kMap:
      return encode_map(value, owner, field);
    case Kind::kTime:
      return encode_time(value);
    case Kind::kConfig:
    case Kind::kConfigPointer:
      return encode_inner(kConfigFields, "Config", value, owner, field);
    case Kind::kHealthcheck:
      return encode_inner(kHealthcheckFields, "HealthConfig", value, owner, field);
  }
  return value;
}

template <size_t N>
Result<json::object> encode_struct(const std::array<Field, N>& fields, const json::object& from,
                                   std::string_view owner) {
  json::object out;
  out.reserve(N);
  for (const Field& field : fields) {
    const json::value* member = find_member(from, field.name);
    json::value encoded = zero(field.kind);
    if (member != nullptr) {
      STRATA_TRY(encoded, encode_field(*member, owner, field));
    }
    if (field.omit_empty && is_empty(encoded, field.kind)) continue;
    out.emplace(field.name, std::move(encoded));
  }
  return out;
}

}  // namespace

Result<json::object> container_config_struct(const json::object& config, std::string_view owner) {
  return encode_struct(kConfigFields, config, owner);
}

json::object zero_container_config() {
  // Nothing is decoded, so nothing can be of a wrong type.
  return encode_struct(kConfigFields, {}, "").value();
}

Result<json::object> v1_image_struct(const json::object& image, std::string_view owner) {
  return encode_struct(kV1ImageFields, image, owner);
}

}  // namespace strata::oci
