// SPDX-License-Identifier: Apache-2.0
// What a container's record says, as what its program is run with.
// Threads: functions without state.
#pragma once

#include <vector>

#include "runtime/container_record.h"
#include "runtime/run_spec.h"
#include "runtime/volumes.h"

namespace strata::runtime {

// All but rootfs and the files of /etc. `points` have their sources.
// Errors: kUnsupported, naming what strata does not have: another network than host and none, namespaces
// of other containers or the host's, a seccomp profile of the user's.
Result<RunSpec> run_spec_of(const ContainerRecord& record, const HostConfig& host,
                            const std::vector<MountPoint>& points);

}  // namespace strata::runtime
