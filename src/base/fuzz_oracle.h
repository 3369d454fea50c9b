// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets have in common: a check that ends the program, and sources that read in
// odd pieces.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/stream.h"

namespace strata::fuzz {

// Ends the program, which is how a fuzzer learns of it, saying what does not hold.
inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "oracle: %s\n", what);
  std::abort();
}

// Gives the bytes in pieces of 1, 2, 3 ... up to `largest`, and again from 1.
class PieceSource final : public ByteSource {
 public:
  PieceSource(ByteSpan bytes, size_t largest) : rest_(bytes), largest_(largest) {}

  Result<size_t> read(MutableByteSpan buffer) override {
    piece_ = piece_ % largest_ + 1;
    const size_t size = std::min({piece_, buffer.size(), rest_.size()});
    std::copy_n(rest_.begin(), size, buffer.begin());
    rest_ = rest_.subspan(size);
    return size;
  }

 private:
  ByteSpan rest_;
  size_t largest_;
  size_t piece_ = 0;
};

// What a source gave before its end or its error, up to a limit.
struct Outcome {
  std::string content;
  std::string error;  // empty: it ended well, or the limit was reached
  bool operator==(const Outcome&) const = default;
};

// Reads at most `limit_bytes` with calls of `call_bytes`.
inline Outcome read_all(ByteSource& source, size_t call_bytes, size_t limit_bytes) {
  Outcome outcome;
  std::string buffer(call_bytes, '\0');
  while (outcome.content.size() < limit_bytes) {
    const size_t want = std::min(call_bytes, limit_bytes - outcome.content.size());
    Result<size_t> got = source.read({reinterpret_cast<std::byte*>(buffer.data()), want});
    if (!got.ok()) outcome.error = got.error().message();
    if (!got.ok() || got.value() == 0) break;
    outcome.content.append(buffer, 0, got.value());
  }
  return outcome;
}

inline ByteSpan input_bytes(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

inline std::string_view input_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace strata::fuzz
