// SPDX-License-Identifier: Apache-2.0
//   -v      := source ":" target [":" mode]
//   source  := absolute path | volume name, [a-zA-Z0-9][a-zA-Z0-9_.-]+
//   mode    := option *("," option); option: ro rw z Z nocopy, a propagation, or a consistency, which
//              means nothing on Linux
#include "runtime/volumes.h"

#include <algorithm>
#include <array>
#include <set>

#include "hash/digest.h"
#include "oci/json.h"
#include "tar/path.h"

namespace strata::runtime {
namespace {

namespace json = boost::json;

constexpr std::string_view kOwner = "MountPoint";
constexpr std::array kPropagations = {"private", "rprivate", "shared",
                                      "rshared", "slave",    "rslave"};
constexpr std::array kConsistencies = {"consistent", "cached", "delegated", "default"};

template <typename Range>
bool is_one_of(const Range& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> split(std::string_view text, char separator, size_t at_most) {
  std::vector<std::string> parts;
  while (parts.size() + 1 < at_most && text.find(separator) != text.npos) {
    parts.emplace_back(text.substr(0, text.find(separator)));
    text.remove_prefix(text.find(separator) + 1);
  }
  parts.emplace_back(text);
  return parts;
}

bool is_volume_name(std::string_view name) {
  auto is_plain = [](unsigned char c) { return c < 128 && std::isalnum(c) != 0; };
  return name.size() > 1 && is_plain(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [&](unsigned char c) {
           return is_plain(c) || c == '_' || c == '.' || c == '-';
         });
}

Status check_target(const MountSpec& spec) {
  if (!spec.target.starts_with('/')) {
    return error(
        ErrorCode::kInvalid,
        "invalid mount config for type \"{}\": invalid mount path: '{}' mount path must be "
        "absolute",
        spec.type, spec.target);
  }
  if (cleaned_path(spec.target) == "/") {
    return error(
        ErrorCode::kInvalid,
        "invalid mount config for type \"{}\": invalid specification: destination can't be "
        "'/'",
        spec.type);
  }
  return {};
}

Status check_volume_name(const std::string& name) {
  if (is_volume_name(name)) return {};
  if (name.size() == 1) {
    return error(ErrorCode::kInvalid,
                 "create {}: volume name is too short, names should be at least two alphanumeric "
                 "characters",
                 name);
  }
  return error(
      ErrorCode::kInvalid,
      "create {}: \"{}\" includes invalid characters for a local volume name, only "
      "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
      "use absolute path",
      name, name);
}

// One word of each kind may stand there.
Status read_mode(const std::string& mode, MountSpec& spec) {
  std::set<std::string_view> kinds;
  for (const std::string& word : split(mode, ',', mode.size() + 1)) {
    std::string_view kind;
    if (word == "ro" || word == "rw") {
      kind = "access";
      spec.read_only = word == "ro";
    } else if (is_one_of(kPropagations, word)) {
      kind = "propagation";
      spec.propagation = word;
    } else if (word == "nocopy") {
      kind = "copy";
      spec.no_copy = true;
    } else if (word == "z" || word == "Z") {
      kind = "label";
    } else if (is_one_of(kConsistencies, word)) {
      kind = "consistency";
    }
    if (kind.empty() || !kinds.insert(kind).second) {
      return error(ErrorCode::kInvalid, "invalid mode: {}", mode);
    }
  }
  return {};
}

Error field_error(const MountSpec& spec, std::string_view field, std::string_view rule) {
  return error(ErrorCode::kInvalid, "invalid mount config for type \"{}\": field {} must not be {}",
               spec.type, field, rule);
}

Status check_bind(const MountSpec& spec) {
  if (spec.no_copy) return field_error(spec, "VolumeOptions", "specified");
  if (spec.source.empty()) return field_error(spec, "Source", "empty");
  if (!spec.source.starts_with('/')) {
    return error(ErrorCode::kInvalid,
                 "invalid mount config for type \"bind\": invalid mount path: '{}' mount path must "
                 "be absolute",
                 spec.source);
  }
  if (!spec.propagation.empty() && !is_one_of(kPropagations, spec.propagation)) {
    return error(ErrorCode::kInvalid,
                 "invalid mount config for type \"bind\": invalid propagation mode: {}",
                 spec.propagation);
  }
  if (spec.propagation == "shared" || spec.propagation == "rshared") {
    return error(
        ErrorCode::kUnsupported,
        "mount of {} with propagation {}: what a container mounts does not reach the host; "
        "rslave brings the host's mounts into the container",
        spec.source, spec.propagation);
  }
  return {};
}

Status check_spec(const MountSpec& spec) {
  STRATA_CHECK(check_target(spec));
  if (spec.type == "bind") return check_bind(spec);
  if (!spec.propagation.empty()) return field_error(spec, "BindOptions", "specified");
  if (spec.type == "tmpfs" && !spec.source.empty()) return field_error(spec, "Source", "specified");
  return {};
}

}  // namespace

std::string cleaned_path(std::string_view path) {
  const std::string name = tar::clean_path(path);
  return name == "." ? "/" : "/" + name;
}

Result<MountPoint> MountPoint::parse(const json::object& from) {
  MountPoint point;
  STRATA_TRY(point.source, oci::get_string(from, kOwner, "Source"));
  STRATA_TRY(point.destination, oci::get_string(from, kOwner, "Destination"));
  STRATA_TRY(point.writable, oci::get_bool(from, kOwner, "RW"));
  STRATA_TRY(point.name, oci::get_string(from, kOwner, "Name"));
  STRATA_TRY(point.driver, oci::get_string(from, kOwner, "Driver"));
  STRATA_TRY(point.type, oci::get_string(from, kOwner, "Type"));
  STRATA_TRY(point.mode, oci::get_string(from, kOwner, "Relabel"));
  STRATA_TRY(point.propagation, oci::get_string(from, kOwner, "Propagation"));
  STRATA_TRY(point.must_exist, oci::get_bool(from, kOwner, "SkipMountpointCreation"));
  STRATA_TRY(const json::object* spec, oci::get_object(from, kOwner, "Spec", "mount.Mount"));
  if (spec != nullptr) {
    STRATA_TRY(point.spec, MountSpec::parse(*spec));
  }
  point.anonymous = point.type == "volume" && point.spec.source.empty();
  return point;
}

json::object MountPoint::to_json() const {
  json::object out = {{"Source", source}, {"Destination", destination}, {"RW", writable},
                      {"Name", name},     {"Driver", driver},           {"Type", type}};
  if (!mode.empty()) out.emplace("Relabel", mode);
  if (!propagation.empty()) out.emplace("Propagation", propagation);
  out.emplace("Spec", anonymous ? json::object() : spec.to_json());
  out.emplace("SkipMountpointCreation", must_exist);
  return out;
}

Result<MountPoint> mount_point_of(const MountSpec& spec) {
  if (spec.type != "bind" && spec.type != "volume" && spec.type != "tmpfs") {
    return error(ErrorCode::kInvalid, "invalid mount config for type \"{}\": mount type unknown",
                 spec.type);
  }
  STRATA_CHECK(check_spec(spec));
  MountPoint point;
  point.destination = cleaned_path(spec.target);
  point.writable = !spec.read_only;
  point.type = spec.type;
  point.spec = spec;
  if (spec.type == "bind") {
    point.source = cleaned_path(spec.source);
    point.propagation = spec.propagation.empty() ? "rprivate" : spec.propagation;
    point.must_exist = true;
  } else if (spec.type == "volume") {
    if (!spec.source.empty()) STRATA_CHECK(check_volume_name(spec.source));
    point.anonymous = spec.source.empty();
    point.name = point.anonymous ? random_hex(Digest::kBytes) : spec.source;
    point.driver = "local";
    point.mode = "z";
  }
  return point;
}

Result<MountPoint> parse_bind(const std::string& text) {
  std::vector<std::string> parts = split(text, ':', text.size() + 1);
  const bool known_form = (parts.size() == 2 || parts.size() == 3) && !parts[0].empty() &&
                          !parts[1].empty() && parts.back() != "";
  if (!known_form) {
    return error(ErrorCode::kInvalid, "invalid volume specification: '{}'", text);
  }
  MountSpec spec;
  spec.source = parts[0];
  spec.target = parts[1];
  spec.type = spec.source.starts_with('/') ? "bind" : "volume";
  if (parts.size() == 3) STRATA_CHECK(read_mode(parts[2], spec));
  STRATA_CHECK(check_spec(spec).context("invalid volume specification: '{}'", text));
  STRATA_TRY(MountPoint point, mount_point_of(spec));
  point.must_exist = false;
  if (parts.size() == 3) point.mode = parts[2];
  return point;
}

MountPoint anonymous_volume(const std::string& target) {
  MountPoint point;
  point.destination = cleaned_path(target);
  point.name = random_hex(Digest::kBytes);
  point.driver = "local";
  point.type = "volume";
  point.anonymous = true;
  return point;
}

Result<std::vector<MountPoint>> plan_mount_points(const HostConfig& host,
                                                  const std::vector<std::string>& config_volumes) {
  std::vector<MountPoint> points;
  std::set<std::string> targets;
  for (const auto& [target, options] : host.tmpfs) targets.insert(cleaned_path(target));
  auto add = [&](MountPoint point) -> Status {
    if (!targets.insert(point.destination).second) {
      return error(ErrorCode::kInvalid, "Duplicate mount point: {}", point.destination);
    }
    points.push_back(std::move(point));
    return {};
  };
  for (const std::string& bind : host.binds) {
    STRATA_TRY(MountPoint point, parse_bind(bind));
    STRATA_CHECK(add(std::move(point)));
  }
  for (const MountSpec& mount : host.mounts) {
    STRATA_TRY(MountPoint point, mount_point_of(mount));
    STRATA_CHECK(add(std::move(point)));
  }
  for (const std::string& target : config_volumes) {
    if (!targets.contains(cleaned_path(target))) STRATA_CHECK(add(anonymous_volume(target)));
  }
  std::sort(points.begin(), points.end(),
            [](const MountPoint& a, const MountPoint& b) { return a.destination < b.destination; });
  return points;
}

Result<std::string> open_volume(const Fd& root, const std::string& root_path,
                                const std::string& name, const Fd& staging,
                                const std::function<Status(const Fd& data)>& fill) {
  STRATA_CHECK(check_volume_name(name));
  const std::string place = "volumes/" + name;
  STRATA_TRY(bool there, exists_at(root, place));
  if (!there) {
    const std::string staged = "volume-" + random_hex(8);
    STRATA_CHECK(mkdir_at(staging, staged, 0701));
    STRATA_CHECK(mkdir_at(staging, staged + "/_data", 0755));
    STRATA_TRY(Fd data, open_dir_at(staging, staged + "/_data"));
    STRATA_CHECK(fill(data));
    STRATA_CHECK(ensure_dir_at(root, "volumes", 0701));
    Status renamed = rename_at(staging, staged, root, place, Existing::kKeep);
    if (!renamed.ok() && renamed.error().code() != ErrorCode::kConflict) return renamed.error();
  }
  return fmt::format("{}/{}/_data", root_path, place);
}

Status remove_volume(const Fd& root, const std::string& name) {
  STRATA_CHECK(check_volume_name(name));
  return remove_tree_at(root, "volumes/" + name);
}

}  // namespace strata::runtime
