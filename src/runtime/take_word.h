// SPDX-License-Identifier: Apache-2.0
// Texts that are taken apart word by word.
// Threads: functions without state.
#pragma once

#include <algorithm>
#include <string_view>

namespace strata::runtime {

// What stands before the separator, or all of it; `rest` is then what follows.
inline std::string_view take_word(std::string_view& rest, char separator) {
  const std::string_view word = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  return word;
}

}  // namespace strata::runtime
