// SPDX-License-Identifier: Apache-2.0
#include "codec/decoder.h"

namespace strata::codec {

InputWindow::InputWindow(ByteSource& from, std::string_view format, uint64_t offset)
    : from_(from),
      format_(format),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kBytes)),
      offset_(offset) {}

Result<bool> InputWindow::fill() {
  if (!rest_.empty()) return true;
  STRATA_TRY(size_t count, from_.read({buffer_.get(), kBytes}));
  rest_ = {buffer_.get(), count};
  return count > 0;
}

Status InputWindow::need() {
  STRATA_TRY(bool more, fill());
  if (more) return {};
  return error(ErrorCode::kCorrupt, "{}: unexpected EOF at byte {}", format_, offset_);
}

Result<uint8_t> InputWindow::next() {
  STRATA_CHECK(need());
  uint8_t value = std::to_integer<uint8_t>(rest_[0]);
  consume(1);
  return value;
}

Result<size_t> Decoder::read(MutableByteSpan buffer) {
  if (failure_) return *failure_;
  if (ended_) return size_t{0};
  Result<size_t> got = decode(buffer);
  if (!got.ok()) {
    failure_ = got.error();
  } else if (*got == 0) {
    ended_ = true;
  }
  return got;
}

}  // namespace strata::codec
