// SPDX-License-Identifier: Apache-2.0
// PeekSource: a source whose first bytes can be looked at before they are read.
// Threads: one at a time.
#pragma once

#include <vector>

#include "base/stream.h"

namespace strata::codec {

class PeekSource final : public ByteSource {
 public:
  // `from` is borrowed and must outlive this.
  explicit PeekSource(ByteSource& from) : from_(from) {}

  // The next `count` bytes, which read() will still return; fewer only when the source ends before.
  // The span is valid until the next call of any method. `count` bytes are kept in memory, so it is
  // meant to be small. Errors: those of `from`.
  Result<ByteSpan> peek(size_t count);

  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  ByteSource& from_;
  std::vector<std::byte> held_;
  size_t begin_ = 0;  // what lies before it in held_ has been read
};

}  // namespace strata::codec
