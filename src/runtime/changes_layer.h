// SPDX-License-Identifier: Apache-2.0
// A layer of what one tree changes of another: each one with vfs, and what a squash makes of several.
//
//   two trees ──► tar (driver/diff_tar.h; a thread) ──► unpacked into a staged layer
//
// Threads: any but the tasks of the pool.
// Memory:  that of both, and the blocks between them.
// Crash:   what is made is staged by the transaction.
#pragma once

#include "archive/layer_jobs.h"
#include "driver/diff_tar.h"

namespace strata::runtime {

// Of whole trees it returns in another second than it began in, if a file in the layer is of that
// second: whoever writes to the file next does not leave it with the same time, by which docker, and
// we, would take it for unchanged.
// Errors: those of write_diff_tar and of archive::unpack_staged.
Result<archive::UnpackedEarly> layer_of_changes(const driver::ComparedTrees& trees,
                                                const driver::DiffTarOptions& options,
                                                const archive::UnpackTools& tools);

}  // namespace strata::runtime
