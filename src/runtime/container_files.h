// SPDX-License-Identifier: Apache-2.0
// The files of a container: how they are first written, and how its state is changed.
// Shape:   containers/<id>/config.v2.json, hostconfig.json, checkpoints/, mounts/.
// Source:  FORMATS section 8; what dockerd 20.10 writes.
// Threads: whoever changes a container holds its run lock (run_folder.h).
// Crash:   a file is replaced by rename.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "oci/go_time.h"
#include "runtime/create.h"
#include "runtime/volumes.h"

namespace strata::runtime {

// Writes what containers/<id> begins with into `folder`.
Status write_container_files(const Fd& folder, const std::string& id, const std::string& name,
                             const NewContainer& wanted, const std::vector<MountPoint>& points,
                             std::string_view driver);

// Whether a change waits for the disk; what goes away soon anyway need not.
enum class Wait { kForDisk, kNotAtAll };

// Reads config.v2.json, lets `change` work on it, and replaces it. Members that we do not know stay.
// Errors: kNotFound, kCorrupt.
Status change_container(const store::Store& store, const std::string& id, Wait wait,
                        const std::function<void(boost::json::object&)>& change);

// Changes to its State.
void set_running(boost::json::object& container, int pid, const oci::Time& started);
void set_exited(boost::json::object& container, int exit_code, const oci::Time& finished,
                const std::string& failure = {});

// The mount points that the record has, sorted by target.
Result<std::vector<MountPoint>> mount_points_of(const boost::json::object& container);
Result<HostConfig> read_host_config(const store::Store& store, const std::string& id);

std::string container_folder(const std::string& id);  // below the root
std::string log_name(const std::string& id);

}  // namespace strata::runtime
