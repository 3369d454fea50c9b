// SPDX-License-Identifier: Apache-2.0
// The init layer: between an image and a container's own layer, what every container has to have for
// mounts to be put upon. So those places are in no diff and no commit.
// Source:  FORMATS section 8; dockerd's daemon/initlayer.
// Threads: one at a time per root.
#pragma once

#include "base/fs_at.h"

namespace strata::runtime {

// Makes /dev/pts, /dev/shm, /proc, /sys and the empty files /.dockerenv, /etc/resolv.conf, /etc/hosts,
// /etc/hostname, /dev/console and the link /etc/mtab. `root` is the image, mounted with the init
// layer upon it. As docker does it: a file or link of the image in such a place, or on the way to it,
// is replaced; a folder stays.
Status fill_init_layer(const Fd& root);

}  // namespace strata::runtime
