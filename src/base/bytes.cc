// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <cstring>

namespace strata {

bool all_zero(ByteSpan bytes) {
  // Comparing the span with itself one byte on lets memcmp use the widest loads there are.
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace strata
