// SPDX-License-Identifier: Apache-2.0
//   member = 1f 8b 08 flags 00000000 00 ff [length[2] extra] deflate crc[4] isize[4]
//   flags  = 04 with an extra field, else 00
// Source: RFC 1952, sections 2.2 and 2.3; FORMATS section 4.
#include "codec/gzip_sink.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace strata::codec {
namespace {

constexpr uint8_t kFlagExtra = 0x04;
constexpr size_t kMaxExtraBytes = 0xffff;
constexpr uint32_t kLevel = 1;
// ISA-L gets its input in blocks of this size, however it was written to us: where it ends a
// deflate block depends on what it was given.
constexpr size_t kInBytes = 256 * 1024;
constexpr size_t kOutBytes = 64 * 1024;

}  // namespace

FastGzipSink::FastGzipSink(ByteSink& to, ByteSpan extra)
    : to_(to),
      extra_(extra.begin(), extra.end()),
      stream_(std::make_unique<isal_zstream>()),
      level_buffer_(std::make_unique<uint8_t[]>(ISAL_DEF_LVL1_DEFAULT)),
      in_(std::make_unique_for_overwrite<std::byte[]>(kInBytes)),
      out_(std::make_unique_for_overwrite<std::byte[]>(kOutBytes)) {
  isal_deflate_init(stream_.get());
  stream_->level = kLevel;
  stream_->level_buf = level_buffer_.get();
  stream_->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
  stream_->gzip_flag = IGZIP_GZIP_NO_HDR;  // the trailer is ISA-L's, the header ours
}

FastGzipSink::~FastGzipSink() = default;

Status FastGzipSink::write_header() {
  header_written_ = true;
  if (extra_.size() > kMaxExtraBytes) {
    return error(ErrorCode::kInvalid, "gzip: extra field of {} bytes, at most {} are possible",
                 extra_.size(), kMaxExtraBytes);
  }
  std::array<uint8_t, 10> header = {0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff};
  if (extra_.empty()) return to_.write(std::as_bytes(std::span(header)));
  header[3] = kFlagExtra;
  STRATA_CHECK(to_.write(std::as_bytes(std::span(header))));
  std::array<uint8_t, 2> length = {static_cast<uint8_t>(extra_.size()),
                                   static_cast<uint8_t>(extra_.size() >> 8)};
  STRATA_CHECK(to_.write(std::as_bytes(std::span(length))));
  return to_.write(extra_);
}

Status FastGzipSink::write(ByteSpan bytes) {
  while (!bytes.empty()) {
    size_t count = std::min(bytes.size(), kInBytes - in_bytes_);
    std::memcpy(in_.get() + in_bytes_, bytes.data(), count);
    in_bytes_ += count;
    bytes = bytes.subspan(count);
    if (in_bytes_ == kInBytes) {
      STRATA_CHECK(compress({in_.get(), in_bytes_}, /*last=*/false));
      in_bytes_ = 0;
    }
  }
  return {};
}

Status FastGzipSink::finish() {
  STRATA_CHECK(compress({in_.get(), in_bytes_}, /*last=*/true));
  return to_.finish();
}

Status FastGzipSink::compress(ByteSpan bytes, bool last) {
  if (!header_written_) STRATA_CHECK(write_header());
  // ISA-L does not write to its input; its interface has no const.
  stream_->next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(bytes.data()));
  stream_->avail_in = static_cast<uint32_t>(bytes.size());
  stream_->end_of_stream = last ? 1 : 0;
  do {
    stream_->next_out = reinterpret_cast<uint8_t*>(out_.get());
    stream_->avail_out = kOutBytes;
    int outcome = isal_deflate(stream_.get());
    if (outcome != COMP_OK) return error(ErrorCode::kInvalid, "gzip: ISA-L says {}", outcome);
    STRATA_CHECK(to_.write({out_.get(), kOutBytes - stream_->avail_out}));
  } while (stream_->avail_out == 0 || (last && stream_->internal_state.state != ZSTATE_END));
  return {};
}

}  // namespace strata::codec
