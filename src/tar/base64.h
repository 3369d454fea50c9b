// SPDX-License-Identifier: Apache-2.0
// Base64 in pieces, standard alphabet with padding, as tar-split payloads have it.
// Source:  RFC 4648 section 4.
// Threads: one at a time per object.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace strata::tar {

// Characters that encode `count` bytes as a whole.
constexpr size_t base64_size(size_t count) { return (count + 2) / 3 * 4; }

class Base64Encoder {
 public:
  // Room that `out` needs for `count` more bytes.
  static constexpr size_t room(size_t count) { return base64_size(count + 2); }
  // Encodes what makes whole groups of three and keeps the rest; returns the characters written.
  size_t encode(ByteSpan bytes, char* out);
  // Encodes the rest with its padding (0 or 4 characters) and begins anew.
  size_t finish(char* out);

 private:
  std::array<std::byte, 3> rest_{};
  size_t rest_size_ = 0;
};

// All of it at once.
void append_base64(ByteSpan bytes, std::string& out);
std::string to_base64(ByteSpan bytes);

class Base64Decoder {
 public:
  // Appends what the characters decode to. False for a character that does not belong there.
  [[nodiscard]] bool decode(std::string_view text, std::vector<std::byte>& out);
  // True when the text ended with a whole group; begins anew.
  [[nodiscard]] bool finish();

 private:
  bool slow_group_char(char c, std::vector<std::byte>& out);

  std::array<char, 4> group_{};  // of a group that is spread over two pieces
  size_t group_size_ = 0;
  bool ended_ = false;  // '=' has been seen
};

}  // namespace strata::tar
