// SPDX-License-Identifier: Apache-2.0
// Unpacks a tar into a folder that may hold files already: build contexts that come as a tar, and ADD of a local tar.
//
// Not a layer: a member named `.wh.x` is a file of that name. A member takes the place of what is there, but folders are
// merged. Names and links stay below the folder, whatever they say: symlinks are followed as if it were "/".
// Source:  what dockerd 20.10 makes of such tars.
// Memory:  blocks of a BufferPool, and the paths of the folders.
// Threads: one; contents are written on the pool.
#pragma once

#include "base/pool.h"
#include "base/stream.h"
#include "build/source_tree.h"

namespace strata::build {

// `tar` is not compressed. `sums` may be null. Errors: kInvalid for what is no tar or holds what cannot be unpacked, naming the member;
// those of `tar`; by errno; kCancelled.
Status unpack_tar(ByteSource& tar, const Fd& folder, MemberSums* sums, Pool& pool);

// Whether what `source` (perhaps compressed) begins with is a member of a tar: docker's ADD unpacks such files.
bool begins_as_tar(ByteSource& source);

// Whether a stream that begins with this block (512 bytes) is a tar.
bool is_tar_header(ByteSpan block);

}  // namespace strata::build
