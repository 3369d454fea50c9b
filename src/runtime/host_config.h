// SPDX-License-Identifier: Apache-2.0
// HostConfig: how a container is run on its host, as docker keeps it beside the container.
// Shape:   containers/<id>/hostconfig.json. Source: FORMATS section 8; container.HostConfig.
// Threads: values.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/run_spec.h"

namespace strata::runtime {

// One --mount, and how a mount is kept: docker's mount.Mount.
struct MountSpec {
  std::string type;    // bind, volume, tmpfs
  std::string source;  // a path, a volume's name; empty: tmpfs, anonymous volume
  std::string target;  // absolute
  bool read_only = false;
  std::string propagation;  // of a bind
  bool non_recursive = false;
  bool no_copy = false;  // of a volume: do not begin with the image's files
  int64_t tmpfs_bytes = 0;
  uint32_t tmpfs_mode = 0;

  static Result<MountSpec> parse(const boost::json::object& from);
  boost::json::object to_json() const;
};

struct HostConfig {
  std::vector<std::string> binds;  // -v, as given: "source:target[:mode]"
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_options;
  std::string network_mode = "none";
  bool auto_remove = false;
  std::vector<std::string> cap_add, cap_drop;
  Resolver resolver;
  std::vector<std::string> extra_hosts, group_add;
  std::string ipc_mode = "private", pid_mode, uts_mode;
  int64_t oom_score_adj = 0;
  bool privileged = false;
  bool read_only_rootfs = false;
  std::vector<std::string> security_opt;
  std::map<std::string, std::string> tmpfs;
  int64_t shm_bytes = kDefaultShmBytes;
  std::string runtime;
  Resources resources;
  std::vector<Device> devices;
  std::vector<Ulimit> ulimits;
  std::vector<MountSpec> mounts;
  std::optional<bool> init;

  // Errors: kInvalid, a member of a wrong type.
  static Result<HostConfig> parse(std::string_view text);
  // Every member that docker writes, in its order.
  std::string to_text() const;
};

// The Networks of a container that has one of our two networks, or another of docker's.
boost::json::object network_settings(const std::string& network_mode);

}  // namespace strata::runtime
