// SPDX-License-Identifier: Apache-2.0
#include "cli/env_file.h"

#include <gtest/gtest.h>

namespace strata::cli {
namespace {

TEST(EnvFile, VariablesWithoutValueTakeOurs) {
  ASSERT_EQ(::setenv("STRATA_TEST_VALUE", "ours", 1), 0);
  EXPECT_EQ(env_of("STRATA_TEST_VALUE"), "STRATA_TEST_VALUE=ours");
  EXPECT_EQ(env_of("STRATA_TEST_NONE"), "STRATA_TEST_NONE");
  EXPECT_EQ(env_of("A="), "A=");
}

}  // namespace
}  // namespace strata::cli
