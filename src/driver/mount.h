// SPDX-License-Identifier: Apache-2.0
// Mounts of layers.
// Threads: any.
// Kernel:  overlayfs since 4.0, 500 lower layers since 4.8, volatile since 5.10.
#pragma once

#include <string>
#include <vector>

#include "driver/driver.h"

namespace strata::driver {

// Mounts the folders `lower` (paths relative to `home`, nearest first, at least one) read-only at
// `target`: one folder is bind-mounted, several are stacked with overlayfs. Paths stay relative so
// that 125 layers fit into the kernel's page of options. Errors: by errno, naming the target.
Status mount_lower_read_only(const Fd& home, const std::vector<std::string>& lower,
                             const std::string& target);

// Mounts the folders `lower` (as above; may be none) with `folder`'s `diff` and `work` upon them,
// writable. `folder` alone is bind-mounted. Where fsync is skipped, `work` is made anew, since the
// kernel refuses one that was used so before (a machine that crashed may have lost what was in it).
Status mount_upper(const Fd& home, const std::vector<std::string>& lower, const Fd& folder,
                   FileSyncs syncs, const std::string& target);

// From now on mounts of this process, and of what it starts, are seen by nobody else and end with
// it. To be called before the first thread. Errors: kPermission (needs CAP_SYS_ADMIN).
Status enter_private_mounts();

// The absolute path of an open file or folder, as this thread can open it. Also of one that was
// opened before enter_private_mounts() by a process whose root is not the machine's (a chroot): the
// kernel then tells the path from the machine's root. Errors: kNotFound when no path leads to it;
// by errno when one could not be looked at.
Result<std::string> path_of(const Fd& file);

// A new file system in memory at `target`. Errors: by errno.
Status mount_memory(const std::string& target);

// Takes away what the functions above made. Errors: kInvalid when nothing is mounted there, kBusy
// when it is in use.
Status unmount(const std::string& target);

// The same for a mount that nobody will use any more, though somebody may have it open: a program
// that another thread is just starting has our descriptors until it is executed.
Status detach(const std::string& target);

}  // namespace strata::driver
