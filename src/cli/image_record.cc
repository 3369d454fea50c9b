// SPDX-License-Identifier: Apache-2.0
// ImageInspect: Id RepoTags RepoDigests Parent Comment Created Container ContainerConfig
// DockerVersion
//   Author Config Architecture [Variant] Os [OsVersion] Size VirtualSize GraphDriver RootFS
// Metadata
// Config:       container.Config; absent lists and maps are null, not empty.
// Source: FORMATS section 10.
#include "cli/image_record.h"

#include <array>

#include "oci/docker_config.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "store/references.h"

namespace strata::cli {
namespace {

namespace json = boost::json;

enum class Form { kText, kFlag, kTexts, kSet, kTextMap, kHealth, kNumber };

struct ConfigField {
  std::string_view name;
  Form form;
  bool omit_empty = false;
};

constexpr std::array kConfigFields{
    ConfigField{"Hostname", Form::kText},
    ConfigField{"Domainname", Form::kText},
    ConfigField{"User", Form::kText},
    ConfigField{"AttachStdin", Form::kFlag},
    ConfigField{"AttachStdout", Form::kFlag},
    ConfigField{"AttachStderr", Form::kFlag},
    ConfigField{"ExposedPorts", Form::kSet, true},
    ConfigField{"Tty", Form::kFlag},
    ConfigField{"OpenStdin", Form::kFlag},
    ConfigField{"StdinOnce", Form::kFlag},
    ConfigField{"Env", Form::kTexts},
    ConfigField{"Cmd", Form::kTexts},
    ConfigField{"Healthcheck", Form::kHealth, true},
    ConfigField{"ArgsEscaped", Form::kFlag, true},
    ConfigField{"Image", Form::kText},
    ConfigField{"Volumes", Form::kSet},
    ConfigField{"WorkingDir", Form::kText},
    ConfigField{"Entrypoint", Form::kTexts},
    ConfigField{"NetworkDisabled", Form::kFlag, true},
    ConfigField{"MacAddress", Form::kText, true},
    ConfigField{"OnBuild", Form::kTexts},
    ConfigField{"Labels", Form::kTextMap},
    ConfigField{"StopSignal", Form::kText, true},
    ConfigField{"StopTimeout", Form::kNumber, true},
    ConfigField{"Shell", Form::kTexts, true},
};

Value text_value(const json::value* found) {
  return Value::string(found != nullptr && found->is_string() ? std::string(found->as_string())
                                                              : "");
}

Value list_value(const json::value* found) {
  Value::List list;
  list.item_type = "string";
  list.nil = found == nullptr || !found->is_array();
  if (!list.nil) {
    for (const json::value& item : found->as_array()) list.items.push_back(text_value(&item));
  }
  return Value::list(std::move(list));
}

Value map_value(const json::value* found, Form form) {
  Value::Map map;
  map.item_type = form == Form::kSet ? "struct {}" : "string";
  map.nil = found == nullptr || !found->is_object();
  if (!map.nil) {
    for (const auto& [key, item] : found->as_object()) {
      map.entries.insert_or_assign(
          std::string(key), form == Form::kSet ? Struct::make("struct {}", {}) : text_value(&item));
    }
  }
  return Value::map(std::move(map));
}

int64_t number_of(const json::value* found) {
  return found != nullptr && found->is_int64() ? found->as_int64() : 0;
}

Value health_value(const json::value* found) {
  if (found == nullptr || !found->is_object()) return Value::nil("*container.HealthConfig");
  const json::object& health = found->as_object();
  auto duration = [&](std::string_view name) {
    return Value::duration(number_of(health.if_contains(name)));
  };
  return Struct::make(
      "*container.HealthConfig",
      {{"Test", "", list_value(health.if_contains("Test")), true},
       {"Interval", "", duration("Interval"), true},
       {"Timeout", "", duration("Timeout"), true},
       {"StartPeriod", "", duration("StartPeriod"), true},
       {"StartInterval", "", duration("StartInterval"), true},
       {"Retries", "", Value::integer(number_of(health.if_contains("Retries"))), true}});
}

Value config_value(const json::value* found, Form form) {
  switch (form) {
    case Form::kText:
      return text_value(found);
    case Form::kFlag:
      return Value::boolean(found != nullptr && found->is_bool() && found->as_bool());
    case Form::kTexts:
      return list_value(found);
    case Form::kSet:
    case Form::kTextMap:
      return map_value(found, form);
    case Form::kHealth:
      return health_value(found);
    case Form::kNumber:
      if (found == nullptr || !found->is_int64()) return Value::nil("*int");
      return Value::integer(found->as_int64(), "*int");
  }
  return Value();
}

// `config` null: none at all.
Result<Value> config_record(const json::object* config, std::string_view owner) {
  if (config == nullptr) return Value::nil("*container.Config");
  STRATA_TRY(json::object checked, oci::container_config_struct(*config, owner));
  std::vector<Struct::Field> fields;
  for (const ConfigField& field : kConfigFields) {
    Value value = config_value(checked.if_contains(field.name), field.form);
    fields.push_back({field.name, "", std::move(value), field.omit_empty});
  }
  return Struct::make("*container.Config", std::move(fields));
}

Result<Value> graph_record(const store::Store& store, const std::vector<ChainId>& chains) {
  driver::GraphData data;
  if (!chains.empty()) {
    STRATA_TRY(store::Layer top, store.layers().read(chains.back()));
    STRATA_TRY(data, store.driver().graph_data(top.cache));
  }
  Value::Map map;
  map.item_type = "string";
  map.nil = data.empty();
  for (auto& [key, text] : data) map.entries.emplace(key, Value::string(text));
  return Struct::make("types.GraphDriverData",
                      {{"Data", "", Value::map(std::move(map))},
                       {"Name", "", Value::string(std::string(store.driver().name()))}});
}

Result<Value> metadata_record(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::string tagged, store.images().last_updated(image));
  if (tagged.empty()) tagged = oci::format_time(oci::Time());
  return Struct::make("types.ImageMetadata", {{"LastTagTime", "", Value::time(std::move(tagged))}});
}

Result<int64_t> total_bytes(const store::Store& store, const std::vector<ChainId>& chains) {
  uint64_t total = 0;
  for (const ChainId& chain : chains) {
    STRATA_TRY(uint64_t layer_bytes, store.layers().size_bytes(chain));
    total += layer_bytes;
  }
  return static_cast<int64_t>(total);
}

Value rootfs_record(const oci::ImageConfig& config) {
  std::vector<std::string> layers;
  for (const DiffId& diff : config.diff_ids()) layers.push_back(diff.to_string());
  // Docker writes "layers" and takes anything.
  const boost::json::value* rootfs = oci::find_member(config.json(), "rootfs");
  const boost::json::value* type = rootfs != nullptr && rootfs->is_object()
                                       ? oci::find_member(rootfs->get_object(), "type")
                                       : nullptr;
  std::string kind(type != nullptr && type->is_string() ? std::string_view(type->get_string())
                                                        : "");
  return Struct::make("types.RootFS", {{"Type", "", Value::string(kind)},
                                       {"Layers", "", Value::strings(layers), true},
                                       {"BaseLayer", "", Value::string(""), true}});
}

std::string comment_of(const oci::ImageConfig& config) {
  if (!config.comment().empty() || config.history().empty()) return config.comment();
  return config.history().back().comment;
}

}  // namespace

Result<Value> image_record(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::string raw, store.images().read_config(image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
  STRATA_TRY(std::optional<ImageId> parent, store.images().parent(image));
  STRATA_TRY(store::References references, store.references());
  std::vector<std::string> tags, digests;
  for (std::string& key : references.of_image(image)) {
    (store::is_digest_key(key) ? digests : tags).push_back(std::move(key));
  }
  const std::vector<ChainId> chains = config.chain_ids();
  STRATA_TRY(int64_t size_bytes, total_bytes(store, chains));
  const json::object none = oci::zero_container_config();
  STRATA_TRY(Value container_config,
             config_record(config.container_config() ? config.container_config() : &none,
                           "Config.container_config"));
  STRATA_TRY(Value run_config, config_record(config.config(), "Config.config"));
  STRATA_TRY(Value graph, graph_record(store, chains));
  STRATA_TRY(Value metadata, metadata_record(store, image));
  STRATA_TRY(std::string os_version, oci::get_string(config.json(), "Image", "os.version"));
  return Struct::make("types.ImageInspect",
                      {{"ID", "Id", Value::string(image.to_string())},
                       {"RepoTags", "", Value::strings(tags)},
                       {"RepoDigests", "", Value::strings(digests)},
                       {"Parent", "", Value::string(parent ? parent->to_string() : "")},
                       {"Comment", "", Value::string(comment_of(config))},
                       {"Created", "", Value::string(oci::format_time(config.created()))},
                       {"Container", "", Value::string(config.container())},
                       {"ContainerConfig", "", std::move(container_config)},
                       {"DockerVersion", "", Value::string(config.docker_version())},
                       {"Author", "", Value::string(config.author())},
                       {"Config", "", std::move(run_config)},
                       {"Architecture", "", Value::string(config.architecture())},
                       {"Variant", "", Value::string(config.variant()), true},
                       {"Os", "", Value::string(config.os_or_default())},
                       {"OsVersion", "", Value::string(os_version), true},
                       {"Size", "", Value::integer(size_bytes, "int64")},
                       {"VirtualSize", "", Value::integer(size_bytes, "int64")},
                       {"GraphDriver", "", std::move(graph)},
                       {"RootFS", "", rootfs_record(config)},
                       {"Metadata", "", std::move(metadata)}});
}

}  // namespace strata::cli
