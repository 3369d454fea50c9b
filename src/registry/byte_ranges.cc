// SPDX-License-Identifier: Apache-2.0
#include "registry/byte_ranges.h"

#include <algorithm>

namespace strata::registry {

void ByteRanges::add(const ByteRange& range) {
  if (range.begin >= range.end) return;
  ByteRange merged = range;
  auto next = ends_.lower_bound(merged.begin);
  if (next != ends_.begin() && std::prev(next)->second >= merged.begin) --next;
  while (next != ends_.end() && next->first <= merged.end) {
    merged.begin = std::min(merged.begin, next->first);
    merged.end = std::max(merged.end, next->second);
    next = ends_.erase(next);
  }
  ends_.emplace(merged.begin, merged.end);
}

uint64_t ByteRanges::end_from(uint64_t at) const {
  auto behind = ends_.upper_bound(at);
  if (behind == ends_.begin()) return at;
  return std::max(at, std::prev(behind)->second);
}

std::optional<ByteRange> ByteRanges::first_gap(const ByteRange& within) const {
  uint64_t begin = end_from(within.begin);
  if (begin >= within.end) return std::nullopt;
  auto next = ends_.upper_bound(begin);
  uint64_t end = next == ends_.end() ? within.end : std::min(within.end, next->first);
  return ByteRange{begin, end};
}

uint64_t ByteRanges::total_bytes() const {
  uint64_t total = 0;
  for (const auto& [begin, end] : ends_) total += end - begin;
  return total;
}

}  // namespace strata::registry
