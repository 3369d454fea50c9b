// SPDX-License-Identifier: Apache-2.0
// Devices of a container: nodes that the runtime makes in its /dev, and rules of the devices cgroup.
// Threads: functions without state.
#pragma once

#include <boost/json/array.hpp>

#include "base/result.h"
#include "runtime/run_spec.h"

namespace strata::runtime {

struct DeviceList {
  boost::json::array
      nodes;  // linux.devices; what every container has (null, zero ...) is not in it
  boost::json::array rules;  // linux.resources.devices
};

// `spec.devices`; all of the host's with `spec.privileged`.
// Errors: docker's `error gathering device information while adding custom device "/dev/x": ...`.
Result<DeviceList> devices_of(const RunSpec& spec);

}  // namespace strata::runtime
