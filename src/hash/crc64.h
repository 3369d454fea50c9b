// SPDX-License-Identifier: Apache-2.0
// CRC-64 as tar-split uses it: ISO polynomial, reflected (0xD800000000000000), initial value and
// final xor all ones. Source: FORMATS section 4. Speed is ISA-L's (carry-less multiplication): far
// above that of SHA-256.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace strata {

class Crc64 {
 public:
  void update(ByteSpan bytes);
  uint64_t value() const { return value_; }
  // Most significant byte first, as tar-split stores it.
  std::array<uint8_t, 8> big_endian() const;

 private:
  uint64_t value_ = 0;
};

}  // namespace strata
