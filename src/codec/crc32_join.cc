// SPDX-License-Identifier: Apache-2.0
// A CRC-32 is the remainder of a polynomial over GF(2), bits reflected: bit 31 is the power 0. To
// put n zero bytes behind A means to multiply its remainder by x^(8n).
// Source: RFC 1952, section 8 (the polynomial); multiplication modulo it is school arithmetic.
#include "codec/crc32_join.h"

#include <array>

namespace strata::codec {
namespace {

constexpr uint32_t kPolynomial = 0xedb88320;
constexpr uint32_t kOne = 0x80000000;

constexpr uint32_t times_x(uint32_t a) { return a >> 1 ^ ((a & 1) != 0 ? kPolynomial : 0); }

constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (; a != 0; a <<= 1, b = times_x(b)) {
    if ((a & kOne) != 0) product ^= b;
  }
  return product;
}

// x^(8 * 2^i)
constexpr std::array<uint32_t, 64> kPowers = [] {
  std::array<uint32_t, 64> powers{};
  uint32_t power = kOne;
  for (int i = 0; i < 8; ++i) power = times_x(power);
  for (uint32_t& entry : powers) {
    entry = power;
    power = multiply(power, power);
  }
  return powers;
}();

}  // namespace

uint32_t join_crc32(uint32_t crc_a, uint32_t crc_b, uint64_t b_bytes) {
  for (unsigned i = 0; b_bytes != 0; ++i, b_bytes >>= 1) {
    if ((b_bytes & 1) != 0) crc_a = multiply(kPowers[i], crc_a);
  }
  return crc_a ^ crc_b;
}

}  // namespace strata::codec
