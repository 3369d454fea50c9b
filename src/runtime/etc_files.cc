// SPDX-License-Identifier: Apache-2.0
#include "runtime/etc_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

namespace strata::runtime {
namespace {

constexpr std::string_view kLocalHosts =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

// A host may be without either of them.
Result<std::string> host_file(const std::string& path) {
  STRATA_TRY(std::optional<std::string> text, read_file_if_exists_at(Fd(), path));
  return std::move(text).value_or("");
}

// The words behind `key` in a resolv.conf; of several lines of `search` and `options` the last counts.
std::vector<std::string> values_of(const std::string& text, std::string_view key) {
  std::vector<std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != key) continue;
    if (key != "nameserver") values.clear();
    while (words >> word) values.push_back(word);
  }
  return values;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

Result<std::string> hosts_text(const RunSpec& spec) {
  std::string text(kLocalHosts);
  if (spec.network == Network::kHost) {
    STRATA_TRY(text, host_file("/etc/hosts"));
  }
  for (const std::string& host : spec.extra_hosts) {
    size_t colon = host.find(':');
    if (colon == host.npos || colon == 0) {
      return error(ErrorCode::kInvalid, "bad format for add-host: \"{}\"", host);
    }
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += fmt::format("{}\t{}\n", host.substr(colon + 1), host.substr(0, colon));
  }
  return text;
}

Result<std::string> resolv_conf_text(const RunSpec& spec) {
  STRATA_TRY(std::string host, host_file("/etc/resolv.conf"));
  const Resolver& own = spec.resolver;
  if (own == Resolver()) return host;
  auto or_hosts = [&](const std::vector<std::string>& values, std::string_view key) {
    return values.empty() ? values_of(host, key) : values;
  };
  const std::vector<std::string> domains = or_hosts(own.search, "search");
  const std::vector<std::string> options = or_hosts(own.options, "options");
  std::string text;
  if (!domains.empty() && domains != std::vector<std::string>{"."}) {
    text += fmt::format("search {}\n", fmt::join(domains, " "));
  }
  for (const std::string& server : or_hosts(own.servers, "nameserver")) {
    text += fmt::format("nameserver {}\n", server);
  }
  if (!options.empty()) text += fmt::format("options {}\n", fmt::join(options, " "));
  return text;
}

Result<std::vector<Mount>> write_etc_files(const RunSpec& spec, const Fd& folder,
                                           const std::string& path) {
  STRATA_TRY(std::string hosts, hosts_text(spec));
  STRATA_TRY(std::string resolv_conf, resolv_conf_text(spec));
  const std::pair<const char*, std::string> files[] = {
      {"resolv.conf", resolv_conf}, {"hostname", spec.hostname + "\n"}, {"hosts", hosts}};
  std::vector<Mount> mounts;
  for (const auto& [name, text] : files) {
    const std::string target = fmt::format("/etc/{}", name);
    auto covered = [&](const Mount& mount) { return mount.target == target; };
    if (std::any_of(spec.mounts.begin(), spec.mounts.end(), covered)) continue;
    STRATA_CHECK(write_file_at(folder, name, text, 0644));
    mounts.push_back({.kind = Mount::Kind::kBind,
                      .source = fmt::format("{}/{}", path, name),
                      .target = target,
                      .read_only = spec.read_only_rootfs});
  }
  return mounts;
}

}  // namespace strata::runtime
