// SPDX-License-Identifier: Apache-2.0
#include "codec/peek_source.h"

#include <algorithm>
#include <cstring>

namespace strata::codec {

Result<ByteSpan> PeekSource::peek(size_t count) {
  size_t held = held_.size() - begin_;
  if (held < count) {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
    held_.resize(count);
    Result<size_t> got = read_full(from_, MutableByteSpan(held_).subspan(held));
    held_.resize(held + (got.ok() ? *got : 0));
    if (!got.ok()) return std::move(got).error();
  }
  return ByteSpan(held_).subspan(begin_, std::min(count, held_.size() - begin_));
}

Result<size_t> PeekSource::read(MutableByteSpan buffer) {
  if (begin_ == held_.size()) return from_.read(buffer);
  size_t count = std::min(buffer.size(), held_.size() - begin_);
  std::memcpy(buffer.data(), held_.data() + begin_, count);
  begin_ += count;
  return count;
}

}  // namespace strata::codec
