// SPDX-License-Identifier: Apache-2.0
// Exit codes of the doctor's commands: check, repair, recover.
// Source:  fsck(8).
#pragma once

namespace strata::cli::fsck {

inline constexpr int kClean = 0;   // recover: all is as it was
inline constexpr int kMended = 1;  // all of what was found
inline constexpr int kLeft = 4;    // something is not as it should be, or was
inline constexpr int kCouldNotWork = 8;

}  // namespace strata::cli::fsck
