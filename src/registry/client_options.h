// SPDX-License-Identifier: Apache-2.0
// What the user, the environment and the tests decide about registries.
// Threads: values.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace strata::registry {

struct ClientOptions {
  bool tls_verify = true;      // --tls-verify=false: no check of certificates, and http if need be
  std::string cert_dir = {};   // --cert-dir: *.crt, *.cert and *.key for the registry
  std::string auth_file = {};  // --authfile: instead of those of docker and containers
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds stall_timeout{60};     // no byte for so long: the connection is dead
  unsigned attempts = 5;                      // of a request that may be repeated
  std::chrono::milliseconds first_wait{500};  // before the second attempt; doubles each time

  // Told of a wait that a server asks for; one call at a time, by any thread.
  std::function<void(const std::string& host, std::chrono::seconds)> on_wait = {};
  // Told what is wrong with credentials that may not be needed; in any thread.
  std::function<void(const std::string&)> warn = {};

  // Files, in the order of docker's and containers' own rules.
  std::string docker_config = {};                 // config.json
  std::vector<std::string> container_auths = {};  // auth.json
  std::string daemon_json = {};
  std::string registries_conf = {};
  std::vector<std::string> registries_conf_dirs =
      {};                                    // of two rules of one prefix the later counts
  std::vector<std::string> certs_dirs = {};  // each holds HOST:PORT/
};

// The defaults for this user: $DOCKER_CONFIG, $REGISTRY_AUTH_FILE, $CONTAINERS_REGISTRIES_CONF, and
// for tests $STRATA_DAEMON_JSON, $STRATA_CERTS_D (divided by ':'), $STRATA_CONNECT_SECONDS,
// $STRATA_STALL_SECONDS and $STRATA_RETRY_MS (first_wait).
ClientOptions client_options();

}  // namespace strata::registry
