// SPDX-License-Identifier: Apache-2.0
// gzip, decoded by ISA-L; the wrapper around the deflate data is ours (gzip_member.cc).
#include "codec/gzip_decoder.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>

#include "codec/gzip_member.h"

namespace strata::codec {
namespace {

constexpr size_t kTrailerBytes = 8;

// ISA-L counts a member's bytes in 32 bits, and its portable decoder refuses a match that reaches
// further back than that count, which is good data behind a wrap at 4 GiB. So we count ourselves
// and keep its count between a window's size and the wrap.
constexpr uint32_t kCountHighBytes = 1u << 30;
constexpr uint32_t kCountLowBytes = 1u << 20;
constexpr size_t kMaxCallBytes = 1u << 28;

class GzipDecoder final : public Decoder {
 public:
  explicit GzipDecoder(ByteSource& from)
      : Decoder(from, "gzip"), state_(std::make_unique<inflate_state>()) {}
  GzipDecoder(ByteSource& from, const GzipResume& at);

 protected:
  Result<size_t> decode(MutableByteSpan buffer) override;

 private:
  void begin_content();
  // One call of ISA-L; may return 0 before the end.
  Result<size_t> inflate(MutableByteSpan buffer);
  Status check_trailer();

  std::unique_ptr<inflate_state> state_;
  GzipMember member_;
  bool in_member_ = false;
  uint64_t size_bytes_ = 0;  // of the member's content so far
};

GzipDecoder::GzipDecoder(ByteSource& from, const GzipResume& at)
    : Decoder(from, "gzip", at.offset),
      state_(std::make_unique<inflate_state>()),
      member_(at.member_begin) {
  begin_content();
  state_->crc = at.crc;
  state_->read_in = at.bits;
  state_->read_in_length = static_cast<int32_t>(at.bit_count);
  size_bytes_ = at.size_bytes;
  if (at.window.empty()) return;
  // ISA-L does not write to it; its interface has no const.
  isal_inflate_set_dict(state_.get(), const_cast<uint8_t*>(at.window.data()),
                        static_cast<uint32_t>(at.window.size()));
}

void GzipDecoder::begin_content() {
  isal_inflate_init(state_.get());
  state_->crc_flag = ISAL_GZIP_NO_HDR;
  size_bytes_ = 0;
  in_member_ = true;
}

Result<size_t> GzipDecoder::decode(MutableByteSpan buffer) {
  while (true) {
    if (!in_member_) {
      STRATA_TRY(bool begun, member_.read_header(input_));
      if (!begun) return size_t{0};
      begin_content();
    }
    STRATA_TRY(size_t produced, inflate(buffer));
    if (produced > 0) return produced;
  }
}

Result<size_t> GzipDecoder::inflate(MutableByteSpan buffer) {
  ByteSpan in = input_.bytes();
  size_t space = std::min(buffer.size(), kMaxCallBytes);
  // ISA-L does not write to its input; its interface has no const.
  state_->next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(in.data()));
  state_->avail_in = static_cast<uint32_t>(in.size());
  state_->next_out = reinterpret_cast<uint8_t*>(buffer.data());
  state_->avail_out = static_cast<uint32_t>(space);
  int outcome = isal_inflate(state_.get());
  size_t consumed = in.size() - state_->avail_in;
  size_t produced = space - state_->avail_out;
  input_.consume(consumed);
  size_bytes_ += produced;
  if (state_->total_out > kCountHighBytes) state_->total_out = kCountLowBytes;

  bool finished = state_->block_state == ISAL_BLOCK_FINISH;
  bool stuck = consumed == 0 && produced == 0 && !in.empty() && !finished;
  if (outcome != ISAL_DECOMP_OK || stuck) return member_.invalid_deflate_data();
  if (finished) {
    STRATA_CHECK(check_trailer());
    in_member_ = false;
  } else if (produced == 0) {
    STRATA_CHECK(input_.need());
  }
  return produced;
}

Status GzipDecoder::check_trailer() {
  // The whole bytes in ISA-L's bit buffer (at most eight) are the trailer's first ones.
  uint64_t bits = state_->read_in >> (state_->read_in_length % 8);
  std::array<uint8_t, kTrailerBytes> held{};
  size_t count = std::min<size_t>(state_->read_in_length / 8, held.size());
  for (size_t i = 0; i < count; ++i) held[i] = static_cast<uint8_t>(bits >> (8 * i));
  return member_.read_trailer(input_, std::span(held).first(count), state_->crc, size_bytes_);
}

}  // namespace

std::unique_ptr<ByteSource> make_gzip_decoder(ByteSource& from) {
  return std::make_unique<GzipDecoder>(from);
}

std::unique_ptr<ByteSource> resume_gzip_decoder(ByteSource& from, const GzipResume& at) {
  return std::make_unique<GzipDecoder>(from, at);
}

}  // namespace strata::codec
