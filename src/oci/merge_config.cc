// SPDX-License-Identifier: Apache-2.0
#include "oci/merge_config.h"

namespace strata::oci {
namespace {

bool is_empty(const Words& words) { return !words || words->empty(); }

void merge_env(Words& env, const Words& below) {
  if (is_empty(env)) {
    env = below;
    return;
  }
  const Words own = env;
  for (const std::string& entry : below.value_or(std::vector<std::string>())) {
    if (!find_env(own, entry.substr(0, entry.find('=')))) env->push_back(entry);
  }
}

void merge_command(ContainerConfig& config, const ContainerConfig& below) {
  if (!is_empty(config.entrypoint)) return;
  if (is_empty(config.cmd)) {
    config.cmd = below.cmd;
    config.args_escaped = below.args_escaped;
  }
  if (!config.entrypoint) config.entrypoint = below.entrypoint;
}

void merge_healthcheck(std::optional<Healthcheck>& check, const std::optional<Healthcheck>& below) {
  if (!below) return;
  if (!check) {
    check = below;
    return;
  }
  if (check->test.empty()) check->test = below->test;
  if (check->interval_ns == 0) check->interval_ns = below->interval_ns;
  if (check->timeout_ns == 0) check->timeout_ns = below->timeout_ns;
  if (check->start_period_ns == 0) check->start_period_ns = below->start_period_ns;
  if (check->start_interval_ns == 0) check->start_interval_ns = below->start_interval_ns;
  if (check->retries == 0) check->retries = below->retries;
}

}  // namespace

void merge_config(ContainerConfig& config, const ContainerConfig& below) {
  if (config.user.empty()) config.user = below.user;
  config.exposed_ports.insert(below.exposed_ports.begin(), below.exposed_ports.end());
  merge_env(config.env, below.env);
  if (!config.labels) config.labels.emplace();
  if (below.labels) config.labels->insert(below.labels->begin(), below.labels->end());
  merge_command(config, below);
  merge_healthcheck(config.healthcheck, below.healthcheck);
  if (config.working_dir.empty()) config.working_dir = below.working_dir;
  if (!config.volumes || config.volumes->empty())
    config.volumes = below.volumes;
  else if (below.volumes)
    config.volumes->insert(below.volumes->begin(), below.volumes->end());
  if (config.stop_signal.empty()) config.stop_signal = below.stop_signal;
}

}  // namespace strata::oci
