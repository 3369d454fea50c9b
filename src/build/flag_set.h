// SPDX-License-Identifier: Apache-2.0
// The flags between an instruction's keyword and its arguments.
// Threads: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace strata::build {

class FlagSet {
 public:
  // Where the value of --name goes. The target must outlive parse().
  FlagSet& text(std::string_view name, std::string* target) { return add(name, target); }
  FlagSet& texts(std::string_view name, std::vector<std::string>* target) {
    return add(name, target);
  }
  FlagSet& yes_or_no(std::string_view name, std::optional<bool>* target) {
    return add(name, target);
  }

  // Errors: kInvalid, "Unknown flag: x", "Duplicate flag specified: x", "Missing a value on flag: x",
  // "Expecting boolean value for flag x, not: y".
  Status parse(const std::vector<std::string>& flags);

 private:
  using Target = std::variant<std::string*, std::vector<std::string>*, std::optional<bool>*>;
  struct Flag {
    std::string_view name;
    Target target;
    bool seen = false;
  };

  FlagSet& add(std::string_view name, Target target) {
    flags_.push_back({name, target});
    return *this;
  }
  static Status set(const Flag& flag, const std::optional<std::string>& value);

  std::vector<Flag> flags_;
};

}  // namespace strata::build
