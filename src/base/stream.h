// SPDX-License-Identifier: Apache-2.0
// Byte streams: a source is read to its end, a sink is written and finished.
// Threads: one thread at a time per stream.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace strata {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads between 1 and buffer.size() bytes and returns their number; 0 means the end, and stays
  // so. `buffer` may not be empty. Errors: kIo, kCorrupt (a damaged compressed stream), kCancelled.
  virtual Result<size_t> read(MutableByteSpan buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Takes all of `bytes`, or fails; after a failure the sink is of no more use.
  virtual Status write(ByteSpan bytes) = 0;

  // Ends the stream: flushes what is held back. To be called once, after the last write; a sink
  // that is destroyed without it is incomplete. The default does nothing.
  virtual Status finish() { return {}; }
};

// Reads until `buffer` is full or the source ends; returns the bytes read.
Result<size_t> read_full(ByteSource& source, MutableByteSpan buffer);

// Reads the rest of the source. Errors: kInvalid when it holds more than `limit_bytes`.
Result<std::string> read_to_end(ByteSource& source, size_t limit_bytes);

// Copies the rest of the source into the sink (without finishing it) and returns the number of
// bytes.
Result<uint64_t> copy_stream(ByteSource& source, ByteSink& sink);

// A source over memory that the caller keeps alive.
class SpanSource final : public ByteSource {
 public:
  explicit SpanSource(ByteSpan bytes) : rest_(bytes) {}
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  ByteSpan rest_;
};

// A sink that collects into a string of the caller's.
class StringSink final : public ByteSink {
 public:
  explicit StringSink(std::string& target) : target_(target) {}
  Status write(ByteSpan bytes) override {
    target_.append(as_text(bytes));
    return {};
  }

 private:
  std::string& target_;
};

// A sink that passes on, and tells how many bytes have passed so far.
class CountingSink final : public ByteSink {
 public:
  CountingSink(ByteSink& next, std::function<void(uint64_t)> advanced)
      : next_(next), advanced_(std::move(advanced)) {}
  Status write(ByteSpan bytes) override {
    STRATA_CHECK(next_.write(bytes));
    advanced_(bytes_ += bytes.size());
    return {};
  }
  uint64_t bytes() const { return bytes_; }

 private:
  ByteSink& next_;
  const std::function<void(uint64_t)> advanced_;
  uint64_t bytes_ = 0;
};

}  // namespace strata
