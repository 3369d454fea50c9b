// SPDX-License-Identifier: Apache-2.0
// What `repair` prints.
// Threads: functions without state.
#pragma once

#include <string>

#include "cli/value.h"
#include "doctor/repair.h"

namespace strata::cli {

// What is wrong, what is done about it, and whence that is known; then a summary and what to do next.
std::string text_of(const doctor::RepairOptions& options, const doctor::RepairReport& report);
// For templates and JSON.
Value value_of(const doctor::RepairOptions& options, const doctor::RepairReport& report);

}  // namespace strata::cli
