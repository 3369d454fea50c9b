// SPDX-License-Identifier: Apache-2.0
// BlobJournal: which bytes of a blob on the way have arrived, on disk.
// Shape:   <64HEX>.journal beside the bytes; grammar in blob_journal.cc.
// Threads: one at a time. Other processes: whoever has the object holds the file's lock.
// Crash:   after kill -9 it names only bytes that were written. After a power cut it may name bytes
//          that were lost: who uses them verifies the whole blob.
#pragma once

#include <string>

#include "base/lock.h"
#include "registry/byte_ranges.h"

namespace strata::registry {

class BlobJournal {
 public:
  // What the journal says about a blob of `size_bytes`. One of another size, or that makes no
  // sense, is one of nothing.
  static Result<BlobJournal> open(FileLock file, uint64_t size_bytes);

  const ByteRanges& arrived() const { return arrived_; }
  // The ETag under which it arrived; empty: none.
  const std::string& validator() const { return validator_; }

  // Only after the bytes were written.
  Status add(const ByteRange& range);
  // From now on only `kept` counts, and what comes is of that ETag.
  Status restart(const std::string& validator, const ByteRanges& kept);

 private:
  BlobJournal(FileLock file, uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}
  void parse(std::string_view text);

  FileLock file_;
  uint64_t size_bytes_;
  std::string validator_;
  ByteRanges arrived_;
};

}  // namespace strata::registry
