// SPDX-License-Identifier: Apache-2.0
// The texts of --help, and of a wrong number of arguments; docker's form.
// Threads: pure functions.
#pragma once

#include <string>

#include "cli/routes.h"

namespace strata::cli {

// How the user called it: "strata images", "strata image ls".
std::string called_name(const Route& route, bool by_group);

std::string help_of_program();
std::string help_of_group(const Group& group);
std::string help_of_command(const Route& route, bool by_group, const Options& own_options);
// Usage and summary alone, as below a wrong number of arguments.
std::string short_help(const Route& route, bool by_group);

// "\"strata tag\" requires exactly 2 arguments."; empty when the number is right.
std::string argument_complaint(const Route& route, bool by_group, size_t count);

}  // namespace strata::cli
