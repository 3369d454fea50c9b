// SPDX-License-Identifier: Apache-2.0
#include "runtime/etc_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>

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

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

std::string hostname_text(const RunSpec& spec) {
  std::string text = spec.hostname;
  if (!spec.domainname.empty()) text += "." + spec.domainname;
  return text + "\n";
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

Result<std::string> resolv_conf_text() { return host_file("/etc/resolv.conf"); }

Result<std::vector<Mount>> write_etc_files(const RunSpec& spec, const Fd& folder,
                                           const std::string& path) {
  STRATA_TRY(std::string hosts, hosts_text(spec));
  STRATA_TRY(std::string resolv_conf, resolv_conf_text());
  const std::pair<const char*, std::string> files[] = {
      {"resolv.conf", resolv_conf}, {"hostname", hostname_text(spec)}, {"hosts", hosts}};
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
