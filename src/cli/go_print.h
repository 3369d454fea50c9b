// SPDX-License-Identifier: Apache-2.0
// Go's fmt package for the values of templates: %v and the other verbs of printf.
// Source:  the documentation of Go's package fmt (1.19). Threads: pure functions.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cli/value.h"
#include "oci/go_text.h"

namespace strata::cli {

// As fmt.Sprint(value) and so as {{value}} prints it, but for kMissing: "<nil>".
std::string go_text(const Value& value);
// "[a b]" and "map[k:v l:w]", with what `print` makes of each key and item.
using PrintValue = std::function<std::string(const Value&)>;
std::string go_joined(const Value::List& list, const PrintValue& print);
std::string go_joined(const Value::Map& map, const PrintValue& print);
// fmt.Sprint: spaces between operands where neither is a string.
std::string go_sprint(std::span<const Value> values);
// fmt.Sprintln: spaces between all, and a line break.
std::string go_sprintln(std::span<const Value> values);
// fmt.Sprintf. What does not fit is said in the text as Go does: "%!d(string=x)", "%!s(MISSING)".
std::string go_sprintf(std::string_view format, std::span<const Value> values);
using oci::code_point;
using oci::go_duration;
using oci::go_quote;
// %g with the fewest digits that keep the value (%v of a float64).
std::string go_float(double value);

}  // namespace strata::cli
