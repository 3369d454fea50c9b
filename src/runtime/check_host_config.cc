// SPDX-License-Identifier: Apache-2.0
#include "runtime/check_host_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <thread>

#include "oci/go_text.h"
#include "oci/json.h"
#include "runtime/log_file.h"
#include "runtime/take_word.h"
#include "runtime/volumes.h"

namespace strata::runtime {
namespace {

constexpr int64_t kLeastMemory = 6 << 20;
constexpr int64_t kNanoCpus = 1'000'000'000;
constexpr int64_t kMillisecond = 1000;  // in microseconds
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHighestCpu = 8192;

constexpr std::array kTmpfsFlags = {
    "defaults",   "ro",          "rw",         "suid",        "nosuid",       "dev",     "nodev",
    "exec",       "noexec",      "sync",       "async",       "dirsync",      "remount", "mand",
    "nomand",     "atime",       "noatime",    "diratime",    "nodiratime",   "bind",    "rbind",
    "unbindable", "runbindable", "private",    "rprivate",    "shared",       "rshared", "slave",
    "rslave",     "relatime",    "norelatime", "strictatime", "nostrictatime"};
constexpr std::array kTmpfsValues = {"mode", "uid",       "gid",      "size",
                                     "mpol", "nr_inodes", "nr_blocks"};

template <typename Range>
bool has(const Range& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

template <typename... Args>
Error refuse(fmt::format_string<Args...> text, Args&&... args) {
  return error(ErrorCode::kInvalid, text, std::forward<Args>(args)...);
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failure == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

Status check_memory(const Resources& limits) {
  if (limits.memory_bytes > 0 && limits.memory_bytes < kLeastMemory) {
    return refuse("Minimum memory limit allowed is 6MB");
  }
  if (limits.memory_swap_bytes <= 0) return {};
  if (limits.memory_bytes == 0) {
    return refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (limits.memory_swap_bytes < limits.memory_bytes) {
    return refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  return {};
}

// "0-3,5".
Status check_set(const std::string& text, std::string_view what) {
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view last = take_word(rest, ',');
    const std::string_view first = last.find('-') == last.npos ? last : take_word(last, '-');
    const std::optional<int64_t> from = number(first);
    const std::optional<int64_t> to = number(last);
    if (!from || !to || *from > *to) {
      return refuse("Invalid value {0} for cpuset {1}: invalid format: {0}", text, what);
    }
    if (*to > kHighestCpu) {
      return refuse("Invalid value {} for cpuset {}: value of out range, maximum is {}", text, what,
                    kHighestCpu);
    }
  }
  return {};
}

Status check_processors(const Resources& limits) {
  const int64_t there = std::thread::hardware_concurrency();
  if (limits.nano_cpus > 0 && limits.cpu_period > 0) {
    return refuse("Conflicting options: Nano CPUs and CPU Period cannot both be set.");
  }
  if (limits.nano_cpus > 0 && limits.cpu_quota > 0) {
    return refuse("Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
  }
  if (limits.nano_cpus < 0 || limits.nano_cpus > there * kNanoCpus) {
    return refuse("Range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available",
                  there);
  }
  if (limits.cpu_period != 0 && (limits.cpu_period < kMillisecond || limits.cpu_period > kSecond)) {
    return refuse(
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (limits.cpu_quota > 0 && limits.cpu_quota < kMillisecond) {
    return refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if (limits.cpu_shares < 0) return refuse("shares: invalid argument");
  STRATA_CHECK(check_set(limits.cpuset_cpus, "cpus"));
  return check_set(limits.cpuset_mems, "mems");
}

Status check_security(const std::string& option) {
  const size_t separator = std::min(option.find('='), option.find(':'));
  std::string_view name = std::string_view(option).substr(0, separator);
  if (option == "no-new-privileges" || option == "disable") return {};
  if (separator == option.npos) {
    return refuse("invalid --security-opt 1: {}", oci::go_json(boost::json::value(option)));
  }
  if (option.find('=') != option.npos) name = std::string_view(option).substr(0, option.find('='));
  const std::string_view value = std::string_view(option).substr(name.size() + 1);
  const bool known = name == "label" || name == "apparmor" || name == "seccomp" ||
                     (name == "no-new-privileges" && oci::parse_bool(value).ok());
  return known ? Status()
               : Status(refuse("invalid --security-opt 2: {}",
                               oci::go_json(boost::json::value(option))));
}

Status check_tmpfs(const std::string& target, std::string_view options) {
  if (!target.starts_with('/')) {
    return refuse("invalid mount path: '{}' mount path must be absolute", target);
  }
  if (cleaned_path(target) == "/") {
    return refuse("invalid specification: destination can't be '/'");
  }
  while (!options.empty()) {
    std::string_view value = take_word(options, ',');
    const bool alone = value.find('=') == value.npos;
    const std::string_view name = take_word(value, '=');
    const bool known = alone ? has(kTmpfsFlags, name) : has(kTmpfsValues, name);
    if (known) continue;
    return alone ? refuse("invalid tmpfs option [\"{}\"]", name)
                 : refuse("invalid tmpfs option [\"{}\" \"{}\"]", name, value);
  }
  return {};
}

}  // namespace

Status check_host_config(const HostConfig& host) {
  STRATA_CHECK(check_memory(host.resources));
  STRATA_CHECK(check_processors(host.resources));
  if (host.log_driver != "none") {
    STRATA_TRY(LogLimits limits, LogLimits::parse(host.log_options));
    if (limits.max_files > 1 && limits.max_bytes == 0) {
      return refuse("max-file cannot be set without max-size");
    }
  }
  for (const std::string& option : host.security_opt) STRATA_CHECK(check_security(option));
  for (const auto& [target, options] : host.tmpfs) STRATA_CHECK(check_tmpfs(target, options));
  return {};
}

}  // namespace strata::runtime
