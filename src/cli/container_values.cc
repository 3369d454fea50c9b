// SPDX-License-Identifier: Apache-2.0
#include "cli/container_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "cli/go_print.h"

namespace strata::cli {
namespace {

using runtime::MountSpec;

constexpr std::array<std::string_view, 16> kUlimits = {
    "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
    "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",    "as"};
constexpr int64_t kNanoCpus = 1'000'000'000;

Error refuse(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }

std::optional<double> to_double(std::string_view text) {
  double value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0) return {};
  return value;
}

// Go's strconv.ParseBool, for fields that may stand alone.
Result<bool> flag_value(std::string_view key, std::string_view value, bool given) {
  const std::string word = lower(value);
  if (!given || word == "1" || word == "t" || word == "true") return true;
  if (word == "0" || word == "f" || word == "false") return false;
  return refuse(fmt::format("invalid value for {}: {}", key, value));
}

// One "key=value" of --mount.
Status set_field(std::string_view key, std::string_view value, bool given, MountSpec& mount) {
  if (key == "type") {
    mount.type = lower(value);
  } else if (key == "source" || key == "src") {
    mount.source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    mount.target = value;
  } else if (key == "readonly" || key == "ro") {
    STRATA_TRY(mount.read_only, flag_value(key, value, given));
  } else if (key == "bind-propagation") {
    mount.propagation = lower(value);
  } else if (key == "bind-nonrecursive") {
    STRATA_TRY(mount.non_recursive, flag_value(key, value, given));
  } else if (key == "volume-nocopy") {
    STRATA_TRY(mount.no_copy, flag_value(key, value, given));
  } else if (key == "tmpfs-size") {
    Result<int64_t> size = parse_size(value);
    if (!size.ok()) return refuse(fmt::format("invalid value for {}: {}", key, value));
    mount.tmpfs_bytes = *size;
  } else if (key == "tmpfs-mode") {
    auto [end, failure] =
        std::from_chars(value.data(), value.data() + value.size(), mount.tmpfs_mode, 8);
    if (failure != std::errc() || end != value.data() + value.size()) {
      return refuse(fmt::format("invalid value for {}: {}", key, value));
    }
  } else if (key != "consistency") {
    return refuse(given ? fmt::format("unexpected key '{}' in '{}={}'", key, key, value)
                        : fmt::format("invalid field '{}' must be a key=value pair", key));
  }
  return {};
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Result<int64_t> parse_size(std::string_view text) {
  const Error bad = refuse(fmt::format("invalid size: '{}'", text));
  size_t digits = text.find_first_not_of("0123456789.");
  std::optional<double> value = to_double(text.substr(0, digits));
  if (!value) return bad;
  std::string unit = digits == text.npos ? "" : lower(text.substr(digits));
  if (unit.starts_with(' ')) unit.erase(0, 1);
  if (unit.ends_with('b')) unit.pop_back();
  if (unit.ends_with('i')) unit.pop_back();
  if (unit.size() > 1) return bad;
  constexpr std::string_view kUnits = "kmgtp";
  int power = 0;
  if (!unit.empty()) {
    const size_t at = kUnits.find(unit[0]);
    if (at == kUnits.npos) return bad;
    power = static_cast<int>(at) + 1;
  }
  const double bytes = *value * std::pow(1024.0, power);
  if (bytes >= 9.2e18) return bad;
  return static_cast<int64_t>(bytes);
}

Result<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure == std::errc() && end == text.data() + text.size() && !text.empty()) return value;
  const bool large = failure == std::errc::result_out_of_range && end == text.data() + text.size();
  return refuse(fmt::format("strconv.ParseInt: parsing {}: {}", go_quote(text),
                            large ? "value out of range" : "invalid syntax"));
}

Result<runtime::Ulimit> parse_ulimit(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos) return refuse(fmt::format("invalid ulimit argument: {}", text));
  runtime::Ulimit limit;
  limit.name = text.substr(0, equals);
  if (std::find(kUlimits.begin(), kUlimits.end(), limit.name) == kUlimits.end()) {
    return refuse("invalid ulimit type: " + limit.name);
  }
  std::string_view soft = text.substr(equals + 1);
  const size_t colon = soft.find(':');
  const bool two = colon != soft.npos;
  if (two && soft.find(':', colon + 1) != soft.npos) {
    return refuse(fmt::format(
        "too many limit value arguments - {}, can only have up to two, `soft[:hard]`", soft));
  }
  std::string_view hard = two ? soft.substr(colon + 1) : soft;
  if (two) soft = soft.substr(0, colon);
  STRATA_TRY(int64_t soft_value, parse_integer(soft));
  STRATA_TRY(int64_t hard_value, parse_integer(hard));
  // -1: none.
  if (hard_value != -1 && (soft_value == -1 || soft_value > hard_value)) {
    return refuse(fmt::format("ulimit soft limit must be less than or equal to hard limit: {} > {}",
                              soft_value, hard_value));
  }
  limit.soft = static_cast<uint64_t>(soft_value);
  limit.hard = static_cast<uint64_t>(hard_value);
  return limit;
}

Result<int64_t> parse_cpus(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::optional<double> value = to_double(text.substr(negative ? 1 : 0));
  if (!value) return refuse(fmt::format("failed to parse {} as a rational number", text));
  if (*value * kNanoCpus >= 9.2e18) {
    return refuse(fmt::format("failed to parse {} as a rational number: value out of range", text));
  }
  const int64_t nanos = std::llround(*value * kNanoCpus);
  return negative ? -nanos : nanos;
}

std::vector<std::string> csv_fields(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += text[++i];
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

Result<MountSpec> parse_mount(std::string_view text) {
  MountSpec mount;
  mount.type = "volume";
  for (const std::string& field : csv_fields(text)) {
    const size_t equals = field.find('=');
    const bool given = equals != field.npos;
    STRATA_CHECK(set_field(lower(std::string_view(field).substr(0, equals)),
                           given ? std::string_view(field).substr(equals + 1) : "", given, mount));
  }
  if (mount.target.empty()) return refuse("target is required");
  if ((!mount.propagation.empty() || mount.non_recursive) && mount.type != "bind") {
    return refuse(fmt::format("cannot mix 'bind-*' options with mount type '{}'", mount.type));
  }
  if (mount.no_copy && mount.type != "volume") {
    return refuse(fmt::format("cannot mix 'volume-*' options with mount type '{}'", mount.type));
  }
  if ((mount.tmpfs_bytes != 0 || mount.tmpfs_mode != 0) && mount.type != "tmpfs") {
    return refuse(fmt::format("cannot mix 'tmpfs-*' options with mount type '{}'", mount.type));
  }
  return mount;
}

Result<runtime::Device> parse_device(std::string_view text) {
  runtime::Device device;
  if (text.empty()) return refuse("bad format for path: ");
  const size_t first = text.find(':');
  device.source = text.substr(0, first);
  device.target = device.source;
  if (first == text.npos) return device;
  std::string_view rest = text.substr(first + 1);
  const size_t second = rest.find(':');
  std::string_view target = rest.substr(0, second);
  // "/dev/x:rw" means the same place.
  const bool is_access =
      second == rest.npos && !target.empty() && target.find_first_not_of("rwm") == target.npos;
  if (is_access) {
    device.access = target;
    return device;
  }
  device.target = target;
  if (!target.starts_with('/')) return refuse(fmt::format("{} is not an absolute path", target));
  if (second != rest.npos) device.access = rest.substr(second + 1);
  if (device.access.empty() || device.access.find_first_not_of("rwm") != device.access.npos) {
    return refuse("bad mode specified: " + device.access);
  }
  return device;
}

}  // namespace strata::cli
