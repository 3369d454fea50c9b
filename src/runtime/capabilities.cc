// SPDX-License-Identifier: Apache-2.0
// Source: capabilities(7) for names and numbers; the defaults are what dockerd 20.10 hands to runc.
#include "runtime/capabilities.h"

#include <sys/prctl.h>

#include <algorithm>
#include <array>

namespace strata::runtime {
namespace {

using std::string_view_literals::operator""sv;

// By number.
constexpr std::array kNames = {"CHOWN"sv,
                               "DAC_OVERRIDE"sv,
                               "DAC_READ_SEARCH"sv,
                               "FOWNER"sv,
                               "FSETID"sv,
                               "KILL"sv,
                               "SETGID"sv,
                               "SETUID"sv,
                               "SETPCAP"sv,
                               "LINUX_IMMUTABLE"sv,
                               "NET_BIND_SERVICE"sv,
                               "NET_BROADCAST"sv,
                               "NET_ADMIN"sv,
                               "NET_RAW"sv,
                               "IPC_LOCK"sv,
                               "IPC_OWNER"sv,
                               "SYS_MODULE"sv,
                               "SYS_RAWIO"sv,
                               "SYS_CHROOT"sv,
                               "SYS_PTRACE"sv,
                               "SYS_PACCT"sv,
                               "SYS_ADMIN"sv,
                               "SYS_BOOT"sv,
                               "SYS_NICE"sv,
                               "SYS_RESOURCE"sv,
                               "SYS_TIME"sv,
                               "SYS_TTY_CONFIG"sv,
                               "MKNOD"sv,
                               "LEASE"sv,
                               "AUDIT_WRITE"sv,
                               "AUDIT_CONTROL"sv,
                               "SETFCAP"sv,
                               "MAC_OVERRIDE"sv,
                               "MAC_ADMIN"sv,
                               "SYSLOG"sv,
                               "WAKE_ALARM"sv,
                               "BLOCK_SUSPEND"sv,
                               "AUDIT_READ"sv,
                               "PERFMON"sv,
                               "BPF"sv,
                               "CHECKPOINT_RESTORE"sv};

constexpr std::array kDefaults = {
    "CHOWN"sv,   "DAC_OVERRIDE"sv, "FSETID"sv,           "FOWNER"sv,
    "MKNOD"sv,   "NET_RAW"sv,      "SETGID"sv,           "SETUID"sv,
    "SETFCAP"sv, "SETPCAP"sv,      "NET_BIND_SERVICE"sv, "SYS_CHROOT"sv,
    "KILL"sv,    "AUDIT_WRITE"sv};

constexpr std::string_view kPrefix = "CAP_";
constexpr std::string_view kAll = "ALL";

using Names = std::vector<std::string>;

bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "cap_net_raw" -> "NET_RAW".
Result<Names> normalized(const Names& given, std::string_view option) {
  Names names;
  for (std::string name : given) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
    if (name != kAll && std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      return error(ErrorCode::kInvalid, "invalid {}: unknown capability: \"{}{}\"", option, kPrefix,
                   name);
    }
    if (!contains(names, name)) names.push_back(std::move(name));
  }
  return names;
}

bool can_pass_on(std::string_view name) {
  auto at = std::find(kNames.begin(), kNames.end(), name);
  return ::prctl(PR_CAPBSET_READ, at - kNames.begin(), 0, 0, 0) == 1;
}

template <typename Range>
void add_available(const Range& range, const Names& without, Names& names) {
  for (std::string_view name : range) {
    if (!contains(without, name) && can_pass_on(name)) names.emplace_back(name);
  }
}

void add_prefix(Names& names) {
  for (std::string& name : names) name.insert(0, kPrefix);
}

}  // namespace

Result<std::vector<std::string>> capabilities_of(const RunSpec& spec) {
  STRATA_TRY(Names added, normalized(spec.cap_add, "CapAdd"));
  STRATA_TRY(Names dropped, normalized(spec.cap_drop, "CapDrop"));
  Names names;
  if (spec.privileged) {
    add_available(kNames, {}, names);
  } else if (contains(added, kAll)) {
    add_available(kNames, dropped, names);
  } else {
    if (!contains(dropped, kAll)) add_available(kDefaults, dropped, names);
    for (const std::string& name : added) {
      if (!contains(names, name)) names.push_back(name);
    }
  }
  add_prefix(names);
  return names;
}

std::vector<std::string> default_capabilities() {
  Names names(kDefaults.begin(), kDefaults.end());
  add_prefix(names);
  return names;
}

}  // namespace strata::runtime
