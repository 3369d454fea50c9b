// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_process.h"

#include "base/contained_child.h"
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
  if (spec.id.empty()) spec.id = random_hex(kIdBytes);
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
                             const std::string& bundle, Stdio& stdio) {
  ContainedStart what;
  STRATA_TRY(what.words, run_words(runtime, spec.id, cgroups));
  what.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  what.folder = bundle;
  what.input = stdio.program_input();
  what.output = stdio.program_output();
  what.error = stdio.program_error();
  what.terminal = spec.process.terminal;
  what.unmount = cgroups.hide;
  return ContainedChild::start(what);
}

}  // namespace

Result<int> run_process(RunSpec spec, const RunIo& io, const Fd& state_dir,
                        const std::string& runtime_name) {
  fill_in(spec);
  STRATA_TRY(OciRuntime runtime, find_runtime(runtime_name));
  const Cgroups cgroups = look_at_cgroups();
  if (!cgroups.writable && io.note) io.note("containers get no cgroup: " + cgroups.why_not);
  STRATA_CHECK(remove_dead_runs(state_dir));
  STRATA_TRY(RunFolder run, RunFolder::create(state_dir, spec.id));
  STRATA_TRY(std::string bundle,
             readlink_at(Fd(), fmt::format("/proc/self/fd/{}", run.folder().get())));
  STRATA_CHECK(write_bundle(spec, cgroups, run.folder(), bundle));
  // Beyond this point the container is fixed.
  STRATA_TRY(Stdio stdio, Stdio::open(io, spec.process.terminal, run.folder()));
  STRATA_TRY(ContainedChild child, start(runtime, spec, cgroups, bundle, stdio));
  stdio.close_program_side();
  if (io.on_start) STRATA_CHECK(io.on_start(child.pid()));
  Status carried = stdio.carry(child);
  const int exit_code = child.wait();
  STRATA_TRY(bool started, exists_at(run.folder(), "pid"));
  if (!carried.ok()) return std::move(carried).error();
  if (!started && exit_code != 0) return start_error(runtime, run.folder(), spec.process.args[0]);
  STRATA_CHECK(run.remove());
  return exit_code;
}

}  // namespace strata::runtime
