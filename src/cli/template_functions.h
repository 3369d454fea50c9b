// SPDX-License-Identifier: Apache-2.0
// The functions that templates may call: Go's own (and, eq, index, len, printf …) and docker's
// (json, join, lower, pad, split, title, truncate, upper).
// Source:  Go 1.19, package text/template, "Functions"; the documentation of docker's --format.
// Threads: pure functions.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/value.h"

namespace strata::cli {

struct TemplateFunction {
  enum class Parameter { kAny, kString, kInt, kStrings };
  std::string_view name;
  std::vector<Parameter> parameters;
  bool variadic = false;  // the last parameter may come any number of times, or not at all
  // `arguments` fit the parameters. The error is the reason alone: "index out of range: 9".
  Result<Value> (*call)(std::span<const Value> arguments);
  // In the heading of a table it gives its first argument back (docker: {{upper .ID}} is "IMAGE
  // ID").
  bool leaves_headings = false;
};

// Null if there is no such function. `and` and `or` have a null `call`: they evaluate lazily.
const TemplateFunction* find_template_function(std::string_view name);

// The Go type of a parameter: "string", "int", "[]string", "interface {}".
std::string_view parameter_type(TemplateFunction::Parameter parameter);
bool fits(TemplateFunction::Parameter parameter, const Value& value);

}  // namespace strata::cli
