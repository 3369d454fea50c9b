// SPDX-License-Identifier: Apache-2.0
// The names of BuildKit's rules, and which of them are in force.
// Threads: values.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

struct LintRule {
  std::string_view name;
  std::string_view description;
  std::string_view url_name;  // the last part of its address; empty: it has no page
  bool experimental = false;  // only if asked for

  std::string url() const;
};

// All rules that lint() knows.
std::span<const LintRule> lint_rules();
// The rule must exist.
const LintRule& lint_rule(std::string_view name);

// "skip=A,B;error=true;experimental=all": what the check directive says.
struct LintConfig {
  bool skip_all = false;
  std::set<std::string, std::less<>> skipped;
  bool experimental_all = false;
  std::set<std::string, std::less<>> experimental;
  bool fail = false;

  // Errors: kInvalid, `invalid check option "x"`.
  static Result<LintConfig> parse(std::string_view text);

  bool runs(const LintRule& rule) const;
  // This, and what a "# check=..." right before an instruction says for it alone.
  LintConfig with_comments(const std::vector<std::string>& comments) const;
};

}  // namespace strata::build
