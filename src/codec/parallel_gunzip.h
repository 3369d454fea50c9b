// SPDX-License-Identifier: Apache-2.0
// Inflates one gzip stream on several cores.
//
// What is accepted, what comes out, and the errors are those of make_decompressor(kGzip), byte for
// byte and word for word, whatever the timing; only how many good bytes are given before an error
// may differ. Streams below 1 MiB (compressed), and all streams where the pool has one
// worker, are given to that decoder. How it works: docs/formats/gzip.md.
//
// Memory:  0.6 MiB a stream and 2.3 MiB of compressed data, plus what GunzipHelpers has handed out:
//          at most kBuffersBytes for each piece that is being decoded ahead.
// Threads: GunzipHelpers any; a stream one thread at a time, and not from within a task of the pool
//          (it queues tasks there).
#pragma once

#include <memory>
#include <vector>

#include "base/guarded.h"
#include "base/pool.h"
#include "base/stream.h"

namespace strata::codec {

struct AheadBuffers;

// The workers and the memory that the streams of one operation share. A stream takes from it, piece
// by piece, what nobody else has taken, and goes on alone when there is nothing: so one stream
// among finished ones gets everything, and many at once do not multiply the memory. The decoding is
// done by short tasks of the pool; what no worker has begun when its turn comes, the reader of the
// stream does itself.
class GunzipHelpers {
 public:
  static constexpr size_t kBuffersBytes = size_t{13} << 18;  // 3.25 MiB
  static constexpr size_t kMaxAhead = 8;

  // At most `max_ahead` pieces at a time, and two for each worker. `pool` is borrowed, and must
  // outlive this as this must outlive all streams.
  explicit GunzipHelpers(Pool& pool, size_t max_ahead = kMaxAhead);
  ~GunzipHelpers();
  GunzipHelpers(const GunzipHelpers&) = delete;
  GunzipHelpers& operator=(const GunzipHelpers&) = delete;

  Pool& pool() { return pool_; }

  // For the streams: memory for one piece; null when there is none left.
  std::unique_ptr<AheadBuffers> try_take();
  void give_back(std::unique_ptr<AheadBuffers> buffers);

 private:
  struct State {
    std::vector<std::unique_ptr<AheadBuffers>> free;
    size_t made = 0;
  };
  Pool& pool_;
  const size_t max_ahead_;
  Guarded<State> state_;
};

// What one worker decodes at a time, and what is not worth it; both compressed. Others than the
// default are for tests.
struct GunzipSizes {
  size_t piece_bytes = size_t{256} << 10;
  size_t small_stream_bytes = size_t{1} << 20;
};

// The content of the gzip stream that `from` has left. `from` and `helpers` are borrowed and must
// outlive the result. `from` is read ahead, by the thread that calls read().
std::unique_ptr<ByteSource> make_parallel_gunzip(ByteSource& from, GunzipHelpers& helpers,
                                                 const GunzipSizes& sizes = {});

}  // namespace strata::codec
