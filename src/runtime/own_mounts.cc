// SPDX-License-Identifier: Apache-2.0
#include "runtime/own_mounts.h"

#include <thread>

#include "driver/mount.h"

namespace strata::runtime {

Status in_own_mounts(const std::function<Status()>& body) {
  Status result;
  std::thread([&] {
    result = driver::enter_private_mounts();
    if (result.ok()) result = body();
  }).join();
  return result;
}

}  // namespace strata::runtime
