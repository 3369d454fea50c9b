// SPDX-License-Identifier: Apache-2.0
#include "registry/client_options.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace strata::registry {
namespace {

std::string variable(const char* name, std::string_view otherwise = {}) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::string(otherwise) : value;
}

template <typename Duration>
void read_duration(const char* name, Duration& duration) {
  std::string text = variable(name);
  unsigned number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc() && end == text.data() + text.size() && number <= 1000000) {
    duration = Duration(number);
  }
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    size_t colon = text.find(':');
    if (colon != 0) parts.emplace_back(text.substr(0, colon));
    text.remove_prefix(colon == text.npos ? text.size() : colon + 1);
  }
  return parts;
}

// The user's own file stands for those of the system; their folders count together without it.
void set_registries_conf(ClientOptions& options, const std::string& own) {
  const std::string of_system = "/etc/containers/registries.conf";
  options.registries_conf = variable("CONTAINERS_REGISTRIES_CONF");
  options.registries_conf_dirs = {of_system + ".d", own + ".d"};
  if (!options.registries_conf.empty()) return;
  const bool has_own = ::access(own.c_str(), F_OK) == 0;
  options.registries_conf = has_own ? own : of_system;
  if (has_own) options.registries_conf_dirs = {own + ".d"};
}

}  // namespace

ClientOptions client_options() {
  ClientOptions options;
  std::string home = variable("HOME", "/root");
  std::string config = variable("XDG_CONFIG_HOME", home + "/.config");
  options.docker_config = variable("DOCKER_CONFIG", home + "/.docker") + "/config.json";
  if (std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) {
    options.container_auths = {file};
  } else {
    std::string runtime = variable("XDG_RUNTIME_DIR");
    if (runtime.empty()) runtime = "/run/user/" + std::to_string(::getuid());
    if (::getuid() == 0) options.container_auths.push_back("/run/containers/0/auth.json");
    options.container_auths.push_back(runtime + "/containers/auth.json");
    options.container_auths.push_back(config + "/containers/auth.json");
  }
  options.daemon_json = variable("STRATA_DAEMON_JSON", "/etc/docker/daemon.json");
  set_registries_conf(options, home + "/.config/containers/registries.conf");
  options.certs_dirs =
      split(variable("STRATA_CERTS_D", "/etc/containers/certs.d:/etc/docker/certs.d"));
  read_duration("STRATA_CONNECT_SECONDS", options.connect_timeout);
  read_duration("STRATA_STALL_SECONDS", options.stall_timeout);
  read_duration("STRATA_RETRY_MS", options.first_wait);
  return options;
}

}  // namespace strata::registry
