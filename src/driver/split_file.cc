// SPDX-License-Identifier: Apache-2.0
//
// Source: RFC 1952, section 2.3: ID1 ID2 CM FLG MTIME(4) XFL OS [XLEN(2) extra ...]; FLG bit 2 is
// FEXTRA.
#include "driver/split_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "codec/decompress.h"
#include "tar/header.h"
#include "tar/member.h"
#include "tar/split.h"

namespace strata::driver {
namespace {

constexpr size_t kHeaderBytes = 10;
constexpr size_t kSubfieldOffset = kHeaderBytes + 2;
constexpr size_t kValueOffset = kSubfieldOffset + 4;
constexpr std::byte kFlagExtra{4};
constexpr size_t kTypeOffset = 156;  // typeflag in a tar header (POSIX.1-2017, ustar)
constexpr std::string_view kSubfieldHeader("ST\x08\x00", 4);

std::array<std::byte, 8> little_endian(uint64_t value) {
  std::array<std::byte, 8> out;
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
  return out;
}

// What `bytes_of` gives for each entry, in all.
template <typename BytesOf>
Result<uint64_t> add_up_entries(const Fd& split_file, BytesOf bytes_of) {
  STRATA_TRY(struct stat info, stat_fd(split_file.get()));
  RangeSource file(split_file.get(), 0, static_cast<uint64_t>(info.st_size));
  std::unique_ptr<ByteSource> json = codec::make_decompressor(codec::Compression::kGzip, file);
  tar::SplitReader reader(*json);
  tar::SplitEntry entry;
  uint64_t total = 0;
  while (true) {
    STRATA_TRY(bool more, reader.next(entry));
    if (!more) return total;
    const uint64_t bytes = bytes_of(entry);
    if (bytes > std::numeric_limits<int64_t>::max() - total) {
      return error(ErrorCode::kCorrupt, "{}: entries of more than 2^63 bytes", kSplitFileName);
    }
    total += bytes;
  }
}

}  // namespace

std::string split_extra_field(uint64_t tar_bytes) {
  return std::string(kSubfieldHeader) + std::string(as_text(little_endian(tar_bytes)));
}

uint64_t PayloadSizes::next(const tar::SplitEntry& entry) {
  if (entry.kind == tar::SplitEntry::kSegment) {
    size_t count = std::min(entry.payload.size(), tar::kBlockBytes);
    header_ += as_text(ByteSpan(entry.payload).last(count));
    if (header_.size() > tar::kBlockBytes) header_.erase(0, header_.size() - tar::kBlockBytes);
    return 0;
  }
  if (entry.crc != tar::Crc64Bytes{} || header_.size() < tar::kBlockBytes) return entry.size_bytes;
  char type = header_[kTypeOffset];
  bool folder = type == '\0' && entry.name.ends_with('/');
  return folder || tar::is_header_only(type) ? 0 : entry.size_bytes;
}

Status record_tar_bytes(const Fd& split_file, uint64_t tar_bytes) {
  return pwrite_all(split_file.get(), little_endian(tar_bytes), kValueOffset);
}

Result<uint64_t> tar_bytes_of(const Fd& split_file) {
  std::array<std::byte, kValueOffset + 8> head;
  STRATA_TRY(size_t count, pread_full(split_file.get(), head, 0));
  bool ours = count == head.size() && (head[3] & kFlagExtra) != std::byte{0} &&
              as_text(ByteSpan(head).subspan(kSubfieldOffset, 4)) == kSubfieldHeader;
  uint64_t value = 0;
  for (size_t i = 0; ours && i < 8; ++i)
    value |= std::to_integer<uint64_t>(head[kValueOffset + i]) << (8 * i);
  if (value != 0) return value;
  PayloadSizes sizes;
  return add_up_entries(split_file, [&](const tar::SplitEntry& entry) {
    return sizes.next(entry) + entry.payload.size();
  });
}

Result<uint64_t> claimed_bytes_of(const Fd& split_file) {
  return add_up_entries(split_file, [](const tar::SplitEntry& entry) {
    return entry.kind == tar::SplitEntry::kSegment ? 0 : entry.size_bytes;
  });
}

}  // namespace strata::driver
