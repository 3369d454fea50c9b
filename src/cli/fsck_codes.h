// SPDX-License-Identifier: Apache-2.0
// Exit codes of the doctor's commands: check, repair, recover.
// Source:  fsck(8).
#pragma once

#include "cli/command.h"

namespace strata::cli::fsck {

inline constexpr int kClean = 0;   // recover: all is as it was
inline constexpr int kMended = 1;  // all of what was found
inline constexpr int kLeft = 4;    // something is not as it should be, or was
inline constexpr int kCouldNotWork = 8;
inline constexpr int kUsage = 16;  // words that contradict, or are not understood

// The code of a command that has printed its report: kCouldNotWork where the report could not be written. A reader that wanted no more
// of it is no error.
inline int code_when_told(Context& context, int code) {
  const bool told = context.out().flush().ok() || context.out().reader_is_gone();
  return told ? code : kCouldNotWork;
}

}  // namespace strata::cli::fsck
