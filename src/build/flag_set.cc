// SPDX-License-Identifier: Apache-2.0
#include "build/flag_set.h"

#include <algorithm>

#include "build/words.h"

namespace strata::build {

Status FlagSet::set(const Flag& flag, const std::optional<std::string>& value) {
  const auto missing = [&] {
    return error(ErrorCode::kInvalid, "Missing a value on flag: {}", flag.name);
  };
  if (auto* const* target = std::get_if<std::optional<bool>*>(&flag.target)) {
    if (value && value->empty()) return missing();
    const std::string word = to_lower(value.value_or("true"));
    if (word != "true" && word != "false") {
      return error(ErrorCode::kInvalid, "Expecting boolean value for flag {}, not: {}", flag.name,
                   *value);
    }
    **target = word == "true";
    return {};
  }
  if (!value) return missing();
  if (auto* const* target = std::get_if<std::string*>(&flag.target)) **target = *value;
  if (auto* const* target = std::get_if<std::vector<std::string>*>(&flag.target)) {
    (*target)->push_back(*value);
  }
  return {};
}

Status FlagSet::parse(const std::vector<std::string>& flags) {
  for (const std::string& text : flags) {
    const std::string_view body = std::string_view(text).substr(2);
    const size_t equals = body.find('=');
    const std::string_view name = body.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string_view::npos) value = body.substr(equals + 1);
    const auto flag = std::find_if(flags_.begin(), flags_.end(),
                                   [&](const Flag& each) { return each.name == name; });
    if (flag == flags_.end()) return error(ErrorCode::kInvalid, "Unknown flag: {}", name);
    const bool repeats = std::holds_alternative<std::vector<std::string>*>(flag->target);
    if (std::exchange(flag->seen, true) && !repeats) {
      return error(ErrorCode::kInvalid, "Duplicate flag specified: {}", name);
    }
    STRATA_CHECK(set(*flag, value));
  }
  return {};
}

}  // namespace strata::build
