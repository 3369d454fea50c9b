// SPDX-License-Identifier: Apache-2.0
#include "base/stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace strata {

Result<size_t> read_full(ByteSource& source, MutableByteSpan buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    STRATA_TRY(size_t count, source.read(buffer.subspan(filled)));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

Result<std::string> read_to_end(ByteSource& source, size_t limit_bytes) {
  std::string text;
  std::array<std::byte, 16384> buffer;
  while (true) {
    STRATA_TRY(size_t count, source.read(buffer));
    if (count == 0) return text;
    if (count > limit_bytes - text.size()) {
      return error(ErrorCode::kInvalid, "more than {} bytes where at most that many are expected",
                   limit_bytes);
    }
    text.append(as_text(ByteSpan(buffer).first(count)));
  }
}

Result<uint64_t> copy_stream(ByteSource& source, ByteSink& sink) {
  constexpr size_t kBufferBytes = 256 * 1024;
  auto buffer = std::make_unique<std::byte[]>(kBufferBytes);
  uint64_t total = 0;
  while (true) {
    STRATA_TRY(size_t count, source.read({buffer.get(), kBufferBytes}));
    if (count == 0) return total;
    STRATA_CHECK(sink.write({buffer.get(), count}));
    total += count;
  }
}

Result<size_t> SpanSource::read(MutableByteSpan buffer) {
  size_t count = std::min(buffer.size(), rest_.size());
  if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

}  // namespace strata
