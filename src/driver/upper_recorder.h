// SPDX-License-Identifier: Apache-2.0
// Makes a layer of a folder that was written through an overlay mount: a container's, a build
// step's. The tar that the layer stands for is the one that docker's commit would have made, so the
// diffIDs agree (tree_member.h has the rules); it is hashed and described, never written.
//
//   folder ──► tar, in pieces (tree_tar.h) ──► SHA-256      (a thread: the diffID)
//                                          └──► tar-split   (a thread), and for a copy the files
//
// Nobody may write to the folder meanwhile; a file that changes is an error.
// Threads: any but the tasks of the pool.
// Memory:  that of tree_tar.h and LayerSplitter.
// Crash:   folder and metadata are staged; copy_upper only reads the folder that it copies.
#pragma once

#include "driver/layer_unpacker.h"
#include "driver/tree_member.h"

namespace strata::driver {

struct RecordOptions {
  // Seconds since 1970 (SOURCE_DATE_EPOCH): later mtimes become this, in the tar and on the files.
  std::optional<int64_t> latest_mtime;
  // The tar of which docker it is: kDocker28 stands for all since 24.
  tar::HeaderStyle style = tar::HeaderStyle::kDocker28;
  const OwnerNames* names = nullptr;  // of kDocker20; borrowed
};

// Makes `upper` (a StagedLayer's diff, unmounted) the layer itself, and writes `tar-split.json.gz`
// into `metadata`. What the tar does not tell is taken off the files: sockets, xattrs, fractions of
// seconds; files that are called like whiteouts become such. So the folder is what unpacking the
// tar would give.
// An empty folder gives the diffID of the empty tar (is_empty_layer).
// Errors: kCorrupt (a file changed), kUnsupported (see members_of), kInvalid (a name `.wh.`), kIo,
// kNoSpace, kCancelled.
Result<UnpackedLayer> record_upper(const Fd& upper, const Fd& metadata,
                                   const RecordOptions& options, Pool& pool, BufferPool& buffers);

// Makes the layer in `to`, and leaves `upper` as it is: each file is read once, and larger ones are
// shared with it where the file system can (FICLONE: XFS, btrfs). Errors: as above, and those of
// LayerUnpacker.
Result<UnpackedLayer> copy_upper(const Fd& upper, UnpackTarget to, const RecordOptions& options,
                                 Pool& pool, BufferPool& buffers);

// True for the layer of a folder without anything in it: docker makes none then, but an
// `empty_layer` step of the history (FORMATS section 3).
bool is_empty_layer(const DiffId& diff);

}  // namespace strata::driver
