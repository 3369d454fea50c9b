// SPDX-License-Identifier: Apache-2.0
// Single values as Go writes and reads them: quoted strings and durations.
// Source:  the documentation of Go's packages fmt, strconv and time (1.19). Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::oci {

// %q of a string: Go syntax with double quotes.
std::string go_quote(std::string_view text);

// %q of an integer: the character in single quotes, '\x03'.
std::string go_quote_rune(char32_t code);

// "1m30s", "5s", "0s".
std::string go_duration(int64_t nanoseconds);
// The reverse ("24h", "1h30m", "10s", "1.5h", "-1s"), in nanoseconds.
// Errors: kInvalid with Go's texts, `time: invalid duration "x"`, `time: missing unit in duration "5"`.
Result<int64_t> parse_duration(std::string_view text);

// "1", "t", "TRUE", "false" and the like, as strconv.ParseBool takes them.
// Errors: kInvalid, `strconv.ParseBool: parsing "x": invalid syntax`.
Result<bool> parse_bool(std::string_view text);

// The code point of the valid UTF-8 character that `text` begins with; of a byte that is none, its
// value.
char32_t code_point(std::string_view text);

}  // namespace strata::oci
