// SPDX-License-Identifier: Apache-2.0
// Writes the entries of a layout as a tar: into a file in parallel, each layer at its place, which
// is known beforehand; into a stream one after the other.
// Threads: one per call; it uses the pool.
#pragma once

#include <functional>

#include "archive/layout.h"
#include "archive/progress.h"
#include "base/buffer.h"

namespace strata::archive {

struct WriteContext {
  const store::Store& store;
  Pool& pool;
  BufferPool& buffers;
  // Gives the tar of a layer that is not, or not as it was, in the store. Null: all are the store's.
  std::function<Status(const SaveLayer&, ByteSink&)> give_layer = {};
};

// Errors of both: kCorrupt, naming the layer and file, when a layer is damaged; kNotFound, when it has gone; those
// of writing, which name no layer; kIo, kCancelled. `fd` is a regular file, empty and writable at any offset.
Status write_archive_file(std::vector<Entry> entries, tar::HeaderStyle style, int fd,
                          const WriteContext& context);
Status write_archive_stream(std::vector<Entry> entries, tar::HeaderStyle style, ByteSink& to,
                            const WriteContext& context);

}  // namespace strata::archive
