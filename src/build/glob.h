// SPDX-License-Identifier: Apache-2.0
// Shell patterns as Go's path.Match reads them: those of COPY's and ADD's sources.
//   *        any bytes but '/'
//   ?        any character but '/'
//   [a-z]    a character of a class; [^a-z] one that is not in it. '/' may be in a class
//   \c       the character c
// Source:  Go's path/filepath, Match; docker compares whole paths with it.
// Threads: functions of their arguments.
#pragma once

#include <string_view>

#include "base/result.h"

namespace strata::build {

// Whether the pattern covers all of `name`.
// Errors: kInvalid, `syntax error in pattern`; only when the bad part is reached, as with Go's.
Result<bool> glob_match(std::string_view pattern, std::string_view name);

// Whether docker takes a source for a pattern: it has '*', '?' or '[' that no '\' precedes.
bool has_wildcards(std::string_view source);

}  // namespace strata::build
