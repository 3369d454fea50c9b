// SPDX-License-Identifier: Apache-2.0
// Read-only mounts of layers.
// Threads: any.
// Kernel:  overlayfs since 4.0, 500 lower layers since 4.8.
#pragma once

#include <string>
#include <vector>

#include "base/fs_at.h"

namespace strata::driver {

// Mounts the folders `lower` (paths relative to `home`, nearest first, at least one) read-only at
// `target`: one folder is bind-mounted, several are stacked with overlayfs. Paths stay relative so
// that 125 layers fit into the kernel's page of options. Errors: by errno, naming the target.
Status mount_lower_read_only(const Fd& home, const std::vector<std::string>& lower,
                             const std::string& target);

// Takes away what mount_read_only() made. Errors: kInvalid when nothing is mounted there, kBusy
// when it is in use.
Status unmount(const std::string& target);

}  // namespace strata::driver
