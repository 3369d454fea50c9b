// SPDX-License-Identifier: Apache-2.0
// The 512-byte header block: where its fields are, and its numbers in both directions.
// Accepts and refuses what Go's archive/tar does; the grammar is at the top of header.cc.
// Threads: functions of their arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "tar/member.h"

namespace strata::tar {

inline constexpr size_t kBlockBytes = 512;

// Longest pax header, GNU long name or sparse map that is read or written: Go's maxSpecialFileSize.
inline constexpr size_t kMaxMetaBytes = size_t{1} << 20;

using Block = std::span<const std::byte, kBlockBytes>;
using MutableBlock = std::span<std::byte, kBlockBytes>;

// Types that describe the next member and are never members themselves.
inline constexpr char kPaxHeader = 'x';
inline constexpr char kGnuLongName = 'L';
inline constexpr char kGnuLongLink = 'K';

struct Field {
  uint16_t offset;
  uint16_t size;
};
inline constexpr Field kNameField{0, 100};
inline constexpr Field kModeField{100, 8};
inline constexpr Field kUidField{108, 8};
inline constexpr Field kGidField{116, 8};
inline constexpr Field kSizeField{124, 12};
inline constexpr Field kMtimeField{136, 12};
inline constexpr Field kChecksumField{148, 8};
inline constexpr Field kTypeField{156, 1};
inline constexpr Field kLinkNameField{157, 100};
inline constexpr Field kMagicField{257, 8};  // magic and version
inline constexpr Field kUserNameField{265, 32};
inline constexpr Field kGroupNameField{297, 32};
inline constexpr Field kDevMajorField{329, 8};
inline constexpr Field kDevMinorField{337, 8};
inline constexpr Field kPrefixField{345, 155};      // ustar
inline constexpr Field kGnuAtimeField{345, 12};     // GNU
inline constexpr Field kGnuCtimeField{357, 12};     // GNU
inline constexpr Field kGnuSparseField{386, 97};    // GNU: 4 entries and a flag
inline constexpr Field kGnuRealSizeField{483, 12};  // GNU
inline constexpr Field kStarPrefixField{345, 131};  // star
inline constexpr Field kStarAtimeField{476, 12};    // star
inline constexpr Field kStarCtimeField{488, 12};    // star
inline constexpr Field kStarTrailerField{508, 4};   // star

enum class HeaderFormat { kBadChecksum, kV7, kUstar, kStar, kGnu };

// The format by checksum and magic. The sum may be of unsigned or of signed bytes.
HeaderFormat header_format(Block block);

// Unpacks a header block into `member`, which is overwritten: every field but size_bytes, xattrs
// and sparse, which depend on what else precedes or follows; `type` may still be NUL.
// Errors: kInvalid, `archive/tar: invalid tar header: ...` (checksum, a field that is no number).
Status decode_header(Block block, Member& member);

// The bytes of a field, all of them, and up to the first NUL.
inline std::string_view field_bytes(Block block, Field field) {
  return as_text(block.subspan(field.offset, field.size));
}
std::string_view field_text(Block block, Field field);

// A number field: base-256 when the top bit is set (may be negative), else octal between spaces and
// NULs, empty being 0. Nothing when it is neither, or does not fit 64 bits.
std::optional<int64_t> parse_number(std::string_view field);

// A decimal number as Go's strconv.ParseInt(s, 10, 64): optional sign, digits, nothing else.
std::optional<int64_t> parse_decimal(std::string_view text);

// True when `value` can be written in octal with a NUL after it.
bool fits_octal(int64_t value, Field field);

// Writes octal digits with leading zeros and a NUL; what does not fit is written as 0, since the
// true value is then in a pax record.
void put_octal(MutableBlock block, Field field, int64_t value);

// Writes text, cut to the field. A name that is cut never ends in '/', which old readers would take
// for a directory.
void put_text(MutableBlock block, Field field, std::string_view text);

// Writes the ustar magic and version, then the checksum.
void seal_ustar(MutableBlock block);

// Text for a message: quoted, escaped, and cut when it is long (a name may have a MiB).
std::string quoted(std::string_view text);

// The error of every malformed header: docker's text, then ours.
template <typename... Args>
Error invalid_header(fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorCode::kInvalid, "archive/tar: invalid tar header: {}",
               fmt::format(format, std::forward<Args>(args)...));
}

// Bytes from `size_bytes` up to the next block border.
constexpr size_t padding_bytes(uint64_t size_bytes) {
  return static_cast<size_t>(-size_bytes & (kBlockBytes - 1));
}

}  // namespace strata::tar
