// SPDX-License-Identifier: Apache-2.0
// A pull reader over JSON text: the grammar, and the words of its errors, are those of Go's
// encoding/json, because docker shows them to users. It allocates nothing but an error text; the
// full parser (oci/json.h) and the quick scan of image configs (oci/image_summary.h) both stand on
// it, so they accept the same texts.
//
//   JsonCursor cursor(text);
//   if (cursor.enter_object()) {
//     for (JsonString key; cursor.next_member(key);) cursor.skip();
//   }
//   if (!cursor.failed()) cursor.finish();
//
// Threads: one at a time per object. Borrows the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace strata::oci {

// Containers may nest this deep; Go stops at 10,000, where recursion would cost us megabytes.
inline constexpr size_t kMaxJsonDepth = 256;

// A string as it stands in the text, without its quotes, escapes not yet undone.
struct JsonString {
  std::string_view raw;
  bool has_escapes = false;

  // The string's value as UTF-8: what is not valid becomes U+FFFD, as in Go.
  std::string decode() const;
  // True when the value equals `name`, ASCII case set aside: how Go finds a struct's field.
  bool names(std::string_view name) const;
};

class JsonCursor {
 public:
  enum class Kind { kNone, kObject, kArray, kString, kNumber, kBool, kNull };

  explicit JsonCursor(std::string_view text)
      : begin_(text.data()), next_(begin_), end_(begin_ + text.size()) {}

  // What kind of value comes next. kNone: no value begins here, and the cursor has failed.
  Kind peek();

  // Every function below returns false at an error (see failed()); the cursor then stays failed.
  // enter_*: consumes the opening bracket; the next value must be of that kind.
  bool enter_object();
  bool enter_array();
  // Consumes a member's key and colon. False also at the closing brace, which is consumed.
  bool next_member(JsonString& key);
  // Moves to the next element. False also at the closing bracket, which is consumed.
  bool next_element();
  // The next value must be of that kind (see peek()).
  bool read_string(JsonString& out);
  bool read_number(std::string_view& out);
  bool read_bool(bool& out);
  bool read_null();
  // Consumes one value of any kind, checking its syntax.
  bool skip();
  // Checks that only white space is left.
  bool finish();

  bool failed() const { return failed_; }
  // True when the failure is that the text ends too early.
  bool failed_at_end() const { return failed_ && ended_; }
  // Go's text, e.g. "invalid character 'h' looking for beginning of value".
  const std::string& error() const { return error_; }
  // Where the cursor stands, in bytes from the beginning.
  size_t offset() const { return static_cast<size_t>(next_ - begin_); }
  // The text from an earlier offset() to here.
  std::string_view since(size_t from) const { return {begin_ + from, offset() - from}; }

 private:
  bool fail_end();
  bool fail(std::string_view context);
  bool enter();
  bool close();
  // False at the end of the text. Inline for the usual case, no space at all.
  bool skip_space() {
    return (next_<end_&& static_cast<unsigned char>(*next_)> ' ') || skip_space_slowly();
  }
  bool skip_space_slowly();
  bool read_escape();
  bool read_digits(std::string_view context);
  bool read_word(std::string_view word);

  const char* begin_;
  const char* next_;
  const char* end_;
  size_t depth_ = 0;
  bool fresh_ = false;  // just behind an opening bracket: no comma is due
  bool failed_ = false;
  bool ended_ = false;
  std::string error_;
};

// Appends the code point as UTF-8; surrogates and values beyond U+10FFFF become U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

// Length of the valid UTF-8 sequence that `text` begins with, or 0. `text` is not empty.
size_t utf8_length(std::string_view text);

}  // namespace strata::oci
