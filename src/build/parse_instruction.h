// SPDX-License-Identifier: Apache-2.0
// Makes the typed instruction of a joined line.
// Threads: functions without state.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "build/instruction.h"
#include "build/lines.h"

namespace strata::build {

// FROM begins a stage, everything else is an instruction of one.
// Errors: kInvalid without the line, "unknown instruction: FOO", "Unknown flag: x",
// "COPY requires at least two arguments, ...".
Result<std::variant<Stage, Instruction>> parse_line(const JoinedLine& line, char escape);

}  // namespace strata::build
