// SPDX-License-Identifier: Apache-2.0
// WatchedSource: tells how much of a stream has been read.
// Threads: as the stream that it wraps.
#pragma once

#include <functional>
#include <utility>

#include "base/stream.h"

namespace strata::archive {

class WatchedSource final : public ByteSource {
 public:
  // `from` is borrowed. `advanced` is called with the bytes so far, after each read.
  WatchedSource(ByteSource& from, std::function<void(uint64_t)> advanced)
      : from_(from), advanced_(std::move(advanced)) {}

  Result<size_t> read(MutableByteSpan buffer) override {
    STRATA_TRY(size_t count, from_.read(buffer));
    read_bytes_ += count;
    advanced_(read_bytes_);
    return count;
  }

 private:
  ByteSource& from_;
  const std::function<void(uint64_t)> advanced_;
  uint64_t read_bytes_ = 0;
};

}  // namespace strata::archive
