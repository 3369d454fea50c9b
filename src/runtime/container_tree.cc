// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_tree.h"

#include "runtime/container_status.h"
#include "runtime/own_mounts.h"
#include "runtime/rootfs.h"

namespace strata::runtime {
namespace {

Status with_mounted_tree(store::Store& store, const ContainerRecord& record, const RunFolder& run,
                         const std::function<Status(const Fd& root)>& body) {
  STRATA_TRY(Rootfs rootfs, Rootfs::mount(store, record, run, driver::FileSyncs::kHonoured));
  STRATA_TRY(auto points, rootfs.open_mount_points(record, FillVolumes::kNewOnes));
  STRATA_CHECK(rootfs.bind(points));
  STRATA_CHECK(rootfs.bind_etc_files(record, points));
  STRATA_CHECK(body(rootfs.root()));
  return rootfs.unmount();
}

}  // namespace

Status with_container_tree(store::Store& store, const ContainerRecord& record,
                           const std::function<Status(const Fd& root)>& body) {
  STRATA_TRY(ContainerStatus status, status_of(store, record));
  if (status.running) {
    STRATA_TRY(Fd root, open_path(fmt::format("/proc/{}/root", status.pid), O_PATH | O_DIRECTORY));
    // The process may have ended in between, and its number be another's.
    STRATA_TRY(ContainerStatus again, status_of(store, record));
    if (again.running && again.pid == status.pid) return body(root);
  }
  STRATA_TRY(Fd state, open_run_state(store));
  STRATA_TRY(RunFolder run, RunFolder::create(state, record.id));
  STRATA_CHECK(in_own_mounts([&] { return with_mounted_tree(store, record, run, body); }));
  return run.remove();
}

}  // namespace strata::runtime
