// SPDX-License-Identifier: Apache-2.0
// platform = os [ "/" arch [ "/" variant ] ] | arch;  each part = 1*( alnum | "_" | "-" | "." )
// Source: containerd's platforms package (Parse, Normalize, platformVector).
#include "oci/platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace strata::oci {
namespace {

#if defined(__x86_64__)
constexpr std::string_view kHostArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view kHostArchitecture = "arm64";
#elif defined(__arm__)
constexpr std::string_view kHostArchitecture = "arm";
#elif defined(__i386__)
constexpr std::string_view kHostArchitecture = "386";
#elif defined(__riscv)
constexpr std::string_view kHostArchitecture = "riscv64";
#elif defined(__s390x__)
constexpr std::string_view kHostArchitecture = "s390x";
#elif defined(__powerpc64__)
constexpr std::string_view kHostArchitecture = "ppc64le";
#else
#error "which GOARCH is this?"
#endif

constexpr std::array<std::string_view, 12> kSystems{"aix",     "android", "darwin",  "dragonfly",
                                                    "freebsd", "illumos", "linux",   "netbsd",
                                                    "openbsd", "plan9",   "solaris", "windows"};
constexpr std::array<std::string_view, 16> kArchitectures{
    "386",    "amd64", "arm",     "arm64", "loong64", "mips",  "mips64",  "mips64le",
    "mipsle", "ppc64", "ppc64le", "riscv", "riscv64", "s390x", "sparc64", "wasm"};

// Other words for an architecture. An empty variant leaves the one given.
struct Alias {
  std::string_view name;
  std::string_view architecture;
  std::string_view variant;
};
constexpr std::array kAliases{
    Alias{"i386", "386", ""},      Alias{"x86_64", "amd64", ""}, Alias{"x86-64", "amd64", ""},
    Alias{"aarch64", "arm64", ""}, Alias{"armhf", "arm", "v7"},  Alias{"armel", "arm", "v6"},
};

template <typename Range>
bool contains(const Range& range, std::string_view value) {
  return std::find(range.begin(), range.end(), value) != range.end();
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

bool is_part(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    size_t slash = text.find('/');
    parts.push_back(text.substr(0, slash));
    if (slash == text.npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

// The number of a variant "v3", or 0.
int variant_number(std::string_view variant) {
  return variant.size() == 2 && variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9'
             ? variant[1] - '0'
             : 0;
}

// What a machine runs, best first: architecture and variant.
std::vector<std::pair<std::string, std::string>> runnable(const Platform& machine) {
  std::vector<std::pair<std::string, std::string>> list{{machine.architecture, machine.variant}};
  auto add_variants = [&](const std::string& architecture, int from, int to) {
    for (int n = from; n >= to; --n) list.emplace_back(architecture, fmt::format("v{}", n));
  };
  int number = variant_number(machine.variant);
  if (machine.architecture == "amd64") {
    add_variants("amd64", number - 1, 2);
    if (number > 1) list.emplace_back("amd64", "");
    list.emplace_back("386", "");
  } else if (machine.architecture == "arm64") {
    if (number > 8) {
      add_variants("arm64", number - 1, 9);
      list.emplace_back("arm64", "");
    }
    add_variants("arm", 8, 5);
  } else if (machine.architecture == "arm") {
    add_variants("arm", number - 1, 5);
  }
  return list;
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  std::vector<std::string_view> parts = split(text);
  if (parts.size() > 3 || !std::all_of(parts.begin(), parts.end(), is_part)) {
    return error(ErrorCode::kInvalid,
                 "invalid platform \"{}\": expected os[/architecture[/variant]], e.g. linux/arm64",
                 text.substr(0, 100));
  }
  Platform platform = host();
  platform.variant.clear();
  if (parts.size() > 1) {
    platform.os = parts[0];
    platform.architecture = parts[1];
    if (parts.size() > 2) platform.variant = parts[2];
    return platform.normalized();
  }
  std::string word = lower(std::string(parts[0]));
  if (word == "macos") word = "darwin";
  if (contains(kSystems, word)) {
    platform.os = word;
    return platform;
  }
  platform.architecture = word;
  platform = platform.normalized();
  if (!contains(kArchitectures, platform.architecture)) {
    return error(ErrorCode::kInvalid, "unknown operating system or architecture \"{}\"", text);
  }
  return platform;
}

Platform Platform::host() {
  return Platform{"linux", std::string(kHostArchitecture), ""}.normalized();
}

Platform Platform::normalized() const {
  Platform result = *this;
  result.os = lower(os);
  if (result.os == "macos") result.os = "darwin";
  result.architecture = lower(architecture);
  result.variant = lower(variant);
  for (const Alias& alias : kAliases) {
    if (result.architecture != alias.name) continue;
    result.architecture = alias.architecture;
    if (!alias.variant.empty()) result.variant = alias.variant;
    break;
  }
  std::string& number = result.variant;
  if (number.size() == 1 && result.architecture.starts_with("arm")) number.insert(0, "v");
  if (result.architecture == "arm64" && number == "v8") number.clear();
  if (result.architecture == "amd64" && number == "v1") number.clear();
  if (result.architecture == "arm" && number.empty()) number = "v7";
  return result;
}

std::string Platform::to_string() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

std::optional<size_t> match_rank(const Platform& wanted, const Platform& offered) {
  Platform machine = wanted.normalized();
  Platform image = offered.normalized();
  if (machine.os != image.os) return std::nullopt;
  auto list = runnable(machine);
  auto found = std::find(list.begin(), list.end(), std::pair(image.architecture, image.variant));
  if (found == list.end()) return std::nullopt;
  return static_cast<size_t>(found - list.begin());
}

bool is_same_platform(const Platform& a, const Platform& b) {
  Platform left = a.normalized();
  Platform right = b.normalized();
  return left.os == right.os && left.architecture == right.architecture &&
         left.variant == right.variant;
}

Error other_platform(const std::string& name, const Platform& wanted, const Platform& found) {
  return error(ErrorCode::kNotFound,
               "image with reference {} was found but does not match the specified platform: "
               "wanted {}, actual: {}",
               name, wanted.to_string(), found.to_string());
}

}  // namespace strata::oci
