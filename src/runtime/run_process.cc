// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_process.h"

#include "base/contained_child.h"
#include "driver/mount.h"
#include "hash/digest.h"
#include "runtime/etc_files.h"
#include "runtime/oci_runtime.h"
#include "runtime/oci_spec.h"
#include "runtime/run_folder.h"
#include "runtime/stdio.h"

namespace strata::runtime {
namespace {

constexpr size_t kIdBytes = 32;
constexpr size_t kShortId = 12;

void fill_in(RunSpec& spec) {
  if (!spec.hostname.empty()) return;
  spec.hostname = spec.network == Network::kHost ? host_name() : spec.id.substr(0, kShortId);
}

// config.json and the files of /etc that it mounts.
Status write_bundle(RunSpec& spec, const Cgroups& cgroups, const Fd& bundle,
                    const std::string& path) {
  STRATA_TRY(Fd rootfs, open_path(spec.rootfs, O_RDONLY | O_DIRECTORY));
  STRATA_TRY(User user, resolve_user(rootfs, spec.process.user, spec.process.more_groups));
  STRATA_TRY(std::vector<Mount> files, write_etc_files(spec, bundle, path));
  spec.mounts.insert(spec.mounts.end(), files.begin(), files.end());
  STRATA_TRY(std::string config, oci_spec(spec, user, cgroups));
  return write_file_at(bundle, "config.json", config, 0600);
}

Result<ContainedChild> start(const OciRuntime& runtime, const RunSpec& spec, const Cgroups& cgroups,
                             const std::string& bundle, Console console, const Stdio& stdio) {
  ContainedStart what;
  STRATA_TRY(what.words, run_words(runtime, spec.id, cgroups, console == Console::kSocket));
  what.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  what.folder = bundle;
  what.input = stdio.program_input();
  what.output = stdio.program_output();
  what.error = stdio.program_error();
  what.terminal = console == Console::kPair;
  what.unmount = cgroups.hide;
  what.cover = cgroups.cover;
  return ContainedChild::start(what);
}

}  // namespace

Result<int> run_process(RunSpec spec, const RunIo& io, const RunFolder& run,
                        const std::string& runtime_name) {
  fill_in(spec);
  STRATA_TRY(OciRuntime runtime, find_runtime(runtime_name));
  const Cgroups cgroups = look_at_cgroups();
  if (!cgroups.writable && io.note) io.note("containers get no cgroup: " + cgroups.why_not);
  STRATA_TRY(std::string bundle, driver::path_of(run.folder()));
  STRATA_CHECK(write_bundle(spec, cgroups, run.folder(), bundle));
  // Beyond this point the container is fixed.
  const Console console = !spec.process.terminal ? Console::kNone
                          : runtime.crun         ? Console::kSocket
                                                 : Console::kPair;
  STRATA_TRY(Stdio stdio, Stdio::open(io, console, run.folder()));
  STRATA_TRY(ContainedChild child, start(runtime, spec, cgroups, bundle, console, stdio));
  stdio.close_program_side();
  if (io.on_runtime) STRATA_CHECK(io.on_runtime(child.pid()));
  Status carried = stdio.carry(child);
  const int exit_code = child.wait();
  if (!carried.ok()) return std::move(carried).error();
  if (!stdio.has_started() && exit_code != 0)
    return start_error(runtime, run.folder(), spec.process.args[0]);
  return exit_code;
}

Result<int> run_process(RunSpec spec, const RunIo& io, const Fd& state_dir,
                        const std::string& runtime) {
  if (spec.id.empty()) spec.id = random_hex(kIdBytes);
  STRATA_CHECK(remove_dead_runs(state_dir));
  STRATA_TRY(RunFolder run, RunFolder::create(state_dir, spec.id));
  Result<int> exit_code = run_process(std::move(spec), io, run, runtime);
  Status removed = run.remove();
  if (exit_code.ok() && !removed.ok()) return std::move(removed).error();
  return exit_code;
}

int start_failure_exit(const Error& error) {
  if (error.code() == ErrorCode::kNotFound) return 127;
  return error.code() == ErrorCode::kPermission ? 126 : 125;
}

}  // namespace strata::runtime
