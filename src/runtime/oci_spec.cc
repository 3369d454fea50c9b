// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci_spec.h"

#include <algorithm>
#include <array>

#include "oci/json.h"
#include "runtime/capabilities.h"
#include "runtime/devices.h"
#include "runtime/seccomp.h"

namespace strata::runtime {
namespace {

namespace json = boost::json;

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::array kMaskedPaths = {"/proc/asound",      "/proc/acpi",          "/proc/kcore",
                                     "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
                                     "/proc/timer_stats", "/proc/sched_debug",   "/proc/scsi",
                                     "/sys/firmware"};
constexpr std::array kReadOnlyPaths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                       "/proc/sysrq-trigger"};
constexpr int64_t kCpuPeriod = 100'000;  // microseconds
constexpr std::string_view kCgroupFolder = "/sys/fs/cgroup";

template <typename Range>
json::array array_of(const Range& texts) {
  json::array all;
  for (const auto& text : texts) all.emplace_back(text);
  return all;
}

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

void erase_name(std::vector<std::string>& env, std::string_view name) {
  std::erase_if(env, [&](const std::string& entry) { return name_of(entry) == name; });
}

bool has_name(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(),
                     [&](const std::string& entry) { return name_of(entry) == name; });
}

// Takes the place of the one with its name, or comes last.
void set_variable(std::vector<std::string>& env, const std::string& variable) {
  auto same = std::find_if(env.begin(), env.end(), [&](const std::string& entry) {
    return name_of(entry) == name_of(variable);
  });
  if (same == env.end()) {
    env.push_back(variable);
  } else {
    *same = variable;
  }
}

json::object default_mount(std::string_view target, std::string_view type, std::string_view source,
                           std::initializer_list<std::string_view> options) {
  return {
      {"destination", target}, {"type", type}, {"source", source}, {"options", array_of(options)}};
}

std::vector<json::object> default_mounts(const RunSpec& spec, const Cgroups& cgroups) {
  std::vector<json::object> mounts;
  mounts.push_back(default_mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(default_mount("/dev", "tmpfs", "tmpfs",
                                 {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  mounts.push_back(
      default_mount("/dev/pts", "devpts", "devpts",
                    {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
  mounts.push_back(
      spec.privileged
          ? default_mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev"})
          : default_mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
  if (cgroups.writable) {
    mounts.push_back(spec.privileged ? default_mount(kCgroupFolder, "cgroup", "cgroup",
                                                     {"nosuid", "noexec", "nodev"})
                                     : default_mount(kCgroupFolder, "cgroup", "cgroup",
                                                     {"ro", "nosuid", "noexec", "nodev"}));
  }
  mounts.push_back(default_mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  std::string size = fmt::format("size={}", spec.shm_bytes);
  mounts.push_back(
      default_mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", size}));
  return mounts;
}

bool is_propagation(std::string_view option) {
  constexpr std::array kWords = {"private", "rprivate", "shared", "rshared", "slave", "rslave"};
  return std::find(kWords.begin(), kWords.end(), option) != kWords.end();
}

bool has(const std::vector<std::string>& options, std::string_view option) {
  return std::find(options.begin(), options.end(), option) != options.end();
}

json::array bind_options(const Mount& mount) {
  json::array options;
  if (!has(mount.options, "bind") && !has(mount.options, "rbind")) options.emplace_back("rbind");
  if (mount.read_only) options.emplace_back("ro");
  for (const std::string& option : mount.options) options.emplace_back(option);
  if (std::none_of(mount.options.begin(), mount.options.end(), is_propagation)) {
    options.emplace_back("rprivate");
  }
  return options;
}

json::array tmpfs_options(const Mount& mount) {
  json::array options;
  for (std::string_view flag : {"exec", "suid", "dev"}) {
    if (!has(mount.options, flag)) options.emplace_back(fmt::format("no{}", flag));
  }
  if (mount.read_only) options.emplace_back("ro");
  options.emplace_back("rprivate");
  for (const std::string& option : mount.options) options.emplace_back(option);
  return options;
}

json::object mount_of(const Mount& mount) {
  const bool bind = mount.kind == Mount::Kind::kBind;
  return {{"destination", mount.target},
          {"type", bind ? "bind" : "tmpfs"},
          {"source", bind ? mount.source : "tmpfs"},
          {"options", bind ? bind_options(mount) : tmpfs_options(mount)}};
}

auto depth(const Mount& mount) { return std::count(mount.target.begin(), mount.target.end(), '/'); }

json::array mounts_of(const RunSpec& spec, const Cgroups& cgroups) {
  // What lies within another mount comes after it.
  std::vector<Mount> own = spec.mounts;
  std::stable_sort(own.begin(), own.end(),
                   [](const Mount& a, const Mount& b) { return depth(a) < depth(b); });
  auto covers = [&](std::string_view target) {
    return std::any_of(own.begin(), own.end(), [&](const Mount& mount) {
      return mount.target == target || (mount.target == "/dev" && target.starts_with("/dev/"));
    });
  };
  json::array mounts;
  for (json::object& mount : default_mounts(spec, cgroups)) {
    if (!covers(mount["destination"].as_string())) mounts.push_back(std::move(mount));
  }
  for (const Mount& mount : own) mounts.push_back(mount_of(mount));
  return mounts;
}

json::array rlimits_of(const RunSpec& spec) {
  json::array limits;
  for (const Ulimit& limit : spec.ulimits) {
    std::string type = "RLIMIT_" + limit.name;
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    limits.push_back(json::object{{"type", type}, {"hard", limit.hard}, {"soft", limit.soft}});
  }
  return limits;
}

Result<json::object> process_of(const RunSpec& spec, const User& user,
                                const std::vector<std::string>& capabilities) {
  const Process& process = spec.process;
  const std::string cwd = process.cwd.empty() ? "/" : process.cwd;
  if (!cwd.starts_with('/')) {
    return error(ErrorCode::kInvalid,
                 "the working directory '{}' is invalid, it needs to be an absolute path", cwd);
  }
  json::object caps = {{"bounding", array_of(capabilities)}};
  if (user.uid == 0) {
    caps["effective"] = array_of(capabilities);
    caps["permitted"] = array_of(capabilities);
  }
  json::object result = {{"user", json::object{{"uid", user.uid},
                                               {"gid", user.gid},
                                               {"additionalGids", array_of(user.groups)}}},
                         {"args", array_of(process.args)},
                         {"env", array_of(environment_of(spec, user))},
                         {"cwd", cwd},
                         {"capabilities", std::move(caps)},
                         {"oomScoreAdj", spec.oom_score_adj}};
  if (process.terminal) result["terminal"] = true;
  if (spec.no_new_privileges) result["noNewPrivileges"] = true;
  if (!spec.ulimits.empty()) result["rlimits"] = rlimits_of(spec);
  return result;
}

json::array namespaces_of(const RunSpec& spec, const Cgroups& cgroups) {
  json::array all;
  auto add = [&](std::string_view type) { all.push_back(json::object{{"type", type}}); };
  add("mount");
  if (spec.network == Network::kNone) add("network");
  add("uts");
  add("pid");
  add("ipc");
  if (cgroups.unified && !spec.privileged) add("cgroup");
  return all;
}

json::object sysctl_of(const RunSpec& spec) {
  json::object all;
  if (spec.network == Network::kNone) {
    all["net.ipv4.ip_unprivileged_port_start"] = "0";
    all["net.ipv4.ping_group_range"] = "0 2147483647";
  }
  if (!spec.domainname.empty()) all["kernel.domainname"] = spec.domainname;
  return all;
}

// Source: dockerd's daemon_unix.go, getCPUResources and getMemoryResources, by what comes out of it.
json::object resources_of(const Resources& limits, json::array device_rules) {
  json::object result = {{"devices", std::move(device_rules)}};
  json::object memory;
  if (limits.memory_bytes != 0) memory["limit"] = limits.memory_bytes;
  if (limits.memory_swap_bytes != 0) memory["swap"] = limits.memory_swap_bytes;
  if (limits.memory_bytes > 0 && limits.memory_swap_bytes == 0) {
    memory["swap"] = 2 * limits.memory_bytes;
  }
  json::object cpu;
  if (limits.cpu_shares != 0) cpu["shares"] = limits.cpu_shares;
  if (limits.nano_cpus > 0) {
    cpu["period"] = kCpuPeriod;
    cpu["quota"] = limits.nano_cpus * kCpuPeriod / 1'000'000'000;
  }
  if (limits.cpu_period != 0) cpu["period"] = limits.cpu_period;
  if (limits.cpu_quota != 0) cpu["quota"] = limits.cpu_quota;
  if (!limits.cpuset_cpus.empty()) cpu["cpus"] = limits.cpuset_cpus;
  if (!limits.cpuset_mems.empty()) cpu["mems"] = limits.cpuset_mems;
  if (!memory.empty()) result["memory"] = std::move(memory);
  if (!cpu.empty()) result["cpu"] = std::move(cpu);
  if (limits.pids_limit > 0) result["pids"] = json::object{{"limit", limits.pids_limit}};
  return result;
}

Result<json::object> linux_of(const RunSpec& spec, const Cgroups& cgroups,
                              const std::vector<std::string>& capabilities) {
  STRATA_TRY(DeviceList devices, devices_of(spec));
  json::object linux = {{"namespaces", namespaces_of(spec, cgroups)}};
  if (json::object sysctl = sysctl_of(spec); !sysctl.empty()) linux["sysctl"] = std::move(sysctl);
  if (!devices.nodes.empty()) linux["devices"] = std::move(devices.nodes);
  if (cgroups.writable) {
    linux["resources"] = resources_of(spec.resources, std::move(devices.rules));
    linux["cgroupsPath"] = "/" + cgroup_name(spec.id);
  } else if (spec.resources != Resources()) {
    return error(ErrorCode::kUnsupported,
                 "limits of memory, processors or processes need cgroups, and {}", cgroups.why_not);
  }
  if (spec.privileged) return linux;
  linux["maskedPaths"] = masked_paths();
  linux["readonlyPaths"] = read_only_paths();
  if (spec.seccomp) linux["seccomp"] = seccomp_profile(capabilities);
  return linux;
}

void add_compiled_filter(json::object& config) {
  const json::value* profile = config.at("linux").as_object().if_contains("seccomp");
  if (profile == nullptr) return;
  const std::string_view filter = compiled_filter(profile->as_object());
  if (!filter.empty()) config["annotations"] = json::object{{kFilterAnnotation, filter}};
}

}  // namespace

json::array masked_paths() { return array_of(kMaskedPaths); }
json::array read_only_paths() { return array_of(kReadOnlyPaths); }

std::vector<std::string> environment_of(const RunSpec& spec, const User& user) {
  std::vector<std::string> env = {std::string(kDefaultPath), "HOSTNAME=" + spec.hostname};
  if (spec.process.terminal) env.push_back("TERM=xterm");
  // A name alone takes away what every container has, not what the container was told itself.
  const std::vector<std::string> everybodys = env;
  for (const std::string& variable : spec.process.env) {
    if (variable.find('=') != variable.npos) {
      set_variable(env, variable);
    } else if (has_name(everybodys, variable)) {
      erase_name(env, variable);
    }
  }
  if (!has_name(env, "HOME")) env.push_back("HOME=" + user.home);
  return env;
}

Result<std::string> oci_spec(const RunSpec& spec, const User& user, const Cgroups& cgroups) {
  STRATA_TRY(std::vector<std::string> capabilities, capabilities_of(spec));
  STRATA_TRY(json::object process, process_of(spec, user, capabilities));
  STRATA_TRY(json::object linux, linux_of(spec, cgroups, capabilities));
  json::object root = {{"path", spec.rootfs}};
  if (spec.read_only_rootfs) root["readonly"] = true;
  json::object config = {{"ociVersion", "1.0.2"},
                         {"process", std::move(process)},
                         {"root", std::move(root)},
                         {"hostname", spec.hostname},
                         {"mounts", mounts_of(spec, cgroups)},
                         {"linux", std::move(linux)}};
  add_compiled_filter(config);
  return oci::go_json(config);
}

}  // namespace strata::runtime
