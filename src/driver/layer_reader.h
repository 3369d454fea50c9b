// SPDX-License-Identifier: Apache-2.0
// Rebuilds a layer's tar, byte for byte, from its files and its tar-split, and proves that it is
// the one.
//
//   tar-split + files ──► blocks ──► SHA-256   (a thread)
//   (a thread)                  └──► the sink  (the calling thread)
//
// Every file is checked against its length and CRC-64, the whole against the diffID. File names are
// looked up with RESOLVE_IN_ROOT: nothing outside of the layer's folder is read, whatever the names
// say (dockerd does not do that).
// Source:  FORMATS section 4, "Reassembly".
// Threads: any, on different sinks.
// Memory:  the blocks of `buffers` and one tar-split entry.
#pragma once

#include "base/buffer.h"
#include "base/fd.h"
#include "base/pool.h"
#include "hash/digest.h"

namespace strata::driver {

struct LayerFiles {
  const Fd* files;       // Driver::open_files
  const Fd* split_file;  // tar-split.json.gz; its position is not used
};

// Writes the tar of the layer to `to`, which is not finished. What was written is the layer only if
// this succeeds: the last check comes after the last byte. Errors: kCorrupt, naming the file or the
// digests; kIo; kCancelled; those of `to`.
Status read_layer(const LayerFiles& layer, const DiffId& expected, ByteSink& to,
                  BufferPool& buffers, const Pool& pool);

// The same check, for what it says alone.
Status verify_layer(const LayerFiles& layer, const DiffId& expected, BufferPool& buffers,
                    const Pool& pool);

// The same bytes as a source, without the check of the diffID: for who hashes them anyway.
std::unique_ptr<ByteSource> open_layer_tar(const LayerFiles& layer);

}  // namespace strata::driver
