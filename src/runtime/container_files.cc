// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_files.h"

#include "hash/digest.h"
#include "oci/json.h"

namespace strata::runtime {
namespace {

namespace json = boost::json;

constexpr std::string_view kConfig = "config.v2.json";

json::object new_state() {
  const std::string never = oci::format_time(oci::Time());
  return {{"Running", false},
          {"Paused", false},
          {"Restarting", false},
          {"OOMKilled", false},
          {"RemovalInProgress", false},
          {"Dead", false},
          {"Pid", 0},
          {"ExitCode", 0},
          {"Error", ""},
          {"StartedAt", never},
          {"FinishedAt", never},
          {"Health", nullptr}};
}

// Path and Args: what is executed, and with what.
void add_command(json::object& out, const oci::ContainerConfig& config) {
  std::vector<std::string> words = config.entrypoint.value_or(std::vector<std::string>());
  const std::vector<std::string> cmd = config.cmd.value_or(std::vector<std::string>());
  words.insert(words.end(), cmd.begin(), cmd.end());
  json::array args;
  for (size_t i = 1; i < words.size(); ++i) args.emplace_back(words[i]);
  out.emplace("Path", words.empty() ? "" : words[0]);
  out.emplace("Args", std::move(args));
}

json::object new_container(const std::string& id, const std::string& name,
                           const NewContainer& wanted, const std::vector<MountPoint>& points,
                           std::string_view driver) {
  json::object out = {{"StreamConfig", json::object()}, {"State", new_state()}, {"ID", id}};
  out.emplace("Created", oci::format_time(oci::current_time()));
  out.emplace("Managed", false);
  add_command(out, wanted.config);
  out.emplace("Config", wanted.config.to_json());
  out.emplace("Image", wanted.image.to_string());
  out.emplace("NetworkSettings", network_settings(wanted.host.network_mode));
  out.emplace("LogPath", "");
  out.emplace("Name", "/" + name);
  out.emplace("Driver", driver);
  out.emplace("OS", "linux");
  out.emplace("MountLabel", "");
  out.emplace("ProcessLabel", "");
  out.emplace("RestartCount", 0);
  out.emplace("HasBeenStartedBefore", false);
  out.emplace("HasBeenManuallyStopped", false);
  json::object mounts;
  for (const MountPoint& point : points) mounts.emplace(point.destination, point.to_json());
  out.emplace("MountPoints", std::move(mounts));
  out.emplace("SecretReferences", nullptr);
  out.emplace("ConfigReferences", nullptr);
  for (const char* text : {"AppArmorProfile", "HostnamePath", "HostsPath", "ShmPath",
                           "ResolvConfPath", "SeccompProfile"}) {
    out.emplace(text, "");
  }
  const auto& security = wanted.host.security_opt;
  auto has = [&](std::string_view option) {
    return std::find(security.begin(), security.end(), option) != security.end();
  };
  if (has("seccomp=unconfined")) out["SeccompProfile"] = "unconfined";
  out.emplace("NoNewPrivileges", has("no-new-privileges") || has("no-new-privileges:true"));
  out.emplace("LocalLogCacheMeta", json::object{{"HaveNotifyEnabled", false}});
  return out;
}

json::object& state_of(json::object& container) {
  json::value& state = container["State"];
  if (!state.is_object()) state = new_state();
  return state.get_object();
}

Status replace(const Fd& folder, const std::string& text, Wait wait) {
  if (wait == Wait::kForDisk) return replace_file_at(folder, std::string(kConfig), text, 0600);
  const std::string staged = fmt::format(".tmp-{}{}", kConfig, random_hex(4));
  STRATA_CHECK(write_file_at(folder, staged, text, 0600));
  return rename_at(folder, staged, folder, std::string(kConfig), Existing::kReplace);
}

}  // namespace

Status write_container_files(const Fd& folder, const std::string& id, const std::string& name,
                             const NewContainer& wanted, const std::vector<MountPoint>& points,
                             std::string_view driver) {
  STRATA_CHECK(mkdir_at(folder, "checkpoints", 0700));
  const json::object container = new_container(id, name, wanted, points, driver);
  STRATA_CHECK(write_file_at(folder, "hostconfig.json", wanted.host.to_text(), 0644));
  return write_file_at(folder, std::string(kConfig), oci::go_json(container), 0600);
}

Status change_container(const store::Store& store, const std::string& id, Wait wait,
                        const std::function<void(json::object&)>& change) {
  STRATA_TRY(Fd folder, open_dir_at(store.root(), container_folder(id)));
  STRATA_TRY(std::string text, read_file_at(folder, std::string(kConfig)));
  STRATA_TRY(json::value parsed, oci::parse_json(text, container_folder(id)));
  if (!parsed.is_object()) return oci::type_error(parsed, "container.Container");
  change(parsed.get_object());
  return replace(folder, oci::go_json(parsed), wait);
}

void set_running(json::object& container, int pid, const oci::Time& started) {
  json::object& state = state_of(container);
  state["Running"] = true;
  state["Pid"] = pid;
  state["ExitCode"] = 0;
  state["Error"] = "";
  state["Dead"] = false;
  state["StartedAt"] = oci::format_time(started);
  container["HasBeenStartedBefore"] = true;
}

void set_exited(json::object& container, int exit_code, const oci::Time& finished,
                const std::string& failure) {
  json::object& state = state_of(container);
  state["Running"] = false;
  state["Paused"] = false;
  state["Pid"] = 0;
  state["ExitCode"] = exit_code;
  state["Error"] = failure;
  state["FinishedAt"] = oci::format_time(finished);
}

Result<std::vector<MountPoint>> mount_points_of(const json::object& container) {
  std::vector<MountPoint> points;
  STRATA_TRY(const json::object* members,
             oci::get_object(container, "Container", "MountPoints", "map[string]MountPoint"));
  if (members == nullptr) return points;
  for (const auto& member : *members) {
    if (!member.value().is_object()) return oci::type_error(member.value(), "mounts.MountPoint");
    STRATA_TRY(MountPoint point, MountPoint::parse(member.value().get_object()));
    points.push_back(std::move(point));
  }
  std::sort(points.begin(), points.end(),
            [](const MountPoint& a, const MountPoint& b) { return a.destination < b.destination; });
  return points;
}

Result<HostConfig> read_host_config(const store::Store& store, const std::string& id) {
  STRATA_TRY(std::string text,
             read_file_at(store.root(), container_folder(id) + "/hostconfig.json"));
  return HostConfig::parse(text);
}

std::string container_folder(const std::string& id) { return "containers/" + id; }
std::string log_name(const std::string& id) { return id + "-json.log"; }

}  // namespace strata::runtime
