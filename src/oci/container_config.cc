// SPDX-License-Identifier: Apache-2.0
#include "oci/container_config.h"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "oci/docker_config.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

// Readers of members whose types docker_config.h has checked.
std::string text_of(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr || !value->is_string()
             ? std::string()
             : std::string(value->get_string().c_str(), value->get_string().size());
}

bool flag_of(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

int64_t number_of(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

Words words_of(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || !value->is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const json::value& word : value->get_array()) words.emplace_back(word.get_string());
  return words;
}

std::optional<std::set<std::string>> names_of(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || !value->is_object()) return std::nullopt;
  std::set<std::string> names;
  for (const auto& member : value->get_object()) names.emplace(member.key());
  return names;
}

std::optional<std::map<std::string, std::string>> labels_of(const json::object& from) {
  const json::value* value = from.if_contains("Labels");
  if (value == nullptr || !value->is_object()) return std::nullopt;
  std::map<std::string, std::string> labels;
  for (const auto& member : value->get_object()) {
    labels.emplace(member.key(), member.value().get_string());
  }
  return labels;
}

std::optional<Healthcheck> healthcheck_of(const json::object& from) {
  const json::value* value = from.if_contains("Healthcheck");
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const json::object& check = value->get_object();
  Healthcheck out;
  out.test = words_of(check, "Test").value_or(std::vector<std::string>());
  out.interval_ns = number_of(check, "Interval");
  out.timeout_ns = number_of(check, "Timeout");
  out.start_period_ns = number_of(check, "StartPeriod");
  out.start_interval_ns = number_of(check, "StartInterval");
  out.retries = number_of(check, "Retries");
  return out;
}

json::value to_value(const std::vector<std::string>& words) {
  json::array out;
  for (const std::string& word : words) out.emplace_back(word);
  return out;
}
json::value to_value(const Words& words) {
  return words.has_value() ? to_value(*words) : json::value(nullptr);
}
json::value to_value(const std::set<std::string>& names) {
  json::object out;
  for (const std::string& name : names) out.emplace(name, json::object());
  return out;
}
json::value to_value(const Healthcheck& check) {
  json::object out;
  out.emplace("Test", to_value(check.test));
  out.emplace("Interval", check.interval_ns);
  out.emplace("Timeout", check.timeout_ns);
  out.emplace("StartPeriod", check.start_period_ns);
  out.emplace("StartInterval", check.start_interval_ns);
  out.emplace("Retries", check.retries);
  return out;
}

}  // namespace

Result<ContainerConfig> ContainerConfig::parse(const json::object& config, std::string_view owner) {
  STRATA_TRY(const json::object from, container_config_struct(config, owner));
  ContainerConfig out;
  out.hostname = text_of(from, "Hostname");
  out.domainname = text_of(from, "Domainname");
  out.user = text_of(from, "User");
  out.attach_stdin = flag_of(from, "AttachStdin");
  out.attach_stdout = flag_of(from, "AttachStdout");
  out.attach_stderr = flag_of(from, "AttachStderr");
  out.exposed_ports = names_of(from, "ExposedPorts").value_or(std::set<std::string>());
  out.tty = flag_of(from, "Tty");
  out.open_stdin = flag_of(from, "OpenStdin");
  out.stdin_once = flag_of(from, "StdinOnce");
  out.env = words_of(from, "Env");
  out.cmd = words_of(from, "Cmd");
  out.healthcheck = healthcheck_of(from);
  out.args_escaped = flag_of(from, "ArgsEscaped");
  out.image = text_of(from, "Image");
  out.volumes = names_of(from, "Volumes");
  out.working_dir = text_of(from, "WorkingDir");
  out.entrypoint = words_of(from, "Entrypoint");
  out.network_disabled = flag_of(from, "NetworkDisabled");
  out.mac_address = text_of(from, "MacAddress");
  out.on_build = words_of(from, "OnBuild");
  out.labels = labels_of(from);
  out.stop_signal = text_of(from, "StopSignal");
  if (from.contains("StopTimeout")) out.stop_timeout = number_of(from, "StopTimeout");
  out.shell = words_of(from, "Shell").value_or(std::vector<std::string>());
  return out;
}

json::object ContainerConfig::to_json() const {
  json::object out;
  out.emplace("Hostname", hostname);
  out.emplace("Domainname", domainname);
  out.emplace("User", user);
  out.emplace("AttachStdin", attach_stdin);
  out.emplace("AttachStdout", attach_stdout);
  out.emplace("AttachStderr", attach_stderr);
  out.emplace("ExposedPorts", to_value(exposed_ports));
  out.emplace("Tty", tty);
  out.emplace("OpenStdin", open_stdin);
  out.emplace("StdinOnce", stdin_once);
  out.emplace("Env", to_value(env));
  out.emplace("Cmd", to_value(cmd));
  if (healthcheck.has_value()) out.emplace("Healthcheck", to_value(*healthcheck));
  out.emplace("ArgsEscaped", args_escaped);
  out.emplace("Image", image);
  if (volumes.has_value()) out.emplace("Volumes", to_value(*volumes));
  out.emplace("WorkingDir", working_dir);
  out.emplace("Entrypoint", to_value(entrypoint));
  out.emplace("NetworkDisabled", network_disabled);
  out.emplace("MacAddress", mac_address);
  out.emplace("OnBuild", to_value(on_build));
  if (labels.has_value()) {
    json::object pairs;
    for (const auto& [name, value] : *labels) pairs.emplace(name, value);
    out.emplace("Labels", std::move(pairs));
  }
  out.emplace("StopSignal", stop_signal);
  if (stop_timeout.has_value()) out.emplace("StopTimeout", *stop_timeout);
  out.emplace("Shell", to_value(shell));
  // Members of right types only: encoding cannot fail. It sorts, and drops what is empty.
  return container_config_struct(out, "Config").value();
}

std::optional<std::string_view> find_env(const Words& env, std::string_view name) {
  if (!env.has_value()) return std::nullopt;
  for (const std::string& entry : *env) {
    const size_t equals = entry.find('=');
    if (std::string_view(entry).substr(0, equals) != name) continue;
    return equals == entry.npos ? std::string_view() : std::string_view(entry).substr(equals + 1);
  }
  return std::nullopt;
}

void set_env(Words& env, std::string_view name, std::string_view value) {
  if (!env.has_value()) env.emplace();
  std::string entry = fmt::format("{}={}", name, value);
  for (std::string& old : *env) {
    if (std::string_view(old).substr(0, old.find('=')) != name) continue;
    old = std::move(entry);
    return;
  }
  env->push_back(std::move(entry));
}

}  // namespace strata::oci
