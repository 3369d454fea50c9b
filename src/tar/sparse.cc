// SPDX-License-Identifier: Apache-2.0
// Sparse maps:
//
//   old GNU  header: entry[4] at 386, extended[1] at 482, realsize[12] at 483;
//            while extended: a block more, entry[21], extended[1] at 504
//            entry = offset[12] length[12], header numbers; one that begins with NUL ends the list
//   pax 0.0  records GNU.sparse.numblocks, then GNU.sparse.offset and .numbytes in turn
//   pax 0.1  records GNU.sparse.numblocks and .map = offset ',' length (',' offset ',' length)*
//   pax 1.0  at the head of the payload: count '\n' (offset '\n' length '\n')*, NULs to fill
//            the block
//
// Source: GNU tar manual "Storing Sparse Files" (whose "octal" is decimal in practice).
// Go 1.19 reads maps of any size; like its later releases, we refuse those beyond kMaxMetaBytes.
#include "tar/sparse.h"

#include <algorithm>

namespace strata::tar {
namespace {

constexpr size_t kEntryBytes = 24;
constexpr size_t kNumberBytes = 12;

Error too_long() {
  return error(ErrorCode::kInvalid, "archive/tar: sparse map too long: more than {} bytes",
               kMaxMetaBytes);
}

// Cuts the text up to `separator` (or all of it) off the front.
std::string_view take_token(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view token = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return token;
}

Result<RawExtent> take_extent(std::string_view& text, char separator) {
  const auto offset = parse_decimal(take_token(text, separator));
  const auto length = parse_decimal(take_token(text, separator));
  if (!offset || !length) return invalid_header("sparse map with an entry that is no number");
  return RawExtent{*offset, *length};
}

}  // namespace

Result<SparseMap> make_sparse_map(const std::vector<RawExtent>& entries, int64_t logical_size_bytes,
                                  uint64_t payload_bytes) {
  SparseMap map;
  int64_t end = 0;
  uint64_t sum = 0;
  for (const RawExtent& entry : entries) {
    const bool sound = entry.offset >= end && entry.length >= 0 &&
                       entry.offset <= logical_size_bytes &&
                       entry.length <= logical_size_bytes - entry.offset;
    if (!sound) {
      return invalid_header("sparse map entry of {} bytes at {}, after {}, in a file of {}",
                            entry.length, entry.offset, end, logical_size_bytes);
    }
    end = entry.offset + entry.length;
    sum += static_cast<uint64_t>(entry.length);
    if (entry.length > 0) {
      map.extents.push_back(
          {static_cast<uint64_t>(entry.offset), static_cast<uint64_t>(entry.length)});
    }
  }
  if (logical_size_bytes < 0) return invalid_header("sparse file of {} bytes", logical_size_bytes);
  if (sum != payload_bytes) {
    return error(
        ErrorCode::kInvalid, "archive/tar: sparse file {}: the map has {} bytes, the tar {}",
        sum > payload_bytes ? "references non-existent data" : "contains unreferenced data", sum,
        payload_bytes);
  }
  map.logical_size_bytes = static_cast<uint64_t>(logical_size_bytes);
  return map;
}

Status OldGnuSparse::begin(Block header) {
  if (header_format(header) != HeaderFormat::kGnu) {
    return invalid_header("type 'S' in a header that is not of GNU format");
  }
  const auto real_size = parse_number(field_bytes(header, kGnuRealSizeField));
  if (!real_size) return invalid_header("realsize field is not a number");
  real_size_bytes_ = *real_size;
  extension_bytes_ = 0;
  entries_.clear();
  return take(field_bytes(header, kGnuSparseField));
}

Status OldGnuSparse::add(Block extension) {
  extension_bytes_ += kBlockBytes;
  if (extension_bytes_ > kMaxMetaBytes) return too_long();
  return take(as_text(extension));
}

Status OldGnuSparse::take(std::string_view array) {
  const size_t count = array.size() / kEntryBytes;
  extended_ = array[count * kEntryBytes] != '\0';
  for (size_t i = 0; i < count; ++i) {
    const std::string_view entry = array.substr(i * kEntryBytes, kEntryBytes);
    if (entry.front() == '\0') break;
    const auto offset = parse_number(entry.substr(0, kNumberBytes));
    const auto length = parse_number(entry.substr(kNumberBytes));
    if (!offset || !length) return invalid_header("sparse map with an entry that is no number");
    entries_.push_back({*offset, *length});
  }
  return {};
}

PaxSparse pax_sparse_version(const PaxRecords& records) {
  const std::string& major = records.sparse_major;
  const std::string& minor = records.sparse_minor;
  if (major == "0" && (minor == "0" || minor == "1")) return PaxSparse::kInRecords;
  if (major == "1" && minor == "0") return PaxSparse::kInPayload;
  if (!major.empty() || !minor.empty()) return PaxSparse::kNone;
  return records.sparse_map.empty() ? PaxSparse::kNone : PaxSparse::kInRecords;
}

Result<std::vector<RawExtent>> parse_sparse_records(const PaxRecords& records) {
  const auto count = parse_decimal(records.sparse_numblocks);
  std::string_view map = records.sparse_map;
  const auto commas = static_cast<int64_t>(std::count(map.begin(), map.end(), ','));
  const int64_t numbers = map.empty() ? 0 : commas + 1;
  if (!count || *count < 0 || numbers % 2 != 0 || *count != numbers / 2) {
    return invalid_header("sparse map of {} numbers, GNU.sparse.numblocks {}", numbers,
                          quoted(records.sparse_numblocks));
  }
  std::vector<RawExtent> entries;
  for (int64_t i = 0; i < *count; ++i) {
    STRATA_TRY(RawExtent extent, take_extent(map, ','));
    entries.push_back(extent);
  }
  return entries;
}

void SparseText::begin() {
  text_.clear();
  lines_ = 0;
  count_.reset();
  entries_.clear();
}

Result<bool> SparseText::add(Block block) {
  const std::string_view text = as_text(block);
  if (text_.size() + text.size() > kMaxMetaBytes) return too_long();
  text_ += text;
  lines_ += static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines_ == 0) return false;
  if (!count_) {
    count_ = parse_decimal(std::string_view(text_).substr(0, text_.find('\n')));
    if (!count_ || *count_ < 0) return invalid_header("sparse map without a count");
    if (static_cast<uint64_t>(*count_) > kMaxMetaBytes) return too_long();
  }
  if (lines_ < 1 + 2 * static_cast<uint64_t>(*count_)) return false;
  STRATA_CHECK(parse());
  return true;
}

Status SparseText::parse() {
  std::string_view rest = text_;
  take_token(rest, '\n');
  for (int64_t i = 0; i < *count_; ++i) {
    STRATA_TRY(RawExtent extent, take_extent(rest, '\n'));
    entries_.push_back(extent);
  }
  return {};
}

}  // namespace strata::tar
