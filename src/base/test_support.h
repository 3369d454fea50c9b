// SPDX-License-Identifier: Apache-2.0
// For unit tests of all folders.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

#include "base/result.h"

namespace strata {

// The value. Without one there is nothing to go on with: says why, and ends the program.
template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  return std::move(result).value();
}

inline void must(const Status& status) { ASSERT_TRUE(status.ok()) << status.error().message(); }

}  // namespace strata
