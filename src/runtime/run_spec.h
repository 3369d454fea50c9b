// SPDX-License-Identifier: Apache-2.0
// RunSpec: what a container's program is to be run with, in docker's terms: what `docker run`, and a
// RUN instruction, can say.
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace strata::runtime {

// kHost: the host's own network. kNone: a network namespace with nothing but a loopback device.
enum class Network { kHost, kNone };

struct Process {
  std::vector<std::string> args;  // not empty
  std::vector<std::string>
      env;           // "NAME=value"; wins over what docker adds (PATH, HOSTNAME, TERM, HOME)
  std::string cwd;   // absolute; empty: "/"
  std::string user;  // "user[:group]", names or numbers; empty: root
  std::vector<std::string> more_groups;  // --group-add
  bool terminal = false;
};

struct Mount {
  enum class Kind { kBind, kTmpfs };
  Kind kind = Kind::kBind;
  std::string source;  // absolute; of a bind
  std::string target;  // absolute, in the container
  bool read_only = false;
  // As the runtime takes them. A tmpfs gets noexec, nosuid and nodev in front, as docker's --tmpfs.
  std::vector<std::string> options = {};
};

struct Device {
  std::string source;  // on the host
  std::string target;  // in the container
  std::string access = "rwm";
};

// Where names of hosts are looked up; what is empty is as on the host.
struct Resolver {
  std::vector<std::string> servers;
  std::vector<std::string> search;  // ".": none
  std::vector<std::string> options;

  bool operator==(const Resolver&) const = default;
};

struct Ulimit {
  std::string name;  // "nofile"
  uint64_t soft = 0;
  uint64_t hard = 0;
};

// What the cgroup limits; 0 and empty: nothing. Where there are no cgroups they are refused.
struct Resources {
  int64_t memory_bytes = 0;
  int64_t memory_swap_bytes = 0;  // memory and swap together; -1: no limit
  int64_t nano_cpus = 0;
  int64_t cpu_shares = 0;
  int64_t cpu_period = 0;
  int64_t cpu_quota = 0;
  std::string cpuset_cpus = {};
  std::string cpuset_mems = {};
  int64_t pids_limit = 0;

  bool operator==(const Resources&) const = default;
};

inline constexpr uint64_t kDefaultShmBytes = 64u << 20;

struct RunSpec {
  Process process;
  std::string id;  // 64 hex; names the cgroup and, cut to 12, the host; empty: a random one
  std::string
      rootfs;  // absolute; mounted by the caller, in a mount namespace of its own if it likes
  std::string hostname;  // empty: the host's with its network, else 12 digits of the id
  std::string domainname = {};
  Network network = Network::kNone;
  std::vector<std::string> cap_add = {};  // docker's names: "SYS_ADMIN", "CAP_SYS_ADMIN", "ALL"
  std::vector<std::string> cap_drop = {};
  bool privileged = false;
  bool no_new_privileges = false;
  bool seccomp = true;  // docker's default profile; never with `privileged`
  bool read_only_rootfs = false;
  // Bind mounts that are not told to be elsewhere cover the defaults at the same target.
  std::vector<Mount> mounts = {};
  std::vector<Device> devices = {};
  std::vector<Ulimit> ulimits = {};
  Resources resources = {};
  uint64_t shm_bytes = kDefaultShmBytes;
  std::vector<std::string> extra_hosts = {};  // "name:address"; lines of /etc/hosts
  Resolver resolver = {};
  int oom_score_adj = 0;
};

}  // namespace strata::runtime
