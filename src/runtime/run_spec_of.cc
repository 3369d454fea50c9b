// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_spec_of.h"

#include <unistd.h>

#include <array>

#include "oci/json.h"
#include "runtime/take_word.h"

namespace strata::runtime {
namespace {

constexpr const char* kInitTarget = "/sbin/docker-init";
// docker-init of docker's packages, and what it is elsewhere.
constexpr std::array kInits = {"/usr/bin/docker-init", "/usr/libexec/docker/docker-init",
                               "/usr/bin/tini-static", "/usr/bin/tini",
                               "/usr/bin/catatonit",   "/usr/libexec/podman/catatonit"};

Result<std::string> find_init() {
  for (const char* path : kInits) {
    if (::access(path, X_OK) == 0) return std::string(path);
  }
  return error(ErrorCode::kUnsupported,
               "--init needs docker-init, tini or catatonit, and none of them is installed");
}

Result<Network> network_of(const ContainerRecord& record, const HostConfig& host) {
  if (host.network_mode == "host") return Network::kHost;
  if (host.network_mode == "none") return Network::kNone;
  const bool bridge = host.network_mode == "default" || host.network_mode == "bridge";
  return error(ErrorCode::kUnsupported,
               "container {} wants the network \"{}\"; strata has none and host: start it with "
               "--network",
               record.name, bridge ? "bridge" : host.network_mode);
}

// Modes in which a container shares more than usual.
Status check_modes(const ContainerRecord& record, const HostConfig& host) {
  if (host.log_driver != "none" && host.log_driver != "json-file" && !host.log_driver.empty()) {
    return error(ErrorCode::kUnsupported,
                 "container {} keeps its log with the driver \"{}\"; strata has json-file and none",
                 record.name, host.log_driver);
  }
  const bool own_ipc =
      host.ipc_mode.empty() || host.ipc_mode == "private" || host.ipc_mode == "shareable";
  const std::pair<const char*, const std::string&> shared[] = {{"--pid", host.pid_mode},
                                                               {"--uts", host.uts_mode}};
  for (const auto& [option, mode] : shared) {
    if (mode.empty() || mode == "private") continue;
    return error(ErrorCode::kUnsupported, "container {} was made with {}={}, which strata has not",
                 record.name, option, mode);
  }
  if (own_ipc) return {};
  return error(ErrorCode::kUnsupported, "container {} was made with --ipc={}, which strata has not",
               record.name, host.ipc_mode);
}

Status read_security(const HostConfig& host, RunSpec& spec) {
  for (const std::string& option : host.security_opt) {
    if (option == "no-new-privileges" || option == "no-new-privileges:true" ||
        option == "no-new-privileges=true") {
      spec.no_new_privileges = true;
    } else if (option == "seccomp=unconfined" || option == "seccomp:unconfined") {
      spec.seccomp = false;
    } else if (option.starts_with("seccomp")) {
      return error(
          ErrorCode::kUnsupported,
          "--security-opt seccomp: a profile of your own is not possible, docker's default "
          "and unconfined are");
    }
    // Labels of SELinux and AppArmor: strata sets none.
  }
  return {};
}

std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> options;
  while (!text.empty()) {
    const std::string_view option = take_word(text, ',');
    if (!option.empty()) options.emplace_back(option);
  }
  return options;
}

Mount mount_at(const MountPoint& point) {
  Mount mount;
  mount.target = point.destination;
  mount.read_only = !point.writable;
  if (point.type == "tmpfs") {
    mount.kind = Mount::Kind::kTmpfs;
    if (point.spec.tmpfs_bytes != 0) {
      mount.options.push_back(fmt::format("size={}", point.spec.tmpfs_bytes));
    }
    if (point.spec.tmpfs_mode != 0) {
      mount.options.push_back(fmt::format("mode={:o}", point.spec.tmpfs_mode));
    }
    return mount;
  }
  mount.source = point.source;
  std::string propagation = point.propagation;
  if (point.spec.non_recursive) {
    mount.options.emplace_back("bind");
    // crun takes the r of rprivate for the bind's; of a single mount it says nothing anyway.
    if (propagation.starts_with("rp") || propagation.starts_with("rs")) propagation.erase(0, 1);
  }
  if (!propagation.empty()) mount.options.push_back(propagation);
  return mount;
}

Status add_mounts(const HostConfig& host, const std::vector<MountPoint>& points, RunSpec& spec) {
  for (const auto& [target, options] : host.tmpfs) {
    if (!target.starts_with('/')) {
      return error(ErrorCode::kInvalid, "invalid mount path: '{}' mount path must be absolute",
                   target);
    }
    spec.mounts.push_back({.kind = Mount::Kind::kTmpfs,
                           .source = {},
                           .target = target,
                           .options = split_options(options)});
  }
  for (const MountPoint& point : points) spec.mounts.push_back(mount_at(point));
  if (!host.init.value_or(false)) return {};
  STRATA_TRY(std::string init, find_init());
  spec.process.args.insert(spec.process.args.begin(), {kInitTarget, "--"});
  spec.mounts.push_back({.kind = Mount::Kind::kBind,
                         .source = init,
                         .target = kInitTarget,
                         .read_only = true,
                         .options = {"bind"}});
  return {};
}

Status set_process(const ContainerRecord& record, const HostConfig& host, RunSpec& spec) {
  STRATA_TRY(std::string path, oci::get_string(record.json, "Container", "Path"));
  STRATA_TRY(spec.process.args, oci::get_strings(record.json, "Container", "Args"));
  spec.process.args.insert(spec.process.args.begin(), std::move(path));
  const oci::ContainerConfig& config = record.config;
  spec.process.env = config.env.value_or(std::vector<std::string>());
  spec.process.cwd = config.working_dir;
  spec.process.user = config.user;
  spec.process.more_groups = host.group_add;
  spec.process.terminal = config.tty;
  return {};
}

}  // namespace

Result<RunSpec> run_spec_of(const ContainerRecord& record, const HostConfig& host,
                            const std::vector<MountPoint>& points) {
  RunSpec spec;
  STRATA_CHECK(check_modes(record, host));
  STRATA_TRY(spec.network, network_of(record, host));
  STRATA_CHECK(set_process(record, host, spec));
  spec.id = record.id;
  spec.hostname = record.config.hostname;
  spec.domainname = record.config.domainname;
  spec.cap_add = host.cap_add;
  spec.cap_drop = host.cap_drop;
  spec.privileged = host.privileged;
  spec.read_only_rootfs = host.read_only_rootfs;
  spec.devices = host.devices;
  spec.ulimits = host.ulimits;
  spec.resources = host.resources;
  if (host.shm_bytes > 0) spec.shm_bytes = static_cast<uint64_t>(host.shm_bytes);
  spec.extra_hosts = host.extra_hosts;
  spec.resolver = host.resolver;
  spec.oom_score_adj = static_cast<int>(host.oom_score_adj);
  STRATA_CHECK(read_security(host, spec));
  STRATA_CHECK(add_mounts(host, points, spec));
  return spec;
}

}  // namespace strata::runtime
