// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_status.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace strata::runtime {
namespace {

// Every process is of the container without an ID.
TEST(ContainerStatus, ProcessThatHasEndedIsNone) {
  EXPECT_TRUE(is_process_of(::getpid(), ""));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_GT(child, 0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(is_process_of(child, ""));
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(is_process_of(child, ""));
}

}  // namespace
}  // namespace strata::runtime
