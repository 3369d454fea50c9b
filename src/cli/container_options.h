// SPDX-License-Identifier: Apache-2.0
// The options that `create` and `run` share, as docker has them.
// Source:  docker's documentation of `docker run`; errors as its client words them.
// Threads: one at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/container_values.h"
#include "runtime/create.h"

namespace strata::cli {

class ContainerOptions {
 public:
  void declare(Options& options);

  // The container that the options and the words behind them ("IMAGE [COMMAND] [ARG...]") describe;
  // its image is not looked up yet. Errors: kInvalid, docker's texts; kUnsupported for what strata
  // does not have.
  Result<runtime::NewContainer> read(const std::vector<std::string>& arguments) const;

  bool interactive() const { return interactive_; }
  bool terminal() const { return terminal_; }
  bool detach() const { return detach_; }
  bool auto_remove() const { return auto_remove_; }
  const std::string& pull() const { return pull_; }
  const std::string& platform() const { return platform_; }
  const std::string& cid_file() const { return cid_file_; }
  const std::string& runtime() const { return runtime_; }
  // `detach` is declared by `run` alone.
  void declare_detach(Options& options);

 private:
  void declare_program(Options& options);
  void declare_files(Options& options);
  void declare_host(Options& options);
  void declare_limits(Options& options);
  Status read_program(const std::vector<std::string>& arguments,
                      oci::ContainerConfig& config) const;
  Status read_environment(oci::ContainerConfig& config) const;
  Status read_labels(oci::ContainerConfig& config) const;
  Status read_files(runtime::NewContainer& wanted) const;
  Status read_host(runtime::HostConfig& host) const;
  Status read_limits(runtime::HostConfig& host) const;

  bool interactive_ = false, terminal_ = false, detach_ = false, auto_remove_ = false;
  bool privileged_ = false, read_only_ = false, init_ = false, init_given_ = false;
  bool entrypoint_given_ = false;
  std::string name_, user_, working_dir_, hostname_, domainname_, entrypoint_, network_ = "none";
  std::string shm_size_, stop_signal_, log_driver_ = "json-file", pull_ = "missing", platform_;
  std::string cid_file_, runtime_, ipc_, memory_, memory_swap_, cpus_, cpuset_cpus_, cpuset_mems_;
  std::string stop_timeout_, oom_score_adj_, pids_limit_, cpu_shares_, cpu_period_, cpu_quota_;
  std::vector<std::string> attach_, env_, env_files_, labels_, label_files_, volumes_, mounts_,
      tmpfs_;
  std::vector<std::string> cap_add_, cap_drop_, devices_, extra_hosts_, group_add_, security_opt_;
  std::vector<std::string> ulimits_, publish_, log_options_;
  runtime::Resolver resolver_;
};

}  // namespace strata::cli
