// SPDX-License-Identifier: Apache-2.0
// JsonCursor: reads JSON token by token from a stream, in a fixed buffer. Only what tar-split
// wants: the caller says what it expects next, and can skip a value it does not know.
// Errors of all functions: kCorrupt, naming the byte, and those of the source.
// Threads: one at a time per object.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/stream.h"

namespace strata::tar {

class JsonCursor {
 public:
  // The caller keeps `source` alive.
  explicit JsonCursor(ByteSource& source);

  // Skips white space. True when the text ends there.
  Result<bool> at_end();
  // Skips white space, then consumes `c`, which must be there.
  Status expect(char c);
  // Skips white space, then consumes `c` if it is there.
  Result<bool> accept(char c);
  // Consumes `null` if it is there.
  Result<bool> accept_null();

  // A string of up to `limit_bytes`, unescaped, into `out`. A lone surrogate becomes U+FFFD, as in
  // Go.
  Status read_string(std::string& out, size_t limit_bytes);
  // Inside a string: true when the closing quote is next.
  Result<bool> at_quote();
  // Inside a string, behind its opening quote: up to `limit_bytes` of its characters, as they are
  // in the text, valid until the next call. Empty only when the closing quote is next.
  Result<std::string_view> string_part(size_t limit_bytes);

  Result<int64_t> read_integer();
  Status skip_value();

  uint64_t offset_bytes() const { return before_ + next_; }
  Error corrupt(std::string_view what) const;

 private:
  Result<bool> fill();
  Result<char> next_char();
  Result<char> peek_token();
  Status read_escape(std::string& out);
  Result<uint32_t> read_hex4();
  Status expect_word(std::string_view word);
  Status skip_nested(int depth);
  Status skip_container(char open, int depth);

  ByteSource& source_;
  std::vector<std::byte> buffer_;
  size_t next_ = 0;
  size_t end_ = 0;
  uint64_t before_ = 0;  // bytes of the text before the buffer
  std::string scratch_;
};

}  // namespace strata::tar
