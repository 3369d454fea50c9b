// SPDX-License-Identifier: Apache-2.0
// The config of a container as a struct that can be edited: what a build, a commit and an import
// change. Reading and writing go through docker_config.h: docker's order of members, and members
// that docker does not know are dropped, as when docker makes a new image from an old one.
// Source:  FORMATS section 7.1 (container.Config).
// Threads: values.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::oci {

// None is JSON's null, which is not the same as an empty list.
using Words = std::optional<std::vector<std::string>>;

// Durations in nanoseconds; 0: not set.
struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", …} or {"CMD-SHELL", …}
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  int64_t start_period_ns = 0;
  int64_t start_interval_ns = 0;
  int64_t retries = 0;

  bool operator==(const Healthcheck&) const = default;
};

struct ContainerConfig {
  std::string hostname;
  std::string domainname;
  std::string user;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  std::set<std::string> exposed_ports;  // "80/tcp"
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  Words env;  // "NAME=value"
  Words cmd;
  std::optional<Healthcheck> healthcheck;
  bool args_escaped = false;
  std::string image;
  std::optional<std::set<std::string>> volumes;
  std::string working_dir;
  Words entrypoint;
  bool network_disabled = false;
  std::string mac_address;
  Words on_build;
  std::optional<std::map<std::string, std::string>> labels;
  std::string stop_signal;
  std::optional<int64_t> stop_timeout;
  std::vector<std::string> shell;  // empty: the default

  // Errors: kInvalid, json.h's type errors; `owner` as in docker_config.h.
  static Result<ContainerConfig> parse(const boost::json::object& config,
                                       std::string_view owner = "Config");
  // Every member that docker writes, in its order.
  boost::json::object to_json() const;

  bool operator==(const ContainerConfig&) const = default;
};

// The value of NAME in a list of "NAME=value"; none when it is not there.
std::optional<std::string_view> find_env(const Words& env, std::string_view name);
// Replaces the entry of that name where it stands, or appends one.
void set_env(Words& env, std::string_view name, std::string_view value);

}  // namespace strata::oci
