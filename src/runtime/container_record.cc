// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_record.h"

#include "oci/json.h"

namespace strata::runtime {
namespace {

constexpr std::string_view kFolder = "containers";
constexpr std::string_view kOwner = "Container";

Error no_such_container(std::string_view text) {
  return error(ErrorCode::kNotFound, "No such container: {}", text);
}

// True for what can be the name of a container's folder.
bool is_folder_name(std::string_view text) { return CacheId::parse(text).ok(); }

Status read_state(ContainerRecord& record) {
  STRATA_TRY(const boost::json::object* state,
             oci::get_object(record.json, kOwner, "State", "container.State"));
  if (state == nullptr) return {};
  STRATA_TRY(record.running, oci::get_bool(*state, "State", "Running"));
  STRATA_TRY(record.paused, oci::get_bool(*state, "State", "Paused"));
  STRATA_TRY(record.pid, oci::get_int64(*state, "State", "Pid"));
  return {};
}

Result<ContainerRecord> parse_record(const std::string& id, const std::string& text) {
  STRATA_TRY(boost::json::value parsed, oci::parse_json(text));
  ContainerRecord record;
  record.id = id;
  if (!parsed.is_object()) return oci::type_error(parsed, "container.Container");
  record.json = std::move(parsed.get_object());
  const boost::json::object& json = record.json;
  STRATA_TRY(record.name, oci::get_string(json, kOwner, "Name"));
  if (record.name.starts_with('/')) record.name.erase(0, 1);
  if (const boost::json::value* created = oci::find_member(json, "Created")) {
    STRATA_TRY(record.created, oci::parse_json_time(oci::go_json(*created)));
  }
  STRATA_TRY(std::string image, oci::get_string(json, kOwner, "Image"));
  STRATA_TRY(record.image, ImageId::parse(image));
  STRATA_TRY(record.driver, oci::get_string(json, kOwner, "Driver"));
  STRATA_TRY(const boost::json::object* config,
             oci::get_object(json, kOwner, "Config", "container.Config"));
  if (config != nullptr) {
    STRATA_TRY(record.config, oci::ContainerConfig::parse(*config));
  }
  STRATA_CHECK(read_state(record));
  return record;
}

}  // namespace

Result<ContainerRecord> read_container(const store::Store& store, const std::string& id) {
  std::string path = fmt::format("{}/{}/config.v2.json", kFolder, id);
  STRATA_TRY(std::optional<std::string> text, read_file_if_exists_at(store.root(), path));
  if (!text) return no_such_container(id);
  Result<ContainerRecord> record = parse_record(id, *text);
  if (record.ok()) return record;
  return error(ErrorCode::kCorrupt, "{}: {}", path, record.error().message());
}

Result<ContainerRecord> find_container(const store::Store& store, std::string_view text) {
  if (is_folder_name(text)) {
    STRATA_TRY(bool there, exists_at(store.root(), fmt::format("{}/{}", kFolder, text)));
    if (there) return read_container(store, std::string(text));
  }
  STRATA_TRY(std::vector<store::Container> containers, store.containers());
  std::string_view name = text.starts_with('/') ? text.substr(1) : text;
  std::vector<std::string> ids;
  for (const store::Container& container : containers) {
    if (!name.empty() && container.name == name) return read_container(store, container.id);
    if (!text.empty() && container.id.starts_with(text)) ids.push_back(container.id);
  }
  if (ids.empty()) return no_such_container(text);
  if (ids.size() == 1) return read_container(store, ids.front());
  return error(ErrorCode::kConflict, "Multiple IDs found with provided prefix: {}", text);
}

Result<store::LayerMount> find_mount(const store::Store& store, const std::string& container_id) {
  STRATA_TRY(std::vector<store::LayerMount> mounts, store.layers().mounts());
  for (store::LayerMount& mount : mounts) {
    if (mount.container_id == container_id && !mount.mount_id.empty()) return std::move(mount);
  }
  return error(ErrorCode::kNotFound, "container {}: its writable layer is not recorded",
               container_id);
}

}  // namespace strata::runtime
