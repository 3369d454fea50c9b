// SPDX-License-Identifier: Apache-2.0
#include "store/containers.h"

#include <algorithm>

#include "driver/driver.h"
#include "oci/json.h"

namespace strata::store {
namespace {

Result<Container> read_container(const Fd& root, const std::string& id) {
  STRATA_TRY(std::string text, read_file_at(root, fmt::format("containers/{}/config.v2.json", id)));
  STRATA_TRY(boost::json::value parsed, oci::parse_json(text, id));
  const boost::json::object* config = parsed.if_object();
  if (config == nullptr) return error(ErrorCode::kCorrupt, "container {}: expected an object", id);
  Container container;
  container.id = id;
  STRATA_TRY(container.name, oci::get_string(*config, "Container", "Name"));
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  STRATA_TRY(std::string image, oci::get_string(*config, "Container", "Image"));
  STRATA_TRY(container.image, ImageId::parse(image));
  STRATA_TRY(const boost::json::object* state,
             oci::get_object(*config, "Container", "State", "container.State"));
  if (state != nullptr) {
    STRATA_TRY(container.running, oci::get_bool(*state, "State", "Running"));
  }
  STRATA_TRY(const boost::json::object* run,
             oci::get_object(*config, "Container", "Config", "container.Config"));
  if (run != nullptr) {
    STRATA_TRY(container.image_name, oci::get_string(*run, "Config", "Image"));
  }
  return container;
}

}  // namespace

Result<std::vector<Container>> list_containers(const Fd& root) {
  std::vector<Container> containers;
  Result<std::vector<DirEntry>> entries = list_dir_at(root, "containers");
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) return containers;
  if (!entries.ok()) return std::move(entries).error();
  for (const DirEntry& entry : *entries) {
    Result<Container> container = read_container(root, entry.name);
    // One that is there, and cannot be read just now, may use what somebody wants to remove.
    if (!container.ok() && !driver::is_damage(container.error())) {
      return std::move(container).error();
    }
    if (container.ok()) containers.push_back(std::move(container).value());
  }
  std::sort(containers.begin(), containers.end(),
            [](const Container& a, const Container& b) { return a.id < b.id; });
  return containers;
}

}  // namespace strata::store
