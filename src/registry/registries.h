// SPDX-License-Identifier: Apache-2.0
// Where a repository is to be reached: mirrors, other locations, plain http, blocked names.
// Shape:   daemon.json: "insecure-registries", "registry-mirrors"; registries.conf: TOML, both versions.
//          The grammars stand in registries.cc.
// Source:  dockerd 20.10, "registry" package; containers-registries.conf(5), containers-certs.d(5).
// Threads: immutable after read().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/reference.h"
#include "registry/client_options.h"
#include "registry/http.h"
#include "registry/network.h"

namespace strata::registry {

// One place where a repository's manifests and blobs are.
struct Location {
  std::string
      host;  // "host" or "host:port", perhaps "http://" or "https://" in front (daemon.json)
  std::string path;       // of the repository there: "library/x"
  bool insecure = false;  // certificates are not checked, and http is tried as well
  bool is_mirror = false;
  // For mirrors: what they may be asked for (registries.conf "pull-from-mirror").
  bool by_tag = true;
  bool by_digest = true;

  // "host/path", as credentials are filed: a mirror gets its own, never those of what it mirrors.
  std::string name() const;
};

// An entry of registries.conf.
struct RegistryRule {
  std::string prefix;  // "host[:port][/path]", or "*.domain"
  std::string location;
  bool insecure = false;
  bool blocked = false;
  struct Mirror {
    std::string location;
    bool insecure = false;
    bool by_tag = true;
    bool by_digest = true;
  };
  std::vector<Mirror> mirrors = {};
};

// What the files say. Parsers of texts, for tests.
struct RegistryConfig {
  std::vector<std::string> insecure = {};     // hosts, and networks as "10.0.0.0/8"
  std::vector<std::string> hub_mirrors = {};  // URLs, for docker.io only
  std::vector<RegistryRule> rules = {};       // of one prefix the last counts
};
Status parse_daemon_json(std::string_view text, RegistryConfig& config);
// registries.conf itself, or a file of the folder beside it, which cannot be of version 1.
enum class ConfPlace { kMain, kFolder };
// Errors: kInvalid, naming line and column, or the key and what it should be.
Status parse_registries_conf(std::string_view text, RegistryConfig& config,
                             ConfPlace place = ConfPlace::kMain);

class Registries {
 public:
  // Files that are not there say nothing. Errors: kInvalid, naming the file.
  static Result<Registries> read(const ClientOptions& options);
  Registries(ClientOptions options, RegistryConfig config,
             std::shared_ptr<HostAddresses> addresses = std::make_shared<HostAddresses>())
      : options_(std::move(options)),
        config_(std::move(config)),
        addresses_(std::move(addresses)) {}

  // Where to pull from, in this order; the registry itself is last.
  // Errors: kPermission (`registry x is blocked in …`).
  Result<std::vector<Location>> pull_locations(const oci::Reference& repository) const;
  // Where to push to: never a mirror.
  Result<Location> push_location(const oci::Reference& repository) const;
  // The same for `login`, which knows a server only.
  Location server_location(std::string_view server) const;

  // Of a registry, by "--tls-verify", insecure-registries, registries.conf, and whether it is on this
  // machine: the name may have to be looked up, that of the hub never.
  bool is_insecure(std::string_view host) const;

  // The certificates for a host from certs.d; read at each call. `insecure`: its own is not checked,
  // even if is_insecure() does not say so.
  // Errors: kInvalid (a .cert without its .key, or the reverse), kIo.
  Result<std::shared_ptr<const TlsSettings>> tls_for(const Url& url, bool insecure) const;

 private:
  const RegistryRule* find_rule(const std::string& name) const;
  bool is_listed_insecure(std::string_view host) const;
  ClientOptions options_;
  RegistryConfig config_;
  std::shared_ptr<HostAddresses> addresses_;
};

}  // namespace strata::registry
