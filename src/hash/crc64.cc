// SPDX-License-Identifier: Apache-2.0
#include "hash/crc64.h"

#include <isa-l/crc64.h>

namespace strata {

void Crc64::update(ByteSpan bytes) {
  value_ =
      crc64_iso_refl(value_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::array<uint8_t, 8> Crc64::big_endian() const {
  std::array<uint8_t, 8> out{};
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(value_ >> (56 - 8 * i));
  return out;
}

}  // namespace strata
