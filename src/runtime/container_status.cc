// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_status.h"

#include "oci/json.h"
#include "runtime/rootfs.h"
#include "runtime/signal_container.h"

namespace strata::runtime {
namespace {

constexpr int kKilled = 137;

Result<oci::Time> time_in(const boost::json::object& state, std::string_view name) {
  STRATA_TRY(std::string text, oci::get_string(state, "State", name));
  if (text.empty()) return oci::Time();
  return oci::parse_time(text);
}

// Nobody may have made it yet; then nothing of ours runs.
Result<bool> lives(const store::Store& store, const std::string& id) {
  Result<Fd> state = open_dir_at(store.root(), kRunState);
  if (!state.ok() && state.error().code() == ErrorCode::kNotFound) return false;
  if (!state.ok()) return std::move(state).error();
  return run_lives(*state, id);
}

int64_t pid_of(const store::Store& store, const ContainerRecord& record) {
  Result<Fd> state = open_dir_at(store.root(), kRunState);
  const int pid = state.ok() ? program_pid(*state, record.id) : 0;
  return pid > 0 ? pid : record.pid;
}

// Empty when there is no such process.
std::string proc_file(int64_t pid, std::string_view name) {
  Result<Fd> file = open_path(fmt::format("/proc/{}/{}", pid, name), O_RDONLY);
  if (!file.ok()) return {};
  FdSource source(file->get());
  Result<std::string> text = read_to_end(source, kSmallFileBytes);
  return text.ok() ? *text : std::string();
}

// pid (name) state ...: a process that has ended keeps its place until its parent has asked for it.
bool has_ended(const std::string& stat) {
  const size_t name_end = stat.rfind(") ");
  return name_end == stat.npos || stat[name_end + 2] == 'Z' || stat[name_end + 2] == 'X';
}

}  // namespace

std::string_view ContainerStatus::word() const {
  if (running) return paused ? "paused" : "running";
  if (dead) return "dead";
  return started.is_zero() ? "created" : "exited";
}

bool is_process_of(int64_t pid, const std::string& container_id) {
  if (pid <= 0 || has_ended(proc_file(pid, "stat"))) return false;
  return proc_file(pid, "cgroup").find(container_id) != std::string::npos;
}

Result<ContainerStatus> status_of(const store::Store& store, const ContainerRecord& record) {
  ContainerStatus status;
  STRATA_TRY(const boost::json::object* state,
             oci::get_object(record.json, "Container", "State", "container.State"));
  if (state == nullptr) return status;
  STRATA_TRY(status.exit_code, oci::get_int64(*state, "State", "ExitCode"));
  STRATA_TRY(status.failure, oci::get_string(*state, "State", "Error"));
  STRATA_TRY(status.dead, oci::get_bool(*state, "State", "Dead"));
  STRATA_TRY(status.started, time_in(*state, "StartedAt"));
  STRATA_TRY(status.finished, time_in(*state, "FinishedAt"));
  if (!record.running) return status;
  STRATA_TRY(bool ours, lives(store, record.id));
  status.running = ours || is_process_of(record.pid, record.id);
  status.paused = status.running && record.paused;
  if (status.running) {
    status.pid = ours ? pid_of(store, record) : record.pid;
  } else {
    status.exit_code = kKilled;
    status.finished = status.started;
  }
  return status;
}

}  // namespace strata::runtime
