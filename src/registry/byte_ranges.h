// SPDX-License-Identifier: Apache-2.0
// ByteRanges: which bytes of a blob are there.
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace strata::registry {

struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;  // behind the last byte
  bool operator==(const ByteRange&) const = default;
};

// Ranges that touch or overlap become one.
class ByteRanges {
 public:
  void add(const ByteRange& range);
  // The end of the range that holds byte `at`; `at` itself when that byte is not there.
  uint64_t end_from(uint64_t at) const;
  // The first bytes in `within` that are not there.
  std::optional<ByteRange> first_gap(const ByteRange& within) const;
  bool covers(const ByteRange& range) const { return !first_gap(range); }
  uint64_t total_bytes() const;
  const std::map<uint64_t, uint64_t>& all() const { return ends_; }  // begin -> end

 private:
  std::map<uint64_t, uint64_t> ends_;
};

}  // namespace strata::registry
