// SPDX-License-Identifier: Apache-2.0
// What docker refuses of a container's host config when the container is made.
// Source:  dockerd 20.10, by what it says to each.
// Threads: functions without state.
#pragma once

#include "base/result.h"
#include "runtime/host_config.h"

namespace strata::runtime {

// Limits that contradict each other or that no kernel takes, security options that nobody knows, file
// systems in memory at impossible places or with unknown options. Errors: kInvalid, docker's texts.
Status check_host_config(const HostConfig& host);

}  // namespace strata::runtime
