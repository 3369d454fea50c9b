// SPDX-License-Identifier: Apache-2.0
// Grammar:
//   mount = field { "," field }           CSV: a field in " may hold commas, "" in it is one "
//   field = key "=" value | ("ro" | "readonly" | "rw" | "readwrite" | "required")
//   key   = type | from | source src | target dst destination | ro readonly | rw readwrite | id |
//           required | env (secret) | size (tmpfs) | sharing (cache) | mode uid gid
//           (cache, secret, ssh); case does not matter. `required` and `size` look at the type so far.
// Source: the Dockerfile reference, "RUN --mount".
#include "build/mount.h"

#include <charconv>
#include <cmath>
#include <vector>

#include "build/words.h"
#include "oci/go_text.h"

namespace strata::build {
namespace {

Error invalid(std::string text) { return Error(ErrorCode::kInvalid, std::move(text)); }

Result<std::vector<std::string>> split_csv(std::string_view text) {
  std::vector<std::string> fields(1);
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ',') {
      fields.emplace_back();
    } else if (text[at] != '"') {
      fields.back() += text[at];
    } else if (!fields.back().empty()) {
      return invalid(
          fmt::format("failed to parse csv mounts: parse error on line 1, column {}: "
                      "bare \" in non-quoted-field",
                      at + 1));
    } else {
      for (++at; at < text.size(); ++at) {
        if (text[at] != '"') {
          fields.back() += text[at];
        } else if (text.substr(at).starts_with("\"\"")) {
          fields.back() += text[++at];
        } else {
          break;
        }
      }
      const bool closed = at < text.size() && (at + 1 == text.size() || text[at + 1] == ',');
      if (!closed) {
        return invalid(
            fmt::format("failed to parse csv mounts: parse error on line 1, column {}: "
                        "extraneous or missing \" in quoted-field",
                        at + 1));
      }
    }
  }
  return fields;
}

std::optional<uint32_t> parse_number(std::string_view text, int base) {
  uint32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "64m", "1.5 GiB", "100": binary units.
std::optional<uint64_t> parse_size(std::string_view text) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || number < 0) return std::nullopt;
  std::string unit = to_lower(trim(text.substr(static_cast<size_t>(end - text.data()))));
  if (unit.ends_with('b')) unit.pop_back();
  if (unit.size() == 2 && unit.ends_with('i')) unit.pop_back();
  const size_t power = unit.empty() ? 0 : std::string_view("kmgtp").find(unit) + 1;
  if (unit.size() > 1 || (power == 0 && !unit.empty())) return std::nullopt;
  const double bytes = std::ldexp(number, static_cast<int>(10 * power));
  if (!(bytes < 9e18)) return std::nullopt;
  return static_cast<uint64_t>(bytes);
}

std::string_view name_of(Mount::Type type) {
  switch (type) {
    case Mount::Type::kBind:
      return "bind";
    case Mount::Type::kCache:
      return "cache";
    case Mount::Type::kTmpfs:
      return "tmpfs";
    case Mount::Type::kSecret:
      return "secret";
    case Mount::Type::kSsh:
      return "ssh";
  }
  return "";
}

class MountReader {
 public:
  explicit MountReader(const ExpandWord& expand) : expand_(expand) {}

  Result<Mount> read(std::string_view text) {
    STRATA_TRY(const std::vector<std::string> fields, split_csv(text));
    for (const std::string& field : fields) STRATA_CHECK(read_field(field));
    STRATA_CHECK(check());
    return std::move(mount_);
  }

 private:
  bool is_secret_or_ssh() const {
    return mount_.type == Mount::Type::kSecret || mount_.type == Mount::Type::kSsh;
  }
  Error unexpected(std::string_view key) const {
    return invalid(
        fmt::format("unexpected key '{}' for mount type '{}'", key, name_of(mount_.type)));
  }

  Status read_field(const std::string& field) {
    const size_t equals = field.find('=');
    const std::string key = to_lower(std::string_view(field).substr(0, equals));
    if (equals == std::string::npos) {
      const bool known = key == "readonly" || key == "ro" || key == "readwrite" || key == "rw" ||
                         key == "required";
      if (!known) {
        return invalid(fmt::format("invalid field '{}' must be a key=value pair", field));
      }
      return read_switch(key, "true");
    }
    std::string value = field.substr(equals + 1);
    if (expand_) {
      STRATA_TRY(value, expand_(value));
    } else if (const size_t dollar = value.find('$');
               dollar != std::string::npos && dollar + 1 < value.size()) {
      if (key == "from") {
        return invalid("'from' doesn't support variable expansion, define alias stage instead");
      }
      later_ = true;  // known when the step runs
      return {};
    }
    if (key == "readonly" || key == "ro" || key == "readwrite" || key == "rw" ||
        key == "required") {
      return read_switch(key, value);
    }
    return read_value(field, key, value);
  }

  Status read_switch(const std::string& key, const std::string& value) {
    if (key == "required" && !is_secret_or_ssh() && !later_) return unexpected(key);
    const Result<bool> yes = oci::parse_bool(value);
    if (!yes.ok()) return invalid(fmt::format("invalid value for {}: {}", key, value));
    if (key == "required") {
      mount_.required = *yes;
    } else {
      read_only_ = (key == "ro" || key == "readonly") == *yes;
    }
    return {};
  }

  Status read_value(const std::string& field, const std::string& key, const std::string& value) {
    if (key == "type") return read_type(value);
    if (key == "sharing") return read_sharing(value);
    if (key == "size") return read_size(value);
    if (key == "mode" || key == "uid" || key == "gid") return read_owner(key, value);
    std::string* target = key == "from"                                             ? &mount_.from
                          : key == "source" || key == "src"                         ? &mount_.source
                          : key == "target" || key == "dst" || key == "destination" ? &mount_.target
                          : key == "id"                                             ? &mount_.id
                          : key == "env"                                            ? &mount_.env
                                                                                    : nullptr;
    if (target == nullptr) {
      return invalid(fmt::format("unexpected key '{}' in '{}'", key, field));
    }
    if (key == "env" && mount_.type != Mount::Type::kSecret && !later_) return unexpected(key);
    *target = value;
    return {};
  }

  Status read_type(const std::string& value) {
    for (const Mount::Type type : {Mount::Type::kBind, Mount::Type::kCache, Mount::Type::kTmpfs,
                                   Mount::Type::kSecret, Mount::Type::kSsh}) {
      if (to_lower(value) != name_of(type)) continue;
      mount_.type = type;
      return {};
    }
    return invalid(fmt::format("unsupported mount type {}", oci::go_quote(value)));
  }

  Status read_sharing(const std::string& value) {
    const std::string word = to_lower(value);
    if (word != "shared" && word != "private" && word != "locked") {
      return invalid(fmt::format("unsupported sharing value {}", oci::go_quote(value)));
    }
    mount_.sharing = word == "shared"    ? Mount::Sharing::kShared
                     : word == "private" ? Mount::Sharing::kPrivate
                                         : Mount::Sharing::kLocked;
    has_sharing_ = true;
    return {};
  }

  Status read_size(const std::string& value) {
    if (mount_.type != Mount::Type::kTmpfs && !later_) return unexpected("size");
    const std::optional<uint64_t> size = parse_size(value);
    if (!size) return invalid(fmt::format("invalid value for size: {}", value));
    mount_.size_limit_bytes = *size;
    return {};
  }

  Status read_owner(const std::string& key, const std::string& value) {
    const std::optional<uint32_t> number = parse_number(value, key == "mode" ? 8 : 10);
    if (!number) return invalid(fmt::format("invalid value {} for {}", value, key));
    (key == "mode" ? mount_.mode : key == "uid" ? mount_.uid : mount_.gid) = number;
    return {};
  }

  // What can only be said of the whole.
  Status check() {
    const bool is_cache = mount_.type == Mount::Type::kCache;
    mount_.read_only = read_only_.value_or(!is_cache && mount_.type != Mount::Type::kTmpfs);
    if (later_) return {};
    if (!is_cache && !is_secret_or_ssh()) {
      const std::string_view key = mount_.mode ? "mode" : mount_.uid ? "uid" : "gid";
      if (mount_.mode || mount_.uid || mount_.gid) {
        return invalid(
            fmt::format("{} not allowed for \"{}\" type mounts", key, name_of(mount_.type)));
      }
    }
    if (mount_.type == Mount::Type::kSecret) STRATA_CHECK(check_secret());
    if (has_sharing_ && !is_cache) {
      return invalid(fmt::format("invalid cache sharing set for {} mount", name_of(mount_.type)));
    }
    return {};
  }

  Status check_secret() const {
    if (!mount_.from.empty()) return invalid("secret mount should not have a from");
    if (has_sharing_) return invalid("secret mount should not define sharing");
    if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
      return invalid("invalid secret mount. one of source, target required");
    }
    if (!mount_.source.empty() && !mount_.id.empty()) {
      return invalid("both source and id can't be set");
    }
    return {};
  }

  const ExpandWord& expand_;
  Mount mount_;
  std::optional<bool> read_only_;
  bool has_sharing_ = false;
  bool later_ = false;  // some field has a variable in it: only the field's own text is checked
};

}  // namespace

Result<Mount> parse_mount(std::string_view text, const ExpandWord& expand) {
  return MountReader(expand).read(text);
}

}  // namespace strata::build
