// SPDX-License-Identifier: Apache-2.0
// Rootfs: a container's files, mounted for the time in which it runs or something is done with them,
// and what has to be there before it runs.
// Threads: one at a time, within in_own_mounts(): the mount is seen by nobody else.
// Crash:   the mount goes with its namespace, the folder with the run's.
#pragma once

#include <string>
#include <vector>

#include "driver/driver.h"
#include "runtime/container_record.h"
#include "runtime/oci_runtime.h"
#include "runtime/run_folder.h"
#include "runtime/volumes.h"

namespace strata::runtime {

// Which volumes begin with what the image has in their place: those that are made just now, or also
// those that are there and empty (when a container is made).
enum class FillVolumes { kNewOnes, kEmptyOnes };

class Rootfs {
 public:
  // Everything named is borrowed. Errors: kNotFound, kUnsupported (driver), kPermission.
  static Result<Rootfs> mount(const store::Store& store, const ContainerRecord& record,
                              const RunFolder& run, driver::FileSyncs syncs);
  Rootfs(Rootfs&&) noexcept = default;

  const std::string& path() const { return path_; }  // absolute
  const Fd& root() const { return root_; }

  // Config.WorkingDir and those above it, 0755. Errors: docker's `Cannot mkdir: ...`.
  Status make_working_dir(const ContainerRecord& record) const;
  // The record's mount points with their sources: volumes and folders of -v are made where they are
  // missing.
  Result<std::vector<MountPoint>> open_mount_points(const ContainerRecord& record,
                                                    FillVolumes fill) const;
  // The places of the mounts, where they are missing and no other mount covers them: 0755, as runc
  // makes them, whichever the runtime. To runc those of tmpfs are left: it gives the mode of a place
  // that is there to what it mounts upon it.
  Status make_places(const std::vector<Mount>& mounts, const OciRuntime& runtime) const;
  // Puts volumes and bind mounts upon their targets, which are made where they are missing. What is
  // read-only to the container is so here.
  Status bind(const std::vector<MountPoint>& points);
  // The same for what the container got for /etc/hosts, /etc/hostname and /etc/resolv.conf when it
  // last ran, but for targets of `points`. A container that never ran has none.
  Status bind_etc_files(const ContainerRecord& record, const std::vector<MountPoint>& points);
  // All of it.
  Status unmount();

 private:
  Rootfs(const store::Store& store, const RunFolder& run) : store_(&store), run_(&run) {}
  // For what `source` is; empty: a folder.
  Status make_place(const std::string& source, const std::string& target) const;
  Status fill_volume(const Fd& data, const std::string& target) const;
  Status bind_at(const std::string& source, const std::string& target, bool writable);
  Result<std::string> open_source(const MountPoint& point, FillVolumes fill) const;

  const store::Store* store_;
  const RunFolder* run_;
  std::string path_;
  Fd root_;
  std::vector<std::string> bound_;  // what bind() has mounted, in that order
};

// Where running containers have their folders, below the root.
inline constexpr const char* kRunState = "strata/run";
// The same, opened; made where it is missing.
Result<Fd> open_run_state(const store::Store& store);

}  // namespace strata::runtime
