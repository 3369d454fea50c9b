// SPDX-License-Identifier: Apache-2.0
#include "cli/container_options.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/fs_at.h"
#include "base/signal_names.h"
#include "cli/env_file.h"

namespace strata::cli {
namespace {

Error refuse(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }

Status check_env(const std::string& value) {
  return value.empty() || value.starts_with('=')
             ? Status(refuse("invalid environment variable: " + value))
             : Status();
}

Status check_label(const std::string& value) {
  return value.starts_with('=')
             ? Status(refuse(fmt::format("invalid label '{}': empty name", value)))
             : Status();
}

Status check_address(const std::string& value) {
  std::array<char, sizeof(in6_addr)> bytes;
  const bool is_one = ::inet_pton(AF_INET, value.c_str(), bytes.data()) == 1 ||
                      ::inet_pton(AF_INET6, value.c_str(), bytes.data()) == 1;
  return is_one ? Status() : Status(refuse(value + " is not an ip address"));
}

Status check_host(const std::string& value) {
  const size_t colon = value.find(':');
  const bool fits = colon != value.npos && colon > 0;
  if (!fits) return refuse(fmt::format("bad format for add-host: \"{}\"", value));
  const std::string address = value.substr(colon + 1);
  if (check_address(address).ok()) return {};
  return refuse(fmt::format("invalid IP address in add-host: \"{}\"", address));
}

Status check_stream(const std::string& value) {
  const std::string name = lower(value);
  const bool known = name == "stdin" || name == "stdout" || name == "stderr";
  return known ? Status() : Status(refuse("valid streams are STDIN, STDOUT and STDERR"));
}

// "NAME=value"; a name that comes again replaces the value where it first stood.
void set_variable(std::vector<std::string>& env, const std::string& variable) {
  const std::string name = variable.substr(0, variable.find('='));
  for (std::string& there : env) {
    if (there.substr(0, there.find('=')) != name) continue;
    there = variable;
    return;
  }
  env.push_back(variable);
}

}  // namespace

void ContainerOptions::declare(Options& options) {
  declare_program(options);
  declare_files(options);
  declare_host(options);
  declare_limits(options);
}

void ContainerOptions::declare_detach(Options& options) {
  options.flag('d', "detach", "Not possible: there is no daemon that a container could be left to",
               detach_);
}

void ContainerOptions::declare_program(Options& options) {
  options.list('a', "attach", "list", "Attach to STDIN, STDOUT or STDERR", attach_);
  options.check_last(check_stream);
  options.text(kNoShort, "entrypoint", "string", "Overwrite the default ENTRYPOINT of the image",
               entrypoint_);
  options.check_last([this](const std::string&) {
    entrypoint_given_ = true;
    return Status();
  });
  options.list('e', "env", "list", "Set environment variables", env_);
  options.check_last(check_env);
  options.list(kNoShort, "env-file", "list", "Read in a file of environment variables", env_files_);
  options.flag(kNoShort, "init",
               "Run an init inside the container that forwards signals and reaps processes", init_);
  options.check_last([this](const std::string&) {
    init_given_ = true;
    return Status();
  });
  options.flag('i', "interactive", "Keep STDIN open even if not attached", interactive_);
  options.list('l', "label", "list", "Set meta data on a container", labels_);
  options.check_last(check_label);
  options.list(kNoShort, "label-file", "list", "Read in a line delimited file of labels",
               label_files_);
  options.text(kNoShort, "name", "string", "Assign a name to the container", name_);
  options.text(kNoShort, "stop-signal", "string", "Signal to stop a container", stop_signal_);
  options.text(kNoShort, "stop-timeout", "int", "Timeout (in seconds) to stop a container",
               stop_timeout_);
  options.check_last(checked_by(parse_integer));
  options.flag('t', "tty", "Allocate a pseudo-TTY", terminal_);
  options.text('u', "user", "string", "Username or UID (format: <name|uid>[:<group|gid>])", user_);
  options.text('w', "workdir", "string", "Working directory inside the container", working_dir_);
}

void ContainerOptions::declare_files(Options& options) {
  options.text(kNoShort, "cidfile", "string", "Write the container ID to the file", cid_file_);
  options.list(kNoShort, "device", "list", "Add a host device to the container", devices_);
  options.list(kNoShort, "mount", "mount", "Attach a filesystem mount to the container", mounts_);
  options.check_last(checked_by(parse_mount));
  options.text(kNoShort, "platform", "string", "Choose this platform of a multi-platform image",
               platform_);
  options.text(kNoShort, "pull", "string", "Pull image before creating (always, missing or never)",
               pull_);
  options.check_last([](const std::string& value) {
    const bool known = value == "always" || value == "missing" || value == "never";
    return known ? Status() : Status(refuse("must be always, missing or never"));
  });
  options.flag(kNoShort, "read-only", "Mount the container's root filesystem as read only",
               read_only_);
  options.flag(kNoShort, "rm", "Automatically remove the container when it exits", auto_remove_);
  options.list(kNoShort, "tmpfs", "list", "Mount a tmpfs directory", tmpfs_);
  options.list('v', "volume", "list", "Bind mount a volume", volumes_);
}

void ContainerOptions::declare_host(Options& options) {
  options.list(kNoShort, "add-host", "list", "Add a custom host-to-IP mapping (host:ip)",
               extra_hosts_);
  options.check_last(check_host);
  options.list(kNoShort, "cap-add", "list", "Add Linux capabilities", cap_add_);
  options.list(kNoShort, "cap-drop", "list", "Drop Linux capabilities", cap_drop_);
  options.list(kNoShort, "dns", "list", "Set custom DNS servers", resolver_.servers);
  options.check_last(check_address);
  options.list(kNoShort, "dns-opt", "list", "", resolver_.options);
  options.hide_last();
  options.list(kNoShort, "dns-option", "list", "Set DNS options", resolver_.options);
  options.list(kNoShort, "dns-search", "list", "Set custom DNS search domains", resolver_.search);
  options.text(kNoShort, "domainname", "string", "Container NIS domain name", domainname_);
  options.list(kNoShort, "group-add", "list", "Add additional groups to join", group_add_);
  options.text('h', "hostname", "string", "Container host name", hostname_);
  options.text(kNoShort, "ipc", "string", "IPC mode to use", ipc_);
  options.text(kNoShort, "log-driver", "string", "json-file, or none to keep no log", log_driver_);
  options.check_last([](const std::string& value) {
    const bool known = value == "json-file" || value == "none";
    return known ? Status() : Status(refuse("strata has the log drivers json-file and none"));
  });
  options.list(kNoShort, "log-opt", "list", "Log driver options (max-size, max-file)",
               log_options_);
  options.text(kNoShort, "network", "network", "host, or none", network_);
  options.text(kNoShort, "net", "network", "", network_);
  options.hide_last();
  options.flag(kNoShort, "privileged", "Give extended privileges to this container", privileged_);
  options.list('p', "publish", "list", "", publish_);
  options.hide_last();
  options.text(kNoShort, "runtime", "string",
               "OCI runtime to use (STRATA_RUNTIME; crun, else runc)", runtime_);
  options.list(kNoShort, "security-opt", "list", "Security Options", security_opt_);
}

void ContainerOptions::declare_limits(Options& options) {
  options.text(kNoShort, "cpu-period", "int", "Limit CPU CFS (Completely Fair Scheduler) period",
               cpu_period_);
  options.check_last(checked_by(parse_integer));
  options.text(kNoShort, "cpu-quota", "int", "Limit CPU CFS (Completely Fair Scheduler) quota",
               cpu_quota_);
  options.check_last(checked_by(parse_integer));
  options.text('c', "cpu-shares", "int", "CPU shares (relative weight)", cpu_shares_);
  options.check_last(checked_by(parse_integer));
  options.text(kNoShort, "cpus", "decimal", "Number of CPUs", cpus_);
  options.check_last(checked_by(parse_cpus));
  options.text(kNoShort, "cpuset-cpus", "string", "CPUs in which to allow execution (0-3, 0,1)",
               cpuset_cpus_);
  options.text(kNoShort, "cpuset-mems", "string", "MEMs in which to allow execution (0-3, 0,1)",
               cpuset_mems_);
  options.text('m', "memory", "bytes", "Memory limit", memory_);
  options.check_last(checked_by(parse_size));
  options.text(kNoShort, "memory-swap", "bytes",
               "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", memory_swap_);
  options.text(kNoShort, "oom-score-adj", "int", "Tune host's OOM preferences (-1000 to 1000)",
               oom_score_adj_);
  options.check_last(checked_by(parse_integer));
  options.text(kNoShort, "pids-limit", "int", "Tune container pids limit (set -1 for unlimited)",
               pids_limit_);
  options.check_last(checked_by(parse_integer));
  options.text(kNoShort, "shm-size", "bytes", "Size of /dev/shm", shm_size_);
  options.check_last(checked_by(parse_size));
  options.list(kNoShort, "ulimit", "ulimit", "Ulimit options", ulimits_);
  options.check_last(checked_by(parse_ulimit));
}

Status ContainerOptions::read_environment(oci::ContainerConfig& config) const {
  std::vector<std::string> env;
  for (const std::string& path : env_files_) {
    STRATA_TRY(std::vector<std::string> variables, read_env_file(path, BareNames::kTakeOurs));
    env.insert(env.end(), variables.begin(), variables.end());
  }
  // Behind those of the files, whatever the order of the options, and beside them: docker keeps both.
  std::vector<std::string> given;
  for (const std::string& variable : env_) set_variable(given, env_of(variable));
  env.insert(env.end(), given.begin(), given.end());
  config.env = std::move(env);
  return {};
}

Status ContainerOptions::read_labels(oci::ContainerConfig& config) const {
  config.labels.emplace();
  std::vector<std::string> labels;
  for (const std::string& path : label_files_) {
    STRATA_TRY(std::vector<std::string> lines, read_env_file(path, BareNames::kAreLeftOut));
    labels.insert(labels.end(), lines.begin(), lines.end());
  }
  labels.insert(labels.end(), labels_.begin(), labels_.end());
  for (const std::string& label : labels) {
    const size_t equals = label.find('=');
    (*config.labels)[label.substr(0, equals)] =
        equals == label.npos ? "" : label.substr(equals + 1);
  }
  return {};
}

Status ContainerOptions::read_program(const std::vector<std::string>& arguments,
                                      oci::ContainerConfig& config) const {
  if (arguments.size() > 1) {
    config.cmd = std::vector<std::string>(arguments.begin() + 1, arguments.end());
  }
  if (entrypoint_given_) config.entrypoint = std::vector<std::string>{entrypoint_};
  config.hostname = hostname_;
  config.domainname = domainname_;
  config.user = user_;
  config.working_dir = working_dir_;
  config.tty = terminal_;
  config.open_stdin = interactive_;
  auto attached = [&](std::string_view stream) {
    return std::any_of(attach_.begin(), attach_.end(),
                       [&](const std::string& given) { return lower(given) == stream; });
  };
  config.attach_stdin = attach_.empty() ? interactive_ : attached("stdin");
  config.attach_stdout = attach_.empty() || attached("stdout");
  config.attach_stderr = attach_.empty() || attached("stderr");
  config.stdin_once = config.open_stdin && config.attach_stdin;
  if (!stop_signal_.empty()) {
    STRATA_TRY(int number, parse_signal(stop_signal_));
    (void)number;  // kept as it was written
    config.stop_signal = stop_signal_;
  }
  if (!stop_timeout_.empty()) {
    STRATA_TRY(config.stop_timeout, parse_integer(stop_timeout_));
  }
  STRATA_CHECK(read_environment(config));
  return read_labels(config);
}

Status ContainerOptions::read_files(runtime::NewContainer& wanted) const {
  for (const std::string& volume : volumes_) {
    if (volume.empty()) return refuse("invalid volume specification: ''");
    // "-v /target" is a volume without a name, and is kept in the config.
    if (volume.find(':') == volume.npos) {
      if (!wanted.config.volumes) wanted.config.volumes.emplace();
      wanted.config.volumes->insert(volume);
      continue;
    }
    std::string bind = volume;
    if (bind.starts_with("./") || bind.starts_with("../") || bind.starts_with(".:")) {
      STRATA_TRY(std::string here, real_path(bind.substr(0, bind.find(':'))));
      bind = here + bind.substr(bind.find(':'));
    }
    std::vector<std::string>& binds = wanted.host.binds;
    if (std::find(binds.begin(), binds.end(), bind) == binds.end())
      binds.push_back(std::move(bind));
  }
  for (const std::string& mount : mounts_) {
    STRATA_TRY(runtime::MountSpec spec, parse_mount(mount));
    wanted.host.mounts.push_back(std::move(spec));
  }
  for (const std::string& tmpfs : tmpfs_) {
    const size_t colon = tmpfs.find(':');
    wanted.host.tmpfs[tmpfs.substr(0, colon)] = colon == tmpfs.npos ? "" : tmpfs.substr(colon + 1);
  }
  for (const std::string& device : devices_) {
    STRATA_TRY(runtime::Device parsed, parse_device(device));
    wanted.host.devices.push_back(std::move(parsed));
  }
  return {};
}

Status ContainerOptions::read_host(runtime::HostConfig& host) const {
  if (network_ != "host" && network_ != "none") {
    return error(ErrorCode::kUnsupported,
                 "--network {}: strata has the networks host and none; there is no daemon that "
                 "could keep a bridge",
                 network_);
  }
  if (!publish_.empty()) {
    return error(ErrorCode::kUnsupported,
                 "--publish: there is no bridge to publish ports of; with --network host they are "
                 "the host's");
  }
  host.network_mode = network_;
  if (!ipc_.empty()) host.ipc_mode = ipc_;
  if (host.ipc_mode != "private" && host.ipc_mode != "shareable") {
    return error(ErrorCode::kUnsupported, "--ipc {}: strata has private", ipc_);
  }
  for (const std::string& option : security_opt_) {  // docker's client looks first
    const bool known = option.find('=') != option.npos || option.find(':') != option.npos ||
                       option == "no-new-privileges";
    if (!known) return refuse(fmt::format("Invalid --security-opt: \"{}\"", option));
  }
  host.auto_remove = auto_remove_;
  host.cap_add = cap_add_;
  host.cap_drop = cap_drop_;
  host.extra_hosts = extra_hosts_;
  host.resolver = resolver_;
  host.group_add = group_add_;
  host.log_driver = log_driver_;
  for (const std::string& option : log_options_) {
    const size_t equals = option.find('=');
    host.log_options[option.substr(0, equals)] =
        equals == option.npos ? "" : option.substr(equals + 1);
  }
  host.privileged = privileged_;
  host.read_only_rootfs = read_only_;
  host.security_opt = security_opt_;
  // What docker's daemon adds, and a host with SELinux needs.
  if (privileged_) host.security_opt.emplace_back("label=disable");
  if (init_given_) host.init = init_;
  return {};
}

Status ContainerOptions::read_limits(runtime::HostConfig& host) const {
  runtime::Resources& limits = host.resources;
  const std::pair<const std::string&, int64_t&> numbers[] = {{oom_score_adj_, host.oom_score_adj},
                                                             {pids_limit_, limits.pids_limit},
                                                             {cpu_shares_, limits.cpu_shares},
                                                             {cpu_period_, limits.cpu_period},
                                                             {cpu_quota_, limits.cpu_quota}};
  for (const auto& [text, number] : numbers) {
    if (text.empty()) continue;
    STRATA_TRY(number, parse_integer(text));
  }
  if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000) {
    return refuse(fmt::format("Invalid value {}, range for oom score adj is [-1000, 1000]",
                              host.oom_score_adj));
  }
  if (!memory_.empty()) {
    STRATA_TRY(limits.memory_bytes, parse_size(memory_));
  }
  if (memory_swap_ == "-1") {
    limits.memory_swap_bytes = -1;
  } else if (!memory_swap_.empty()) {
    STRATA_TRY(limits.memory_swap_bytes, parse_size(memory_swap_));
  } else if (limits.memory_bytes > 0) {
    limits.memory_swap_bytes = 2 * limits.memory_bytes;
  }
  if (!cpus_.empty()) {
    STRATA_TRY(limits.nano_cpus, parse_cpus(cpus_));
  }
  limits.cpuset_cpus = cpuset_cpus_;
  limits.cpuset_mems = cpuset_mems_;
  if (!shm_size_.empty()) {
    STRATA_TRY(host.shm_bytes, parse_size(shm_size_));
  }
  for (const std::string& text : ulimits_) {
    STRATA_TRY(runtime::Ulimit limit, parse_ulimit(text));
    host.ulimits.push_back(std::move(limit));
  }
  return {};
}

Result<runtime::NewContainer> ContainerOptions::read(
    const std::vector<std::string>& arguments) const {
  runtime::NewContainer wanted;
  wanted.name = name_;
  wanted.image_name = arguments[0];
  STRATA_CHECK(read_program(arguments, wanted.config));
  STRATA_CHECK(read_files(wanted));
  STRATA_CHECK(read_host(wanted.host));
  STRATA_CHECK(read_limits(wanted.host));
  return wanted;
}

}  // namespace strata::cli
