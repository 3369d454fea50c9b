// SPDX-License-Identifier: Apache-2.0
//   registries.conf, as far as it is read (TOML; other keys are left alone):
//     unqualified-search-registries = …                       not used: names have docker's meaning
//     [[registry]]  prefix = "host/path" | "*.host"  location = "host/path"  insecure  blocked
//                   mirror-by-digest-only = bool
//       [[registry.mirror]]  location  insecure  pull-from-mirror = "all"|"digest-only"|"tag-only"
//   Version 1, not in one file with the above:
//     [registries.insecure], [registries.block]  registries = ["host/path", …]
//     [registries.search]                                     not used
//   certs.d/HOST:PORT/  *.crt authorities, NAME.cert with NAME.key a client certificate
// Source: containers-registries.conf(5), containers-certs.d(5); dockerd 20.10.
#include "registry/registries.h"

#include <algorithm>

#include "base/fs_at.h"
#include "registry/network.h"

namespace strata::registry {
namespace {

constexpr std::string_view kHubHost = "registry-1.docker.io";
constexpr std::string_view kThisMachine = "127.0.0.0/8";
constexpr size_t kMaxPemBytes = 1 << 20;

std::string host_of(std::string_view name) { return std::string(name.substr(0, name.find('/'))); }

std::string path_behind_host(std::string_view name) {
  size_t slash = name.find('/');
  return slash == name.npos ? "" : std::string(name.substr(slash + 1));
}

std::string joined(const std::string& path, std::string_view rest) {
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (path.empty() || rest.empty()) return path + std::string(rest);
  return path + "/" + std::string(rest);
}

// How much of `name` the rule's prefix covers; 0: it does not fit.
size_t match_length(const RegistryRule& rule, const std::string& name) {
  const std::string& prefix = rule.prefix;
  if (prefix.starts_with("*.")) {
    size_t tail = prefix.size() - 1;  // ".domain"
    size_t host_end = std::min(name.find_first_of(":/"), name.size());
    bool fits = host_end > tail && name.compare(host_end - tail, tail, prefix, 1, tail) == 0;
    return fits ? host_end : 0;
  }
  if (!name.starts_with(prefix)) return 0;
  bool whole = name.size() == prefix.size() || name[prefix.size()] == '/' ||
               (name[prefix.size()] == ':' && prefix.find('/') == prefix.npos);
  return whole ? prefix.size() : 0;
}

// "location" of a rule or mirror and what the prefix did not cover.
Location location_at(const std::string& location, std::string_view rest, bool insecure) {
  Location result;
  result.host = host_of(location);
  result.path = joined(path_behind_host(location), rest);
  result.insecure = insecure;
  if (result.host == oci::kDefaultDomain) result.host = kHubHost;
  return result;
}

Result<std::string> read_outside(const std::string& path) {
  STRATA_TRY(Fd file, open_path(path, O_RDONLY | O_CLOEXEC));
  FdSource source(file.get());
  return read_to_end(source, kMaxPemBytes);
}

// Missing files and folders say nothing.
Result<std::string> read_if_there(const std::string& path) {
  Result<std::string> text = read_outside(path);
  if (!text.ok() && text.error().code() == ErrorCode::kNotFound) return std::string();
  return text;
}

Result<std::vector<std::string>> sorted_names(const std::string& folder) {
  std::vector<std::string> names;
  Result<Fd> dir = open_path(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!dir.ok()) return names;
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(*dir, "."));
  for (const DirEntry& entry : entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

Status add_certificates(const std::string& folder, TlsSettings& tls) {
  STRATA_TRY(std::vector<std::string> names, sorted_names(folder));
  for (const std::string& name : names) {
    std::string path = folder + "/" + name;
    if (name.ends_with(".crt")) {
      STRATA_TRY(std::string pem, read_outside(path));
      tls.authorities_pem += pem + "\n";
    } else if (name.ends_with(".cert") || name.ends_with(".key")) {
      bool is_key = name.ends_with(".key");
      std::string stem = name.substr(0, name.rfind('.'));
      std::string other = stem + (is_key ? ".cert" : ".key");
      if (std::find(names.begin(), names.end(), other) == names.end()) {
        return is_key
                   ? error(ErrorCode::kInvalid,
                           "missing client certificate {} for key {}: a CA certificate must have "
                           "the suffix .crt",
                           other, path)
                   : error(ErrorCode::kInvalid, "missing key {} for client certificate {}", other,
                           path);
      }
      if (is_key || !tls.certificate_file.empty()) continue;
      tls.certificate_file = path;
      tls.key_file = folder + "/" + other;
    }
  }
  return {};
}

}  // namespace

std::string Location::name() const {
  std::string_view server = host;
  if (const size_t slashes = server.find("://"); slashes != server.npos) {
    server.remove_prefix(slashes + 3);
  }
  return joined(std::string(server == kHubHost ? oci::kDefaultDomain : server), path);
}

Result<Registries> Registries::read(const ClientOptions& options) {
  RegistryConfig config;
  STRATA_TRY(std::string daemon, read_if_there(options.daemon_json));
  if (!daemon.empty()) {
    STRATA_CHECK(parse_daemon_json(daemon, config).context("{}", options.daemon_json));
  }
  auto add_rules = [&](const std::string& file, ConfPlace place) -> Status {
    STRATA_TRY(std::string text, read_if_there(file));
    return parse_registries_conf(text, config, place).context("{}", file);
  };
  STRATA_CHECK(add_rules(options.registries_conf, ConfPlace::kMain));
  for (const std::string& folder : options.registries_conf_dirs) {
    STRATA_TRY(std::vector<std::string> names, sorted_names(folder));
    for (const std::string& name : names) {
      if (!name.ends_with(".conf")) continue;
      STRATA_CHECK(add_rules(folder + "/" + name, ConfPlace::kFolder));
    }
  }
  return Registries(options, std::move(config));
}

const RegistryRule* Registries::find_rule(const std::string& name) const {
  const RegistryRule* best = nullptr;
  size_t best_length = 0;
  for (const RegistryRule& rule : config_.rules) {
    size_t length = match_length(rule, name);
    if (length == 0 || length < best_length) continue;
    best = &rule;
    best_length = length;
  }
  return best;
}

bool Registries::is_insecure(std::string_view host) const {
  return is_listed_insecure(host) || (host != kHubHost && addresses_->is_in(host, kThisMachine));
}

bool Registries::is_listed_insecure(std::string_view host) const {
  if (!options_.tls_verify) return true;
  std::string name(host);
  if (is_loopback_host(name)) return true;
  for (const std::string& entry : config_.insecure) {
    if (entry == name || addresses_->is_in(name, entry)) return true;
  }
  const RegistryRule* rule = find_rule(name);
  return rule != nullptr && rule->insecure;
}

Result<Location> Registries::push_location(const oci::Reference& repository) const {
  const std::string name = repository.full_name();
  const RegistryRule* rule = find_rule(name);
  if (rule != nullptr && rule->blocked) {
    return error(ErrorCode::kPermission, "registry {} is blocked in {}", rule->prefix,
                 options_.registries_conf);
  }
  if (rule != nullptr && !rule->location.empty()) {
    std::string_view rest = std::string_view(name).substr(match_length(*rule, name));
    bool insecure = rule->insecure || is_insecure(host_of(rule->location));
    return location_at(rule->location, rest, insecure);
  }
  Location location = server_location(repository.domain());
  location.path = repository.path();
  location.insecure = location.insecure || (rule != nullptr && rule->insecure);
  return location;
}

Location Registries::server_location(std::string_view server) const {
  Location location;
  bool is_hub = server == oci::kDefaultDomain;
  location.host = is_hub ? kHubHost : server;
  location.insecure = is_insecure(location.host);
  return location;
}

Result<std::vector<Location>> Registries::pull_locations(const oci::Reference& repository) const {
  STRATA_TRY(Location origin, push_location(repository));
  std::vector<Location> locations;
  const std::string name = repository.full_name();
  const RegistryRule* rule = find_rule(name);
  if (rule != nullptr) {
    std::string_view rest = std::string_view(name).substr(match_length(*rule, name));
    for (const RegistryRule::Mirror& mirror : rule->mirrors) {
      bool insecure = mirror.insecure || is_insecure(host_of(mirror.location));
      Location location = location_at(mirror.location, rest, insecure);
      location.is_mirror = true;
      location.by_tag = mirror.by_tag;
      location.by_digest = mirror.by_digest;
      locations.push_back(std::move(location));
    }
  }
  if (repository.domain() == oci::kDefaultDomain) {
    for (const std::string& url : config_.hub_mirrors) {
      STRATA_TRY(Url parsed, Url::parse(url));
      std::string authority = parsed.authority();
      std::string prefix = parsed.path.substr(1);
      if (prefix.ends_with('/')) prefix.pop_back();
      Location location{parsed.scheme + "://" + authority, joined(prefix, repository.path()),
                        is_insecure(authority), true};
      locations.push_back(std::move(location));
    }
  }
  locations.push_back(std::move(origin));
  return locations;
}

Result<std::shared_ptr<const TlsSettings>> Registries::tls_for(const Url& url,
                                                               bool insecure) const {
  auto tls = std::make_shared<TlsSettings>();
  const std::string with_port = url.host + ":" + std::to_string(url.port);
  tls->verify = !insecure && !is_listed_insecure(url.authority()) && !is_listed_insecure(with_port);
  if (url.scheme != "https") return std::shared_ptr<const TlsSettings>(tls);
  if (!options_.cert_dir.empty()) STRATA_CHECK(add_certificates(options_.cert_dir, *tls));
  for (const std::string& folder : options_.certs_dirs) {
    STRATA_CHECK(add_certificates(folder + "/" + url.authority(), *tls));
    if (with_port != url.authority())
      STRATA_CHECK(add_certificates(folder + "/" + with_port, *tls));
  }
  // docker checks no certificate of an insecure registry, but a CA that was given is meant.
  return std::shared_ptr<const TlsSettings>(tls);
}

}  // namespace strata::registry
