// SPDX-License-Identifier: Apache-2.0
#include "tar/utf8.h"

#include <cstring>

namespace strata::tar {
namespace {

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

// Length of the sequence at the front of `text`; 0 when it is none. The second byte has a narrower
// range behind E0 and F0 (overlong), ED (surrogates) and F4 (too high).
size_t sequence_length(std::string_view text) {
  const uint8_t first = static_cast<uint8_t>(text.front());
  if (first < 0x80) return 1;
  const size_t length = first < 0xc2   ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (char c : text.substr(1, length - 1)) {
    if (!is_continuation(c)) return 0;
  }
  const uint8_t second = static_cast<uint8_t>(text[1]);
  const bool out_of_range = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return out_of_range ? 0 : length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  while (!text.empty()) {
    uint64_t word = kHighBits;
    if (text.size() >= sizeof word) std::memcpy(&word, text.data(), sizeof word);
    const size_t length = (word & kHighBits) == 0 ? sizeof word : sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_utf8(uint32_t code_point, std::string& out) {
  const bool surrogate = code_point >= 0xd800 && code_point < 0xe000;
  const uint32_t c = surrogate || code_point > 0x10ffff ? 0xfffd : code_point;
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  }
  out += static_cast<char>(0x80 | (c & 0x3f));
}

}  // namespace strata::tar
