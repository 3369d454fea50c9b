// SPDX-License-Identifier: Apache-2.0
#include "runtime/start.h"

#include "driver/mount.h"
#include "runtime/container_files.h"
#include "runtime/etc_files.h"
#include "runtime/json_log.h"
#include "runtime/oci_runtime.h"
#include "runtime/own_mounts.h"
#include "runtime/remove.h"
#include "runtime/rootfs.h"
#include "runtime/run_spec_of.h"
#include "runtime/signal_container.h"

namespace strata::runtime {
namespace {

// To the user and to the log; either may be null.
class TeeSink final : public ByteSink {
 public:
  TeeSink(ByteSink* user, ByteSink* log) : user_(user), log_(log) {}
  Status write(ByteSpan bytes) override {
    if (log_ != nullptr) STRATA_CHECK(log_->write(bytes));
    return user_ == nullptr ? Status() : user_->write(bytes);
  }
  Status finish() override { return log_ == nullptr ? Status() : log_->finish(); }

 private:
  ByteSink* user_;
  ByteSink* log_;
};

// One start of one container.
class Start {
 public:
  Start(store::Store& store, ContainerRecord record, HostConfig host, RunFolder& run,
        const StartOptions& options)
      : store_(store),
        record_(std::move(record)),
        host_(std::move(host)),
        run_(run),
        options_(options),
        wait_(host_.auto_remove ? Wait::kNotAtAll : Wait::kForDisk) {}

  // The exit code, or why it did not start; recorded, both of them.
  Result<int> run() {
    if (options_.network) host_.network_mode = *options_.network;
    Result<int> exit_code = 0;
    Status mounted = in_own_mounts([&]() -> Status {
      exit_code = run_mounted();
      return {};
    });
    if (!mounted.ok()) return std::move(mounted).error();
    STRATA_CHECK(record_end(exit_code));
    return exit_code;
  }

 private:
  Result<int> run_mounted() {
    STRATA_TRY(folder_, open_dir_at(store_.root(), container_folder(record_.id)));
    STRATA_TRY(path_, driver::path_of(folder_));
    // Of a container that goes at its end nothing need reach the disk.
    STRATA_TRY(Rootfs rootfs, Rootfs::mount(store_, record_, run_,
                                            host_.auto_remove ? driver::FileSyncs::kSkipped
                                                              : driver::FileSyncs::kHonoured));
    STRATA_CHECK(rootfs.make_working_dir(record_));
    STRATA_TRY(auto points, rootfs.open_mount_points(record_, FillVolumes::kNewOnes));
    STRATA_TRY(RunSpec spec, run_spec_of(record_, host_, points));
    spec.rootfs = rootfs.path();
    STRATA_CHECK(ensure_dir_at(folder_, "mounts", 0710));
    STRATA_TRY(std::vector<Mount> files, write_etc_files(spec, folder_, path_));
    spec.mounts.insert(spec.mounts.end(), files.begin(), files.end());
    STRATA_TRY(OciRuntime runtime, find_runtime(options_.runtime));
    STRATA_CHECK(rootfs.make_places(spec.mounts, runtime));
    Result<int> exit_code = run_logged(std::move(spec), runtime);
    if (!host_.auto_remove) STRATA_CHECK(rootfs.unmount());
    return exit_code;
  }

  Result<int> run_logged(RunSpec spec, const OciRuntime& runtime) {
    std::optional<LogFile> log;
    std::optional<LogSink> log_output;
    std::optional<LogSink> log_error;
    if (host_.log_driver != "none") {
      STRATA_TRY(LogLimits limits, LogLimits::parse(host_.log_options));
      STRATA_TRY(log, LogFile::open(folder_, log_name(record_.id), limits));
      log_output.emplace(*log, "stdout");
      log_error.emplace(*log, "stderr");
    }
    TeeSink output(options_.io.output_sink, log ? &*log_output : nullptr);
    TeeSink error(options_.io.error_sink, log ? &*log_error : nullptr);
    RunIo io = options_.io;
    io.output_sink = &output;
    io.error_sink = &error;
    io.on_runtime = [&](int pid) {
      pid_ = pid;
      return record_runtime_pid(run_.folder(), pid);
    };
    io.on_start = [&] { return record_start(); };
    Result<int> exit_code = run_process(std::move(spec), io, run_, runtime.path);
    STRATA_CHECK(output.finish());
    STRATA_CHECK(error.finish());
    return exit_code;
  }

  Status record_start() {
    const oci::Time now = oci::current_time();
    STRATA_CHECK(change_container(store_, record_.id, wait_, [&](boost::json::object& json) {
      set_running(json, pid_, now);
      json["HostnamePath"] = path_ + "/hostname";
      json["HostsPath"] = path_ + "/hosts";
      json["ResolvConfPath"] = path_ + "/resolv.conf";
      json["LogPath"] = host_.log_driver == "none" ? "" : path_ + "/" + log_name(record_.id);
    }));
    return options_.io.on_start ? options_.io.on_start() : Status();
  }

  Status record_end(const Result<int>& exit_code) {
    const oci::Time now = oci::current_time();
    return change_container(store_, record_.id, wait_, [&](boost::json::object& json) {
      if (exit_code.ok()) return set_exited(json, *exit_code, now);
      const bool killed = exit_code.error().code() == ErrorCode::kCancelled;
      if (killed) return set_exited(json, kKilledExit, now);
      // In docker's record 128 stands for what `run` answers with 125.
      const int code = start_failure_exit(exit_code.error());
      set_exited(json, code == kFailedStart ? kNotStarted : code, oci::Time(),
                 exit_code.error().message());
    });
  }

  static constexpr int kKilledExit = 137;
  static constexpr int kFailedStart = 125;
  static constexpr int kNotStarted = 128;
  int pid_ = 0;  // of the runtime

  store::Store& store_;
  const ContainerRecord record_;
  HostConfig host_;
  RunFolder& run_;
  const StartOptions& options_;
  const Wait wait_;
  Fd folder_;         // containers/<id>
  std::string path_;  // the same, absolute
};

}  // namespace

Result<int> start_container(store::Store& store, const std::string& id,
                            const StartOptions& options) {
  STRATA_TRY(Fd state, open_run_state(store));
  STRATA_TRY(RunFolder run, RunFolder::create(state, id));
  // From here on nobody else starts, changes or removes the container.
  STRATA_TRY(ContainerRecord record, read_container(store, id));
  STRATA_TRY(HostConfig host, read_host_config(store, id));
  const bool auto_remove = host.auto_remove;
  Result<int> exit_code = Start(store, std::move(record), std::move(host), run, options).run();
  STRATA_CHECK(run.remove());
  if (!auto_remove) return exit_code;
  STRATA_CHECK(remove_container(store, id, {.force = false, .volumes = true}));
  return exit_code;
}

}  // namespace strata::runtime
