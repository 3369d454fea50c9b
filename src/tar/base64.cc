// SPDX-License-Identifier: Apache-2.0
#include "tar/base64.h"

#include <algorithm>
#include <cstring>

namespace strata::tar {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Two characters for twelve bits: one table of 8 KiB, half the look-ups of the plain alphabet.
constexpr auto kPairs = [] {
  std::array<std::array<char, 2>, 4096> pairs{};
  for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  return pairs;
}();

// Bits of a character at each of its four places in the group's 24 bits; kBad if it has none.
constexpr uint32_t kBad = 1u << 31;
constexpr auto kBits = [] {
  std::array<std::array<uint32_t, 256>, 4> bits{};
  for (auto& place : bits) place.fill(kBad);
  for (uint32_t i = 0; i < 64; ++i) {
    for (size_t place = 0; place < 4; ++place) {
      bits[place][static_cast<uint8_t>(kAlphabet[i])] = i << (18 - 6 * place);
    }
  }
  return bits;
}();

uint32_t byte_at(const std::byte* in, size_t i) { return static_cast<uint32_t>(in[i]); }

void encode_group(const std::byte* in, char* out) {
  const uint32_t bits = byte_at(in, 0) << 16 | byte_at(in, 1) << 8 | byte_at(in, 2);
  std::memcpy(out, kPairs[bits >> 12].data(), 2);
  std::memcpy(out + 2, kPairs[bits & 4095].data(), 2);
}

uint32_t decode_group(const char* in) {
  return kBits[0][static_cast<uint8_t>(in[0])] | kBits[1][static_cast<uint8_t>(in[1])] |
         kBits[2][static_cast<uint8_t>(in[2])] | kBits[3][static_cast<uint8_t>(in[3])];
}

void store_group(uint32_t bits, std::byte* out) {
  out[0] = static_cast<std::byte>(bits >> 16);
  out[1] = static_cast<std::byte>(bits >> 8);
  out[2] = static_cast<std::byte>(bits);
}

}  // namespace

size_t Base64Encoder::encode(ByteSpan bytes, char* out) {
  char* const begin = out;
  if (rest_size_ > 0) {
    const size_t taken = std::min(rest_.size() - rest_size_, bytes.size());
    std::copy_n(bytes.begin(), taken, rest_.begin() + static_cast<ptrdiff_t>(rest_size_));
    rest_size_ += taken;
    bytes = bytes.subspan(taken);
    if (rest_size_ < rest_.size()) return 0;
    encode_group(rest_.data(), out);
    out += 4;
    rest_size_ = 0;
  }
  const std::byte* in = bytes.data();
  const std::byte* const end = in + bytes.size() / 3 * 3;
  for (; in != end; in += 3, out += 4) encode_group(in, out);
  rest_size_ = bytes.size() % 3;
  std::copy_n(in, rest_size_, rest_.begin());
  return static_cast<size_t>(out - begin);
}

size_t Base64Encoder::finish(char* out) {
  if (rest_size_ == 0) return 0;
  std::fill(rest_.begin() + static_cast<ptrdiff_t>(rest_size_), rest_.end(), std::byte{0});
  encode_group(rest_.data(), out);
  out[3] = '=';
  if (rest_size_ == 1) out[2] = '=';
  rest_size_ = 0;
  return 4;
}

void append_base64(ByteSpan bytes, std::string& out) {
  const size_t old_size = out.size();
  out.resize(old_size + Base64Encoder::room(bytes.size()));
  Base64Encoder encoder;
  char* to = out.data() + old_size;
  to += encoder.encode(bytes, to);
  to += encoder.finish(to);
  out.resize(static_cast<size_t>(to - out.data()));
}

std::string to_base64(ByteSpan bytes) {
  std::string text;
  append_base64(bytes, text);
  return text;
}

bool Base64Decoder::decode(std::string_view text, std::vector<std::byte>& out) {
  while (group_size_ > 0 && !text.empty()) {
    if (!slow_group_char(text.front(), out)) return false;
    text.remove_prefix(1);
  }
  size_t groups = ended_ ? 0 : text.size() / 4;
  const size_t old_size = out.size();
  out.resize(old_size + groups * 3);
  std::byte* to = out.data() + old_size;
  uint32_t all = 0;
  const char* from = text.data();
  for (; groups > 0; --groups, from += 4, to += 3) {
    const uint32_t bits = decode_group(from);
    all |= bits;
    if (bits & kBad) break;
    store_group(bits, to);
  }
  out.resize(static_cast<size_t>(to - out.data()));
  text.remove_prefix(static_cast<size_t>(from - text.data()));
  for (char c : text) {
    if (!slow_group_char(c, out)) return false;
  }
  return true;
}

// Takes the characters of a group one by one: at the border of two pieces, and with padding.
bool Base64Decoder::slow_group_char(char c, std::vector<std::byte>& out) {
  const bool pad = c == '=';
  const bool pad_before = group_size_ == 3 && group_[2] == '=';
  if (ended_ || (pad ? group_size_ < 2 : kBits[0][static_cast<uint8_t>(c)] == kBad) ||
      (pad_before && !pad)) {
    return false;
  }
  group_[group_size_++] = c;
  if (group_size_ < group_.size()) return true;
  group_size_ = 0;
  ended_ = pad;
  const size_t count = !pad ? 3 : pad_before ? 1 : 2;
  std::replace(group_.begin(), group_.end(), '=', 'A');
  std::array<std::byte, 3> bytes;
  store_group(decode_group(group_.data()), bytes.data());
  out.insert(out.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
  return true;
}

bool Base64Decoder::finish() {
  const bool whole = group_size_ == 0;
  group_size_ = 0;
  ended_ = false;
  return whole;
}

}  // namespace strata::tar
