// SPDX-License-Identifier: Apache-2.0
#include "cli/container_rows.h"

#include <algorithm>
#include <array>

#include "cli/formatter.h"
#include "cli/go_print.h"
#include "cli/names.h"
#include "cli/time_text.h"
#include "cli/units.h"
#include "driver/tree_size.h"
#include "oci/json.h"
#include "runtime/container_files.h"
#include "store/remove_layers.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr size_t kCommandColumns = 20;
constexpr size_t kMountColumns = 15;
constexpr size_t kShortId = 12;

std::string id_of(const ContainerRow& row) {
  return row.truncate ? row.record.id.substr(0, kShortId) : row.record.id;
}

std::string image_of(const ContainerRow& row) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (!row.truncate || !row.image.starts_with(kAlgorithm)) return row.image;
  return row.image.substr(kAlgorithm.size(), kShortId);
}

std::string command_of(const ContainerRow& row) {
  return go_quote(row.truncate ? ellipsis(row.command, kCommandColumns) : row.command);
}

std::string status_text(const ContainerRow& row) {
  const runtime::ContainerStatus& status = row.status;
  const int64_t now = oci::current_time().seconds;
  if (status.running) {
    return fmt::format("Up {}{}",
                       human_duration(std::chrono::seconds(now - status.started.seconds)),
                       status.paused ? " (Paused)" : "");
  }
  if (status.dead) return "Dead";
  if (status.started.is_zero()) return "Created";
  if (status.finished.is_zero()) return "";
  return fmt::format("Exited ({}) {} ago", status.exit_code,
                     human_duration(std::chrono::seconds(now - status.finished.seconds)));
}

std::string size_of(const ContainerRow& row) {
  std::string size = human_size(static_cast<double>(row.size_bytes), 3);
  if (row.image_bytes == 0) return size;
  return fmt::format("{} (virtual {})", size,
                     human_size(static_cast<double>(row.size_bytes + row.image_bytes), 3));
}

std::string labels_text(const ContainerRow& row) {
  std::string text;
  if (!row.record.config.labels) return text;
  for (const auto& [name, value] : *row.record.config.labels) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, value);
  }
  return text;
}

std::string mounts_of(const ContainerRow& row) {
  std::string text;
  for (const runtime::MountPoint& mount : row.mounts) {
    std::string name = mount.name.empty() ? mount.source : mount.name;
    if (row.truncate) name = ellipsis(name, kMountColumns);
    text += (text.empty() ? "" : ",") + name;
  }
  return text;
}

std::string local_volumes_of(const ContainerRow& row) {
  return std::to_string(
      std::count_if(row.mounts.begin(), row.mounts.end(),
                    [](const runtime::MountPoint& mount) { return mount.driver == "local"; }));
}

const std::array<Column<ContainerRow>, 14> kColumnTable{{
    {"Command", "COMMAND", command_of},
    {"CreatedAt", "CREATED AT",
     [](const ContainerRow& row) { return local_time_string(row.record.created.seconds); }},
    {"ID", "CONTAINER ID", id_of},
    {"Image", "IMAGE", image_of},
    {"Labels", "LABELS", labels_text},
    {"LocalVolumes", "LOCAL VOLUMES", local_volumes_of},
    {"Mounts", "MOUNTS", mounts_of},
    {"Names", "NAMES", [](const ContainerRow& row) { return row.record.name; }},
    {"Networks", "NETWORKS", [](const ContainerRow& row) { return row.network; }},
    {"Ports", "PORTS", [](const ContainerRow&) { return std::string(); }},
    {"RunningFor", "CREATED", [](const ContainerRow& row) { return ago(row.record.created); }},
    {"Size", "SIZE", size_of},
    {"State", "STATE", [](const ContainerRow& row) { return std::string(row.status.word()); }},
    {"Status", "STATUS", status_text},
}};
const std::span<const Column<ContainerRow>> kColumns(kColumnTable);

std::string command_text(const boost::json::object& json) {
  Result<std::string> path = oci::get_string(json, "Container", "Path");
  Result<std::vector<std::string>> args = oci::get_strings(json, "Container", "Args");
  std::string text = path.ok() ? *path : "";
  for (const std::string& arg : args.ok() ? *args : std::vector<std::string>()) {
    text += arg.find(' ') == arg.npos ? " " + arg : fmt::format(" '{}'", arg);
  }
  return text;
}

std::string image_text(const store::Store& store, const runtime::ContainerRecord& record) {
  Result<store::Resolved> named = store::resolve(store, record.config.image);
  const bool still = named.ok() && named->image == record.image;
  return still ? record.config.image : record.image.to_string();
}

Result<uint64_t> written_bytes(const store::Store& store, const std::string& id) {
  STRATA_TRY(store::LayerMount mount, runtime::find_mount(store, id));
  STRATA_TRY(CacheId cache, CacheId::parse(mount.mount_id));
  STRATA_TRY(Fd files, store.driver().open_files(cache));
  return driver::tree_size_bytes(files);
}

Result<uint64_t> bytes_of_image(const store::Store& store, const std::string& id) {
  STRATA_TRY(store::LayerMount mount, runtime::find_mount(store, id));
  uint64_t bytes = 0;
  if (!mount.parent) return bytes;
  STRATA_TRY(std::vector<store::Layer> layers, store.layers().read_chain(*mount.parent));
  for (const store::Layer& layer : layers) bytes += layer.size_bytes;
  return bytes;
}

Result<ContainerRow> read_row(const store::Store& store, const std::string& id, bool sizes) {
  ContainerRow row;
  STRATA_TRY(row.record, runtime::read_container(store, id));
  STRATA_TRY(row.status, runtime::status_of(store, row.record));
  STRATA_TRY(row.mounts, runtime::mount_points_of(row.record.json));
  STRATA_TRY(runtime::HostConfig host, runtime::read_host_config(store, id));
  row.network = host.network_mode == "default" ? "bridge" : host.network_mode;
  row.command = command_text(row.record.json);
  row.image = image_text(store, row.record);
  if (!sizes) return row;
  // Where the layers cannot be read the sizes are not known, and the container is listed.
  Result<uint64_t> written = written_bytes(store, id);
  row.size_bytes = written.ok() ? *written : 0;
  Result<uint64_t> image = bytes_of_image(store, id);
  row.image_bytes = image.ok() ? *image : 0;
  return row;
}

}  // namespace

Result<std::vector<ContainerRow>> list_container_rows(const store::Store& store, bool sizes) {
  std::vector<ContainerRow> rows;
  STRATA_TRY(std::vector<store::Container> containers, store.containers());
  for (const store::Container& container : containers) {
    Result<ContainerRow> row = read_row(store, container.id, sizes);
    if (row.ok()) rows.push_back(std::move(*row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const ContainerRow& a, const ContainerRow& b) {
    return a.record.created > b.record.created;
  });
  return rows;
}

oci::ConfigSummary labels_of(const runtime::ContainerRecord& record) {
  oci::ConfigSummary summary;
  if (!record.config.labels) return summary;
  summary.labels.assign(record.config.labels->begin(), record.config.labels->end());
  return summary;
}

Value container_row(ContainerRow row) {
  return Value::record(std::make_shared<RowRecord<ContainerRow>>("*formatter.ContainerContext",
                                                                 kColumns, std::move(row)));
}

Value container_headings() { return headings_of(kColumns); }

std::string raw_container_format(bool sizes) {
  return "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: "
         "{{.CreatedAt}}\n"
         "state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n"
         "labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n" +
         std::string(sizes ? "size: {{.Size}}\n" : "");
}

}  // namespace strata::cli
