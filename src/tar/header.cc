// SPDX-License-Identifier: Apache-2.0
// Header block, 512 bytes, numbers in octal text or base-256:
//
//   name[100] mode[8] uid[8] gid[8] size[12] mtime[12] checksum[8] type[1] linkname[100]
//   V7     nothing more
//   ustar  "ustar\0" version[2] uname[32] gname[32] devmajor[8] devminor[8] prefix[155]
//   GNU    "ustar " " \0" uname gname devmajor devminor atime[12] ctime[12],
//          at 386 sparse[96+1] realsize[12]
//   star   as ustar, prefix[131] atime[12] ctime[12], at 508 "tar\0"
//
//   octal    (' ' | NUL)* [0-7]* (NUL anything)? (' ' | NUL)*
//   base-256 first bit 1, then two's complement, big-endian
//
// Source: POSIX.1-2017 pax "ustar Interchange Format"; GNU tar manual "Basic Tar Format"; leniency
//         as Go 1.19's archive/tar, with which the tests compare (tests/data/tar/make.sh).
#include "tar/header.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace strata::tar {
namespace {

constexpr std::string_view kUstarMagic{"ustar\0", 6};
constexpr std::string_view kGnuMagic{"ustar  \0", 8};
constexpr std::string_view kStarTrailer{"tar\0", 4};

bool is_fill(char c) { return c == ' ' || c == '\0'; }

std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

std::optional<int64_t> parse_octal(std::string_view field) {
  while (!field.empty() && is_fill(field.front())) field.remove_prefix(1);
  while (!field.empty() && is_fill(field.back())) field.remove_suffix(1);
  if (field.empty()) return 0;
  uint64_t value = 0;
  for (char c : until_nul(field)) {
    if (c < '0' || c > '7' || value >> 61 != 0) return std::nullopt;
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return static_cast<int64_t>(value);
}

std::optional<int64_t> parse_base256(std::string_view field) {
  const bool negative = (field.front() & 0x40) != 0;
  const uint8_t invert = negative ? 0xff : 0;
  uint64_t value = 0;
  for (size_t i = 0; i < field.size(); ++i) {
    uint8_t byte = static_cast<uint8_t>(field[i]) ^ invert;
    if (i == 0) byte &= 0x7f;
    if (value >> 56 != 0) return std::nullopt;
    value = value << 8 | byte;
  }
  if (value >> 63 != 0) return std::nullopt;
  return static_cast<int64_t>(negative ? ~value : value);
}

// Sums of the block with the checksum field taken as spaces.
struct Checksums {
  int64_t of_unsigned = 0;
  int64_t of_signed = 0;
};

Checksums checksums(Block block) {
  uint32_t sum = 0;
  uint32_t high = 0;
  for (std::byte b : block) {
    sum += static_cast<uint8_t>(b);
    high += static_cast<uint8_t>(b) >> 7;
  }
  for (char c : field_bytes(block, kChecksumField)) {
    sum += ' ' - static_cast<uint32_t>(static_cast<uint8_t>(c));
    high -= static_cast<uint8_t>(c) >> 7;
  }
  return {sum, static_cast<int64_t>(sum) - 256 * static_cast<int64_t>(high)};
}

HeaderFormat format_by_magic(Block block) {
  const std::string_view magic = field_bytes(block, kMagicField);
  if (magic.starts_with(kUstarMagic)) {
    const bool star = field_bytes(block, kStarTrailerField) == kStarTrailer;
    return star ? HeaderFormat::kStar : HeaderFormat::kUstar;
  }
  return magic == kGnuMagic ? HeaderFormat::kGnu : HeaderFormat::kV7;
}

Result<int64_t> number(Block block, Field field, std::string_view what) {
  if (auto value = parse_number(field_bytes(block, field))) return *value;
  return invalid_header("{} field {:?} is not a number", what, field_bytes(block, field));
}

// The times of the GNU format. Go before 1.8 wrote a ustar prefix in their place: when they are no
// numbers, returns that prefix.
std::string_view decode_gnu_times(Block block, Member& member) {
  const std::string_view atime = field_bytes(block, kGnuAtimeField);
  const std::string_view ctime = field_bytes(block, kGnuCtimeField);
  const auto atime_value = parse_number(atime);
  const auto ctime_value = parse_number(ctime);
  const bool has_atime = atime.front() != '\0';
  const bool has_ctime = ctime.front() != '\0';
  if ((has_atime && !atime_value) || (has_ctime && !ctime_value)) {
    const std::string_view prefix = field_text(block, kPrefixField);
    const bool ascii = std::all_of(prefix.begin(), prefix.end(), [](char c) { return c > 0; });
    return ascii ? prefix : std::string_view();
  }
  member.has_atime = has_atime;
  if (has_atime) member.atime_seconds = *atime_value;
  member.has_ctime = has_ctime;
  if (has_ctime) member.ctime_seconds = *ctime_value;
  return {};
}

// The fields behind the V7 ones; returns the prefix of the name.
Result<std::string_view> decode_extension(Block block, HeaderFormat format, Member& member) {
  member.user_name = field_text(block, kUserNameField);
  member.group_name = field_text(block, kGroupNameField);
  STRATA_TRY(int64_t major, number(block, kDevMajorField, "devmajor"));
  STRATA_TRY(int64_t minor, number(block, kDevMinorField, "devminor"));
  member.dev_major = static_cast<uint32_t>(major);
  member.dev_minor = static_cast<uint32_t>(minor);
  if (format == HeaderFormat::kGnu) return decode_gnu_times(block, member);
  if (format == HeaderFormat::kUstar) return field_text(block, kPrefixField);
  STRATA_TRY(member.atime_seconds, number(block, kStarAtimeField, "atime"));
  STRATA_TRY(member.ctime_seconds, number(block, kStarCtimeField, "ctime"));
  member.has_atime = member.has_ctime = true;
  return field_text(block, kStarPrefixField);
}

void reset(Member& member) {
  member.user_name.clear();
  member.group_name.clear();
  member.mtime_nanoseconds = member.atime_nanoseconds = member.ctime_nanoseconds = 0;
  member.atime_seconds = member.ctime_seconds = 0;
  member.has_atime = member.has_ctime = false;
  member.dev_major = member.dev_minor = 0;
}

}  // namespace

HeaderFormat header_format(Block block) {
  const auto stated = parse_octal(field_bytes(block, kChecksumField));
  const Checksums sums = checksums(block);
  if (!stated || (*stated != sums.of_unsigned && *stated != sums.of_signed)) {
    return HeaderFormat::kBadChecksum;
  }
  return format_by_magic(block);
}

Status decode_header(Block block, Member& member) {
  const HeaderFormat format = header_format(block);
  if (format == HeaderFormat::kBadChecksum) {
    return invalid_header("checksum field {:?}, sum of the bytes {:o} (octal)",
                          field_bytes(block, kChecksumField), checksums(block).of_unsigned);
  }
  reset(member);
  member.type = field_bytes(block, kTypeField).front();
  member.link_name = field_text(block, kLinkNameField);
  STRATA_TRY(member.declared_size_bytes, number(block, kSizeField, "size"));
  STRATA_TRY(int64_t mode, number(block, kModeField, "mode"));
  STRATA_TRY(int64_t uid, number(block, kUidField, "uid"));
  STRATA_TRY(int64_t gid, number(block, kGidField, "gid"));
  STRATA_TRY(member.mtime_seconds, number(block, kMtimeField, "mtime"));
  member.mode = static_cast<uint32_t>(mode);
  member.uid = static_cast<uint32_t>(uid);
  member.gid = static_cast<uint32_t>(gid);
  member.uid_in_range = is_owner_id(uid);
  member.gid_in_range = is_owner_id(gid);

  std::string_view prefix;
  if (format != HeaderFormat::kV7) {
    STRATA_TRY(prefix, decode_extension(block, format, member));
  }
  member.name = prefix;
  if (!prefix.empty()) member.name += '/';
  member.name += field_text(block, kNameField);
  return {};
}

std::string_view field_text(Block block, Field field) {
  return until_nul(field_bytes(block, field));
}

std::optional<int64_t> parse_number(std::string_view field) {
  if (!field.empty() && (field.front() & 0x80) != 0) return parse_base256(field);
  return parse_octal(field);
}

std::optional<int64_t> parse_decimal(std::string_view text) {
  if (text.starts_with('+')) {  // std::from_chars takes only '-'
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool fits_octal(int64_t value, Field field) {
  return value >= 0 && value >> (3 * (field.size - 1)) == 0;
}

std::string quoted(std::string_view text) {
  constexpr size_t kShownBytes = 256;
  return fmt::format("{:?}{}", text.substr(0, kShownBytes), text.size() > kShownBytes ? "..." : "");
}

void put_octal(MutableBlock block, Field field, int64_t value) {
  if (!fits_octal(value, field)) value = 0;
  for (size_t i = field.size - 1; i-- > 0; value >>= 3) {
    block[field.offset + i] = static_cast<std::byte>('0' + (value & 7));
  }
  block[field.offset + field.size - 1] = std::byte{0};
}

void put_text(MutableBlock block, Field field, std::string_view text) {
  const std::string_view cut = text.substr(0, field.size);
  std::copy_n(as_bytes(cut).begin(), cut.size(), block.begin() + field.offset);
  if (cut.size() < text.size() && cut.ends_with('/')) {
    block[field.offset + cut.find_last_not_of('/') + 1] = std::byte{0};
  }
}

void seal_ustar(MutableBlock block) {
  std::memcpy(block.data() + kMagicField.offset, "ustar\00000", kMagicField.size);
  const int64_t sum = checksums(block).of_unsigned;  // below 2^17: six digits always do
  put_octal(block, {kChecksumField.offset, 7}, sum);
  block[kChecksumField.offset + 7] = std::byte{' '};
}

}  // namespace strata::tar
