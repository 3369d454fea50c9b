// SPDX-License-Identifier: Apache-2.0
// NameSet: which names a layer has, 8 bytes each: a hash of the path, and what is known of it. Enough to ask of each file that is
// found whether the layer knows it.
// Threads: one.
// Memory:  16 to 32 bytes a name, whatever its length. Of a million names two are taken for one with a chance of 2 in 10 million.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace strata::doctor {

class NameSet {
 public:
  // What is known of a name; joined by |.
  enum Flag : uint8_t {
    kNamed = 1,   // a member has it; without: it is a folder on the way to one
    kFolder = 2,  // as what it was seen last
    kOpaque = 4,  // that folder has an opaque mark
  };

  NameSet();

  // All that is known of it; 0: nothing. A folder on the way is kFolder.
  uint8_t find(std::string_view path) const;
  // Puts it in, or replaces what was known. `flags` may not be 0.
  void set(std::string_view path, uint8_t flags);
  size_t size() const { return used_; }

 private:
  static constexpr uint64_t kFlagMask = 7;
  uint64_t hash(std::string_view path) const;
  size_t slot_of(uint64_t hash) const;
  void grow();

  uint64_t seed_;
  std::vector<uint64_t> slots_;  // 0: free
  size_t used_ = 0;
};

}  // namespace strata::doctor
