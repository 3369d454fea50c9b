// SPDX-License-Identifier: Apache-2.0
// What the rules of lint.cc ask of single words.
// Threads: functions without state.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace strata::build {

bool is_lower(std::string_view word);     // no upper case letter
bool is_one_case(std::string_view word);  // all lower or all upper case

// The known name that is fewer than three edits away from `name`, the nearest; empty: none.
std::string most_similar(std::string_view name, const std::set<std::string>& known);

// Whether a variable's name promises something secret: one of its words (between "_") is password,
// token, key and the like, and none is public, file or version.
bool names_a_secret(std::string_view name);

// "https://...", "git@...": no path of the context.
bool is_remote(std::string_view source);

}  // namespace strata::build
