// SPDX-License-Identifier: Apache-2.0
#include "runtime/remove.h"

#include <csignal>

#include "runtime/container_files.h"
#include "runtime/container_record.h"
#include "runtime/container_status.h"
#include "runtime/rootfs.h"
#include "runtime/signal_container.h"
#include "store/container_layers.h"

namespace strata::runtime {
namespace {

constexpr int kKilled = 128 + SIGKILL;

Error running_error(const std::string& id) {
  return error(ErrorCode::kConflict,
               "You cannot remove a running container {}. Stop the container before attempting "
               "removal or force remove",
               id);
}

// Keeps everybody else away from the container.
Result<RunFolder> take_for_removal(const Fd& state, const std::string& id, bool force) {
  Result<RunFolder> run = RunFolder::create(state, id);
  if (run.ok() || run.error().code() != ErrorCode::kConflict) return run;
  if (!force) return running_error(id);
  STRATA_CHECK(signal_container(state, id, SIGKILL));
  STRATA_CHECK(wait_for_container(state, id, -1));
  return RunFolder::create(state, id);
}

Status remove_anonymous_volumes(const store::Store& store, const std::vector<MountPoint>& points) {
  for (const MountPoint& point : points) {
    if (point.anonymous) STRATA_CHECK(remove_volume(store.root(), point.name));
  }
  return {};
}

Status settle(store::Store& store, const Fd& state, const store::Container& container) {
  STRATA_TRY(bool lives, run_lives(state, container.id));
  if (lives) return {};
  STRATA_TRY(ContainerRecord record, read_container(store, container.id));
  if (is_process_of(record.pid, record.id)) return {};
  STRATA_TRY(HostConfig host, read_host_config(store, record.id));
  if (host.auto_remove)
    return remove_container(store, record.id, {.force = false, .volumes = true});
  STRATA_TRY(RunFolder run, RunFolder::create(state, record.id));
  return change_container(store, record.id, Wait::kForDisk, [](boost::json::object& json) {
    set_exited(json, kKilled, oci::current_time());
  });
}

}  // namespace

Status remove_container(store::Store& store, const std::string& id,
                        const RemoveContainerOptions& options) {
  STRATA_TRY(Fd state, open_run_state(store));
  STRATA_TRY(RunFolder run, take_for_removal(state, id, options.force));
  std::vector<MountPoint> points;
  Result<ContainerRecord> record = read_container(store, id);
  if (!record.ok() && record.error().code() == ErrorCode::kNotFound) {
    return std::move(record).error();
  }
  if (record.ok()) {
    if (record->running && is_process_of(record->pid, id)) return running_error(id);
    STRATA_TRY(points, mount_points_of(record->json));
  }
  STRATA_CHECK(store::remove_container(store, id));
  if (options.volumes) STRATA_CHECK(remove_anonymous_volumes(store, points));
  return run.remove();
}

Status settle_killed_containers(store::Store& store) {
  STRATA_TRY(Fd state, open_run_state(store));
  STRATA_CHECK(remove_dead_runs(state));
  STRATA_TRY(std::vector<store::Container> containers, store.containers());
  for (const store::Container& container : containers) {
    if (!container.running) continue;
    Status settled = settle(store, state, container);
    // Another process was quicker, or has just started it.
    const bool raced = !settled.ok() && (settled.error().code() == ErrorCode::kConflict ||
                                         settled.error().code() == ErrorCode::kNotFound);
    if (!settled.ok() && !raced) return settled;
  }
  return {};
}

}  // namespace strata::runtime
