// SPDX-License-Identifier: Apache-2.0
// UTF-8 as Go takes it (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF.
// Threads: functions of their arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace strata::tar {

bool is_utf8(std::string_view text);

// Appends a code point; what is none (a surrogate, say) becomes U+FFFD.
void append_utf8(uint32_t code_point, std::string& out);

}  // namespace strata::tar
