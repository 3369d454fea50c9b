// SPDX-License-Identifier: Apache-2.0
#include "cli/key_values.h"

#include <algorithm>

namespace strata::cli {

std::vector<std::pair<std::string, std::string>> key_values(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find(','));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    const size_t equals = field.find('=');
    fields.emplace_back(field.substr(0, equals),
                        equals == field.npos ? std::string_view() : field.substr(equals + 1));
  }
  return fields;
}

}  // namespace strata::cli
