// SPDX-License-Identifier: Apache-2.0
// LayerUnpacker: turns the bytes of one layer's tar into files and a tar-split, in one pass.
//
//   bytes ──► SHA-256                                        (a thread: the diffID)
//        └──► tar parser ──► names (TreeWriter) ──► contents (FileFiller, on the pool)
//            (a thread) └──► tar-split ──► gzip (SplitRecorder; a thread)
//
// The threads read the same blocks; a block goes back to its pool when the last of them, and the
// last file that has part of it, is done. So memory is bounded by the caller's BufferPool, and the
// speed by the slowest of the hash, the parser, the tar-split and the disk.
// Rights:  where the kernel can (base/confine.h), these threads open and change nothing but the target.
// Threads: push and finish by one thread.
// Crash:   everything is in a staged folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/pool.h"
#include "hash/digest.h"

namespace strata::driver {

// Where the layer is made: folders that are staged, empty, and borrowed.
struct UnpackTarget {
  const Fd* folder;    // for temporary files; what is left in it is nobody's
  const Fd* diff;      // the files, in overlayfs form
  const Fd* metadata;  // gets `tar-split.json.gz`
};

struct UnpackedLayer {
  DiffId diff_id;           // of the bytes that came
  uint64_t size_bytes = 0;  // layerdb/size (FORMATS section 3)
  uint64_t tar_bytes = 0;   // how many came
  std::vector<std::string> warnings;
};

class LayerUnpacker {
 public:
  LayerUnpacker(UnpackTarget target, Pool& pool);
  ~LayerUnpacker();
  LayerUnpacker(const LayerUnpacker&) = delete;

  // Takes the next bytes of the tar. Waits when the stages are behind. False: a stage has failed,
  // finish() says why.
  bool push(const Slice& bytes);

  // The stream has ended. Errors: kInvalid and kCorrupt for what the tar does wrong, naming the
  // member; kNoSpace, kIo.
  Result<UnpackedLayer> finish();

 private:
  struct Stages;
  std::unique_ptr<Stages> stages_;
};

// Reads `tar` to its end through an unpacker. `advanced` is called with the number of bytes so far,
// now and then. Errors: also those of the source, and kCancelled.
Result<UnpackedLayer> unpack_layer(ByteSource& tar, UnpackTarget target, Pool& pool,
                                   BufferPool& buffers,
                                   const std::function<void(uint64_t)>& advanced);

}  // namespace strata::driver
