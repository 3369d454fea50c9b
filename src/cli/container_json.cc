// SPDX-License-Identifier: Apache-2.0
#include "cli/container_json.h"

#include <algorithm>
#include <array>

#include "cli/container_rows.h"
#include "oci/json.h"
#include "runtime/container_files.h"
#include "runtime/container_status.h"

namespace strata::cli {
namespace {

namespace json = boost::json;

// Members that are maps in Go, where a template may ask for any key; other objects are structs.
constexpr std::array kMaps = {"Labels", "Volumes",      "ExposedPorts", "Networks", "Ports",
                              "Data",   "PortBindings", "Tmpfs",        "Sysctls",  "StorageOpt"};

Value value_of(const json::value& from, std::string_view name);

// A struct of docker's, as it stands in JSON.
class JsonRecord final : public Record {
 public:
  explicit JsonRecord(json::object object) : object_(std::move(object)) {}
  std::string type_name() const override { return "types.ContainerJSON"; }
  std::optional<Value> field(std::string_view name) const override {
    const json::value* member = object_.if_contains(name == "ID" ? "Id" : name);
    if (member == nullptr) return std::nullopt;
    return value_of(*member, name);
  }
  std::string json() const override { return oci::go_json(object_); }
  std::string text() const override { return json(); }

 private:
  json::object object_;
};

Value map_of(const json::object& from) {
  Value::Map map;
  map.item_type = "string";
  for (const auto& member : from) {
    map.entries.emplace(member.key(), value_of(member.value(), member.key()));
  }
  return Value::map(std::move(map));
}

Value value_of(const json::value& from, std::string_view name) {
  switch (from.kind()) {
    case json::kind::null:
      return Value::nil();
    case json::kind::bool_:
      return Value::boolean(from.get_bool());
    case json::kind::int64:
      return Value::integer(from.get_int64());
    case json::kind::uint64:
      return Value::number(std::to_string(from.get_uint64()));
    case json::kind::double_:
      return Value::real(from.get_double());
    case json::kind::string:
      return Value::string(std::string(from.get_string()));
    case json::kind::array: {
      Value::List list;
      list.item_type = "string";
      for (const json::value& item : from.get_array()) list.items.push_back(value_of(item, ""));
      return Value::list(std::move(list));
    }
    case json::kind::object:
      break;
  }
  const json::object& object = from.get_object();
  const bool is_map = std::find(kMaps.begin(), kMaps.end(), name) != kMaps.end();
  return is_map ? map_of(object) : Value::record(std::make_shared<JsonRecord>(object));
}

json::value member_of(const json::object& from, std::string_view name, json::value otherwise) {
  const json::value* member = oci::find_member(from, name);
  return member == nullptr ? std::move(otherwise) : *member;
}

json::object state_json(const runtime::ContainerRecord& record,
                        const runtime::ContainerStatus& status) {
  json::object out = {{"Status", status.word()},
                      {"Running", status.running},
                      {"Paused", status.paused},
                      {"Restarting", false},
                      {"OOMKilled", false},
                      {"Dead", status.dead},
                      {"Pid", status.pid},
                      {"ExitCode", status.exit_code},
                      {"Error", status.failure},
                      {"StartedAt", oci::format_time(status.started)},
                      {"FinishedAt", oci::format_time(status.finished)}};
  const json::value* state = oci::find_member(record.json, "State");
  if (state != nullptr && state->is_object()) {
    out["OOMKilled"] = member_of(state->get_object(), "OOMKilled", false);
    const json::value* health = oci::find_member(state->get_object(), "Health");
    if (health != nullptr) out["Health"] = *health;
  }
  return out;
}

Result<json::array> mounts_json(const store::Store& store, const runtime::ContainerRecord& record) {
  STRATA_TRY(std::vector<runtime::MountPoint> points, runtime::mount_points_of(record.json));
  json::array all;
  for (const runtime::MountPoint& point : points) {
    json::object out = {{"Type", point.type}};
    std::string source = point.source;
    if (point.type == "volume") {
      out.emplace("Name", point.name);
      if (source.empty() && point.driver == "local") {
        source = fmt::format("{}/volumes/{}/_data", store.root_path(), point.name);
      }
    }
    out.emplace("Source", source);
    out.emplace("Destination", point.destination);
    if (!point.driver.empty()) out.emplace("Driver", point.driver);
    out.emplace("Mode", point.mode);
    out.emplace("RW", point.writable);
    out.emplace("Propagation", point.propagation);
    all.push_back(std::move(out));
  }
  return all;
}

// Members of one network, or of the first where docker repeats it outside.
json::object network_json(const json::object& record) {
  const json::value* kept = oci::find_member(record, "NetworkSettings");
  const json::object from =
      kept != nullptr && kept->is_object() ? kept->get_object() : json::object();
  json::object out;
  for (const char* name : {"Bridge", "SandboxID"}) out.emplace(name, member_of(from, name, ""));
  out.emplace("HairpinMode", member_of(from, "HairpinMode", false));
  out.emplace("LinkLocalIPv6Address", member_of(from, "LinkLocalIPv6Address", ""));
  out.emplace("LinkLocalIPv6PrefixLen", member_of(from, "LinkLocalIPv6PrefixLen", 0));
  out.emplace("Ports", member_of(from, "Ports", json::object()));
  out.emplace("SandboxKey", member_of(from, "SandboxKey", ""));
  out.emplace("SecondaryIPAddresses", nullptr);
  out.emplace("SecondaryIPv6Addresses", nullptr);
  for (const char* name : {"EndpointID", "Gateway", "GlobalIPv6Address"}) out.emplace(name, "");
  out.emplace("GlobalIPv6PrefixLen", 0);
  out.emplace("IPAddress", "");
  out.emplace("IPPrefixLen", 0);
  for (const char* name : {"IPv6Gateway", "MacAddress"}) out.emplace(name, "");
  json::value networks = member_of(from, "Networks", json::object());
  if (networks.is_object()) {
    for (auto& network : networks.get_object()) {
      if (network.value().is_object()) network.value().get_object().erase("IPAMOperational");
    }
  }
  out.emplace("Networks", std::move(networks));
  return out;
}

Result<json::object> driver_json(const store::Store& store,
                                 const runtime::ContainerRecord& record) {
  json::object data;
  STRATA_TRY(store::LayerMount mount, runtime::find_mount(store, record.id));
  STRATA_TRY(CacheId cache, CacheId::parse(mount.mount_id));
  STRATA_TRY(driver::GraphData graph, store.driver().graph_data(cache));
  for (const auto& [name, value] : graph) data.emplace(name, value);
  return json::object{{"Data", std::move(data)}, {"Name", store.driver().name()}};
}

Status add_sizes(const store::Store& store, const runtime::ContainerRecord& record,
                 json::object& out) {
  STRATA_TRY(std::vector<ContainerRow> rows, list_container_rows(store, true));
  for (const ContainerRow& row : rows) {
    if (row.record.id != record.id) continue;
    out.emplace("SizeRw", row.size_bytes);
    out.emplace("SizeRootFs", row.size_bytes + row.image_bytes);
  }
  return {};
}

}  // namespace

Result<Value> container_value(const store::Store& store, const runtime::ContainerRecord& record,
                              bool size) {
  STRATA_TRY(runtime::ContainerStatus status, runtime::status_of(store, record));
  STRATA_TRY(std::string host_text,
             read_file_at(store.root(), runtime::container_folder(record.id) + "/hostconfig.json"));
  STRATA_TRY(json::value host, oci::parse_json(host_text, "hostconfig.json"));
  const json::object& from = record.json;
  json::object out = {{"Id", record.id}};
  out.emplace("Created", oci::format_time(record.created));
  out.emplace("Path", member_of(from, "Path", ""));
  out.emplace("Args", member_of(from, "Args", json::array()));
  out.emplace("State", state_json(record, status));
  out.emplace("Image", record.image.to_string());
  for (const char* name : {"ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "Name"}) {
    out.emplace(name, member_of(from, name, ""));
  }
  out.emplace("RestartCount", member_of(from, "RestartCount", 0));
  out.emplace("Driver", member_of(from, "Driver", ""));
  out.emplace("Platform", member_of(from, "OS", "linux"));
  for (const char* name : {"MountLabel", "ProcessLabel", "AppArmorProfile"}) {
    out.emplace(name, member_of(from, name, ""));
  }
  out.emplace("ExecIDs", nullptr);
  out.emplace("HostConfig", std::move(host));
  STRATA_TRY(json::object graph, driver_json(store, record));
  out.emplace("GraphDriver", std::move(graph));
  if (size) STRATA_CHECK(add_sizes(store, record, out));
  STRATA_TRY(json::array mounts, mounts_json(store, record));
  out.emplace("Mounts", std::move(mounts));
  out.emplace("Config", record.config.to_json());
  out.emplace("NetworkSettings", network_json(from));
  return Value::record(std::make_shared<JsonRecord>(std::move(out)));
}

}  // namespace strata::cli
