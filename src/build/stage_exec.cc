// SPDX-License-Identifier: Apache-2.0
// RUN of a stage.
#include "build/run_mounts.h"
#include "build/stage_run.h"
#include "runtime/run_process.h"

namespace strata::build {
namespace {

constexpr std::string_view kStateFolder = "strata/run";
// Where a heredoc with a line of "#!" lies while it runs, as with BuildKit.
const std::string kScriptFolder = "/dev/pipes/";

// Hands on what a program prints.
class LogSink final : public ByteSink {
 public:
  LogSink(BuildLog& log, size_t stage, BuildLog::Stream stream)
      : log_(log), stage_(stage), stream_(stream) {}
  Status write(ByteSpan bytes) override {
    log_.output(stage_, stream_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return {};
  }

 private:
  BuildLog& log_;
  const size_t stage_;
  const BuildLog::Stream stream_;
};

// "|2 A=1 B=2" in front of the words: with other arguments it is another step. Predefined ones that
// were given, but that no ARG declares, are not named: "|0".
void put_args(std::vector<std::string>& words, const std::map<std::string, std::string>& args) {
  std::vector<std::string> front = {fmt::format("|{}", args.size())};
  for (const auto& [name, value] : args) front.push_back(fmt::format("{}={}", name, value));
  words.insert(words.begin(), front.begin(), front.end());
}

// What is not docker's classic RUN stands in front of all of it.
void put_flags(std::vector<std::string>& words, const Run& run, const RunMounts& mounts) {
  std::vector<std::string> front = mounts.cache_words();
  if (!run.network.empty()) front.push_back("--network=" + run.network);
  if (!run.security.empty()) front.push_back("--security=" + run.security);
  words.insert(words.begin(), front.begin(), front.end());
}

}  // namespace

Result<RunMounts> StageRun::open_mounts(const Run& run) {
  RunMounts mounts;
  for (const MountFlag& flag : run.mounts) {
    STRATA_TRY(const Mount mount,
               parse_mount(flag.text, [this](std::string_view word) { return expanded(word); }));
    std::unique_ptr<SourceFiles> files;
    if (mount.type == Mount::Type::kBind || !mount.from.empty()) {
      STRATA_TRY(SourceFiles opened, open_source(mount.from));
      files = std::make_unique<SourceFiles>(std::move(opened));
    }
    STRATA_CHECK(mounts.add(flag.text, mount, std::move(files), config_.config.working_dir, work_));
  }
  return mounts;
}

Status StageRun::run_step(const Run& run) {
  std::vector<std::string> words = command_words(run.command, config_.config);
  RunScript script;
  if (!run.command.heredocs.empty()) {
    STRATA_TRY(script, run_script(run));
    words = script.file_name.empty() ? shell_of(config_.config) : std::vector<std::string>();
    words.push_back(script.file_name.empty() ? script.text : kScriptFolder + script.file_name);
  }
  STRATA_TRY(RunMounts mounts, open_mounts(run));
  if (!script.file_name.empty()) mounts.add_script(words.front(), script.text);
  const std::vector<std::string> env = config_.config.env.value_or(std::vector<std::string>());
  oci::ContainerConfig step = config_.config;
  step.cmd = words;
  if (!args_.for_run(env).empty()) put_args(*step.cmd, args_.for_cache(env));
  put_flags(*step.cmd, run, mounts);
  step.entrypoint.reset();
  return finish(std::move(step), [&](store::Transaction& txn) -> Result<std::optional<StepLayer>> {
    STRATA_TRY(StepTree tree, StepTree::mount(work_.store, txn, image_, StepTree::Kind::kContainer,
                                              mounts.points()));
    Status ran = mounts.prepare(tree.folder(), tree.folder_path(), work_);
    if (ran.ok()) ran = execute(run, words, mounts, tree);
    STRATA_CHECK(mounts.release());
    STRATA_CHECK(std::move(ran));
    return std::move(tree).finish(work_.request.time, work_.pool, work_.buffers);
  });
}

Status StageRun::execute(const Run& run, const std::vector<std::string>& words,
                         const RunMounts& mounts, const StepTree& tree) {
  const oci::ContainerConfig& config = config_.config;
  runtime::RunSpec spec;
  spec.process.args = words;
  spec.process.env = config.env.value_or(std::vector<std::string>());
  for (const auto& [name, value] : args_.for_run(spec.process.env)) {
    spec.process.env.push_back(fmt::format("{}={}", name, value));
  }
  for (const std::string& variable : mounts.environment()) spec.process.env.push_back(variable);
  spec.process.cwd = config.working_dir;
  spec.process.user = config.user;
  spec.rootfs = tree.path();
  const bool is_default = run.network.empty() || run.network == "default";
  const std::string& network = is_default ? work_.request.network : run.network;
  spec.network = network == "none" ? runtime::Network::kNone : runtime::Network::kHost;
  spec.privileged = run.security == "insecure";
  if (spec.privileged && !work_.request.allow_insecure) {
    return error(ErrorCode::kPermission,
                 "RUN --security=insecure is not allowed; --allow security.insecure allows it");
  }
  spec.mounts = mounts.mounts();
  spec.extra_hosts = work_.request.extra_hosts;
  spec.shm_bytes = work_.request.shm_size_bytes;
  spec.ulimits = work_.request.ulimits;
  LogSink out(work_.log, planned_.index, BuildLog::Stream::kOut);
  LogSink err(work_.log, planned_.index, BuildLog::Stream::kErr);
  runtime::RunIo io;
  io.output_sink = &out;
  io.error_sink = &err;
  io.cancelled = work_.pool.cancelled_fd();
  STRATA_CHECK(ensure_dirs_at(work_.store.root(), std::string(kStateFolder), 0700));
  STRATA_TRY(Fd state, open_dir_at(work_.store.root(), std::string(kStateFolder)));
  STRATA_TRY(int code, runtime::run_process(std::move(spec), io, state, work_.request.runtime));
  if (code == 0) return {};
  work_.failed.lock()->exit_code = code;
  return error(ErrorCode::kInvalid, "The command '{}' returned a non-zero code: {}",
               fmt::join(words, " "), code);
}

}  // namespace strata::build
