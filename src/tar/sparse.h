// SPDX-License-Identifier: Apache-2.0
// Sparse maps in the four shapes that GNU tar has given them. The grammar stands in sparse.cc.
// Threads: one at a time per object.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tar/header.h"
#include "tar/member.h"
#include "tar/pax.h"

namespace strata::tar {

// Entries as they stand in the tar, not yet checked.
struct RawExtent {
  int64_t offset;
  int64_t length;
};

// Checks the entries against the sizes and makes the map of them; empty entries are dropped.
// Errors: kInvalid: entries that overlap, are out of order or leave the file, and
//   `archive/tar: sparse file references non-existent data` or `contains unreferenced data` when
//   the lengths do not add up to `payload_bytes`.
Result<SparseMap> make_sparse_map(const std::vector<RawExtent>& entries, int64_t logical_size_bytes,
                                  uint64_t payload_bytes);

// Entries of an old GNU header, and of each extension block that follows while `extended` is true.
class OldGnuSparse {
 public:
  // Errors: kInvalid, as all here.
  Status begin(Block header);
  Status add(Block extension);
  bool extended() const { return extended_; }
  int64_t real_size_bytes() const { return real_size_bytes_; }
  const std::vector<RawExtent>& entries() const { return entries_; }

 private:
  Status take(std::string_view array);

  bool extended_ = false;
  int64_t real_size_bytes_ = 0;
  size_t extension_bytes_ = 0;
  std::vector<RawExtent> entries_;
};

// Which pax sparse version the records announce.
enum class PaxSparse {
  kNone,
  kInRecords,  // 0.0 and 0.1: the map is in the records
  kInPayload,  // 1.0: the map is text at the head of the payload, in whole blocks
};
PaxSparse pax_sparse_version(const PaxRecords& records);

// The map of versions 0.0 and 0.1. Errors: kInvalid.
Result<std::vector<RawExtent>> parse_sparse_records(const PaxRecords& records);

// Reads the map of version 1.0, a block at a time.
class SparseText {
 public:
  void begin();
  // Returns true when the block was the last one of the map. Errors: kInvalid.
  Result<bool> add(Block block);
  const std::vector<RawExtent>& entries() const { return entries_; }

 private:
  Status parse();

  std::string text_;
  size_t lines_ = 0;
  std::optional<int64_t> count_;
  std::vector<RawExtent> entries_;
};

}  // namespace strata::tar
