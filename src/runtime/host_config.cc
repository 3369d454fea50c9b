// SPDX-License-Identifier: Apache-2.0
#include "runtime/host_config.h"

#include "oci/json.h"
#include "runtime/oci_spec.h"

namespace strata::runtime {
namespace {

namespace json = boost::json;

constexpr std::string_view kOwner = "HostConfig";

json::value array_or_null(const std::vector<std::string>& texts) {
  if (texts.empty()) return nullptr;
  json::array all;
  for (const std::string& text : texts) all.emplace_back(text);
  return all;
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array all;
  for (const std::string& text : texts) all.emplace_back(text);
  return all;
}

json::object object_of(const std::map<std::string, std::string>& texts) {
  json::object all;
  for (const auto& [name, text] : texts) all.emplace(name, text);
  return all;
}

Result<std::map<std::string, std::string>> read_texts(const json::object& from,
                                                      std::string_view owner,
                                                      std::string_view name) {
  std::map<std::string, std::string> texts;
  STRATA_TRY(const json::object* members, oci::get_object(from, owner, name, "map[string]string"));
  for (const auto& member : members == nullptr ? json::object() : *members) {
    STRATA_TRY(texts[member.key()], oci::get_string(*members, name, member.key()));
  }
  return texts;
}

json::value or_null(int64_t number) { return number == 0 ? json::value(nullptr) : number; }

json::array devices_json(const std::vector<Device>& devices) {
  json::array all;
  for (const Device& device : devices) {
    all.push_back(json::object{{"PathOnHost", device.source},
                               {"PathInContainer", device.target},
                               {"CgroupPermissions", device.access}});
  }
  return all;
}

json::value ulimits_json(const std::vector<Ulimit>& ulimits) {
  if (ulimits.empty()) return nullptr;
  json::array all;
  for (const Ulimit& limit : ulimits) {
    all.push_back(json::object{{"Name", limit.name},
                               {"Hard", static_cast<int64_t>(limit.hard)},
                               {"Soft", static_cast<int64_t>(limit.soft)}});
  }
  return all;
}

// Members of one struct, appended in its order.
class Writer {
 public:
  template <typename Value>
  Writer& operator()(std::string_view name, Value&& value) {
    object_.emplace(name, json::value(std::forward<Value>(value)));
    return *this;
  }
  json::object take() { return std::move(object_); }

 private:
  json::object object_;
};

void write_first(Writer& out, const HostConfig& host) {
  out("Binds", array_or_null(host.binds))("ContainerIDFile", "");
  out("LogConfig",
      json::object{{"Type", host.log_driver}, {"Config", object_of(host.log_options)}});
  out("NetworkMode", host.network_mode)("PortBindings", json::object());
  out("RestartPolicy", json::object{{"Name", "no"}, {"MaximumRetryCount", 0}});
  out("AutoRemove", host.auto_remove)("VolumeDriver", "")("VolumesFrom", nullptr);
  out("CapAdd", array_or_null(host.cap_add))("CapDrop", array_or_null(host.cap_drop));
  out("CgroupnsMode", "host")("Dns", array_of(host.resolver.servers));
  out("DnsOptions", array_of(host.resolver.options))("DnsSearch", array_of(host.resolver.search));
  out("ExtraHosts", array_or_null(host.extra_hosts));
  out("GroupAdd", array_or_null(host.group_add))("IpcMode", host.ipc_mode)("Cgroup", "");
  out("Links", nullptr)("OomScoreAdj", host.oom_score_adj)("PidMode", host.pid_mode);
  out("Privileged", host.privileged)("PublishAllPorts", false);
  out("ReadonlyRootfs", host.read_only_rootfs);
  out("SecurityOpt", array_or_null(host.security_opt));
  if (!host.tmpfs.empty()) {
    out("Tmpfs", object_of(host.tmpfs));
  }
  out("UTSMode", host.uts_mode)("UsernsMode", "")("ShmSize", host.shm_bytes);
  // A dockerd that opens the root has to know the name: crun is not one that it has by itself.
  out("Runtime", "runc")("ConsoleSize", json::array{0, 0})("Isolation", "");
}

void write_resources(Writer& out, const HostConfig& host) {
  const Resources& limits = host.resources;
  out("CpuShares", limits.cpu_shares)("Memory", limits.memory_bytes);
  out("NanoCpus", limits.nano_cpus)("CgroupParent", "")("BlkioWeight", 0);
  out("BlkioWeightDevice", json::array());
  for (const char* name : {"BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps",
                           "BlkioDeviceWriteIOps"}) {
    out(name, nullptr);
  }
  out("CpuPeriod", limits.cpu_period)("CpuQuota", limits.cpu_quota);
  out("CpuRealtimePeriod", 0)("CpuRealtimeRuntime", 0);
  out("CpusetCpus", limits.cpuset_cpus)("CpusetMems", limits.cpuset_mems);
  out("Devices", devices_json(host.devices))("DeviceCgroupRules", nullptr);
  out("DeviceRequests", nullptr)("KernelMemory", 0)("KernelMemoryTCP", 0)("MemoryReservation", 0);
  out("MemorySwap", limits.memory_swap_bytes)("MemorySwappiness", nullptr);
  out("OomKillDisable", false)("PidsLimit", or_null(limits.pids_limit));
  out("Ulimits", ulimits_json(host.ulimits))("CpuCount", 0)("CpuPercent", 0);
  out("IOMaximumIOps", 0)("IOMaximumBandwidth", 0);
}

Result<std::vector<Device>> read_devices(const json::object& from) {
  std::vector<Device> devices;
  STRATA_TRY(const json::array* list,
             oci::get_array(from, kOwner, "Devices", "[]container.DeviceMapping"));
  if (list == nullptr) return devices;
  for (const json::value& entry : *list) {
    if (!entry.is_object()) return oci::type_error(entry, "container.DeviceMapping");
    Device device;
    STRATA_TRY(device.source, oci::get_string(entry.get_object(), "DeviceMapping", "PathOnHost"));
    STRATA_TRY(device.target,
               oci::get_string(entry.get_object(), "DeviceMapping", "PathInContainer"));
    STRATA_TRY(device.access,
               oci::get_string(entry.get_object(), "DeviceMapping", "CgroupPermissions"));
    devices.push_back(std::move(device));
  }
  return devices;
}

Result<std::vector<Ulimit>> read_ulimits(const json::object& from) {
  std::vector<Ulimit> ulimits;
  STRATA_TRY(const json::array* list, oci::get_array(from, kOwner, "Ulimits", "[]*units.Ulimit"));
  if (list == nullptr) return ulimits;
  for (const json::value& entry : *list) {
    if (!entry.is_object()) return oci::type_error(entry, "units.Ulimit");
    Ulimit limit;
    STRATA_TRY(limit.name, oci::get_string(entry.get_object(), "Ulimit", "Name"));
    STRATA_TRY(int64_t hard, oci::get_int64(entry.get_object(), "Ulimit", "Hard"));
    STRATA_TRY(int64_t soft, oci::get_int64(entry.get_object(), "Ulimit", "Soft"));
    limit.hard = static_cast<uint64_t>(hard);
    limit.soft = static_cast<uint64_t>(soft);
    ulimits.push_back(std::move(limit));
  }
  return ulimits;
}

Result<Resources> read_resources(const json::object& from) {
  Resources limits;
  STRATA_TRY(limits.memory_bytes, oci::get_int64(from, kOwner, "Memory"));
  STRATA_TRY(limits.memory_swap_bytes, oci::get_int64(from, kOwner, "MemorySwap"));
  STRATA_TRY(limits.nano_cpus, oci::get_int64(from, kOwner, "NanoCpus"));
  STRATA_TRY(limits.cpu_shares, oci::get_int64(from, kOwner, "CpuShares"));
  STRATA_TRY(limits.cpu_period, oci::get_int64(from, kOwner, "CpuPeriod"));
  STRATA_TRY(limits.cpu_quota, oci::get_int64(from, kOwner, "CpuQuota"));
  STRATA_TRY(limits.cpuset_cpus, oci::get_string(from, kOwner, "CpusetCpus"));
  STRATA_TRY(limits.cpuset_mems, oci::get_string(from, kOwner, "CpusetMems"));
  STRATA_TRY(limits.pids_limit, oci::get_int64(from, kOwner, "PidsLimit"));
  return limits;
}

Status read_mounts(const json::object& from, HostConfig& host) {
  STRATA_TRY(host.tmpfs, read_texts(from, kOwner, "Tmpfs"));
  STRATA_TRY(const json::array* list, oci::get_array(from, kOwner, "Mounts", "[]mount.Mount"));
  if (list == nullptr) return {};
  for (const json::value& entry : *list) {
    if (!entry.is_object()) return oci::type_error(entry, "mount.Mount");
    STRATA_TRY(MountSpec mount, MountSpec::parse(entry.get_object()));
    host.mounts.push_back(std::move(mount));
  }
  return {};
}

Status read_modes(const json::object& from, HostConfig& host) {
  STRATA_TRY(host.network_mode, oci::get_string(from, kOwner, "NetworkMode"));
  STRATA_TRY(host.ipc_mode, oci::get_string(from, kOwner, "IpcMode"));
  STRATA_TRY(host.pid_mode, oci::get_string(from, kOwner, "PidMode"));
  STRATA_TRY(host.uts_mode, oci::get_string(from, kOwner, "UTSMode"));
  STRATA_TRY(host.runtime, oci::get_string(from, kOwner, "Runtime"));
  STRATA_TRY(const json::object* log,
             oci::get_object(from, kOwner, "LogConfig", "container.LogConfig"));
  if (log == nullptr) return {};
  STRATA_TRY(host.log_driver, oci::get_string(*log, "LogConfig", "Type"));
  STRATA_TRY(host.log_options, read_texts(*log, "LogConfig", "Config"));
  return {};
}

}  // namespace

Result<MountSpec> MountSpec::parse(const json::object& from) {
  MountSpec mount;
  STRATA_TRY(mount.type, oci::get_string(from, "Mount", "Type"));
  STRATA_TRY(mount.source, oci::get_string(from, "Mount", "Source"));
  STRATA_TRY(mount.target, oci::get_string(from, "Mount", "Target"));
  STRATA_TRY(mount.read_only, oci::get_bool(from, "Mount", "ReadOnly"));
  STRATA_TRY(const json::object* bind,
             oci::get_object(from, "Mount", "BindOptions", "mount.BindOptions"));
  if (bind != nullptr) {
    STRATA_TRY(mount.propagation, oci::get_string(*bind, "BindOptions", "Propagation"));
    STRATA_TRY(mount.non_recursive, oci::get_bool(*bind, "BindOptions", "NonRecursive"));
  }
  STRATA_TRY(const json::object* volume,
             oci::get_object(from, "Mount", "VolumeOptions", "mount.VolumeOptions"));
  if (volume != nullptr) {
    STRATA_TRY(mount.no_copy, oci::get_bool(*volume, "VolumeOptions", "NoCopy"));
  }
  STRATA_TRY(const json::object* tmpfs,
             oci::get_object(from, "Mount", "TmpfsOptions", "mount.TmpfsOptions"));
  if (tmpfs != nullptr) {
    STRATA_TRY(mount.tmpfs_bytes, oci::get_int64(*tmpfs, "TmpfsOptions", "SizeBytes"));
    STRATA_TRY(int64_t mode, oci::get_int64(*tmpfs, "TmpfsOptions", "Mode"));
    mount.tmpfs_mode = static_cast<uint32_t>(mode);
  }
  return mount;
}

json::object MountSpec::to_json() const {
  json::object out = {{"Type", type}};
  if (!source.empty()) out.emplace("Source", source);
  out.emplace("Target", target);
  if (read_only) out.emplace("ReadOnly", true);
  if (!propagation.empty() || non_recursive) {
    json::object& bind = out.emplace("BindOptions", json::object()).first->value().as_object();
    if (!propagation.empty()) bind.emplace("Propagation", propagation);
    if (non_recursive) bind.emplace("NonRecursive", true);
  }
  if (no_copy)
    out.emplace("VolumeOptions", json::object{{"NoCopy", true}, {"DriverConfig", json::object()}});
  if (tmpfs_bytes != 0 || tmpfs_mode != 0) {
    json::object& tmpfs = out.emplace("TmpfsOptions", json::object()).first->value().as_object();
    if (tmpfs_bytes != 0) tmpfs.emplace("SizeBytes", tmpfs_bytes);
    if (tmpfs_mode != 0) tmpfs.emplace("Mode", tmpfs_mode);
  }
  return out;
}

Result<HostConfig> HostConfig::parse(std::string_view text) {
  STRATA_TRY(json::value parsed, oci::parse_json(text, "hostconfig.json"));
  if (!parsed.is_object()) return oci::type_error(parsed, "container.HostConfig");
  const json::object& from = parsed.get_object();
  HostConfig host;
  STRATA_TRY(host.binds, oci::get_strings(from, kOwner, "Binds"));
  STRATA_TRY(host.auto_remove, oci::get_bool(from, kOwner, "AutoRemove"));
  STRATA_TRY(host.cap_add, oci::get_strings(from, kOwner, "CapAdd"));
  STRATA_TRY(host.cap_drop, oci::get_strings(from, kOwner, "CapDrop"));
  STRATA_TRY(host.resolver.servers, oci::get_strings(from, kOwner, "Dns"));
  STRATA_TRY(host.resolver.search, oci::get_strings(from, kOwner, "DnsSearch"));
  STRATA_TRY(host.resolver.options, oci::get_strings(from, kOwner, "DnsOptions"));
  STRATA_TRY(host.extra_hosts, oci::get_strings(from, kOwner, "ExtraHosts"));
  STRATA_TRY(host.group_add, oci::get_strings(from, kOwner, "GroupAdd"));
  STRATA_TRY(host.oom_score_adj, oci::get_int64(from, kOwner, "OomScoreAdj"));
  STRATA_TRY(host.privileged, oci::get_bool(from, kOwner, "Privileged"));
  STRATA_TRY(host.read_only_rootfs, oci::get_bool(from, kOwner, "ReadonlyRootfs"));
  STRATA_TRY(host.security_opt, oci::get_strings(from, kOwner, "SecurityOpt"));
  STRATA_TRY(host.shm_bytes, oci::get_int64(from, kOwner, "ShmSize"));
  STRATA_TRY(host.resources, read_resources(from));
  STRATA_TRY(host.devices, read_devices(from));
  STRATA_TRY(host.ulimits, read_ulimits(from));
  if (oci::find_member(from, "Init") != nullptr) {
    STRATA_TRY(host.init, oci::get_bool(from, kOwner, "Init"));
  }
  STRATA_CHECK(read_mounts(from, host));
  STRATA_CHECK(read_modes(from, host));
  return host;
}

std::string HostConfig::to_text() const {
  Writer out;
  write_first(out, *this);
  write_resources(out, *this);
  if (!mounts.empty()) {
    json::array all;
    for (const MountSpec& mount : mounts) all.push_back(mount.to_json());
    out("Mounts", std::move(all));
  }
  out("MaskedPaths", privileged ? json::value(nullptr) : json::value(masked_paths()));
  out("ReadonlyPaths", privileged ? json::value(nullptr) : json::value(read_only_paths()));
  if (init) out("Init", *init);
  return oci::go_json(out.take());
}

json::object network_settings(const std::string& network_mode) {
  Writer end_point;
  for (const char* name : {"IPAMConfig", "Links", "Aliases"}) end_point(name, nullptr);
  for (const char* name : {"NetworkID", "EndpointID", "Gateway", "IPAddress"}) end_point(name, "");
  end_point("IPPrefixLen", 0)("IPv6Gateway", "")("GlobalIPv6Address", "");
  end_point("GlobalIPv6PrefixLen", 0)("MacAddress", "")("DriverOpts", nullptr);
  end_point("IPAMOperational", false);
  Writer out;
  out("Bridge", "")("SandboxID", "")("HairpinMode", false)("LinkLocalIPv6Address", "");
  out("LinkLocalIPv6PrefixLen", 0)("Networks", json::object{{network_mode, end_point.take()}});
  out("Service", nullptr)("Ports", nullptr)("SandboxKey", "");
  out("SecondaryIPAddresses", nullptr)("SecondaryIPv6Addresses", nullptr);
  out("IsAnonymousEndpoint", false)("HasSwarmEndpoint", false);
  return out.take();
}

}  // namespace strata::runtime
