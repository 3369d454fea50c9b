// SPDX-License-Identifier: Apache-2.0
#include "base/run_program.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "base/interrupt.h"

namespace strata {
namespace {

constexpr size_t kLimitBytes = 1 << 20;

TEST(RunProgram, PassesMoreThanPipesHoldInBothDirections) {
  std::string input(500'000, 'x');
  Result<ProgramResult> ran = run_program({"cat"}, input, kLimitBytes);
  ASSERT_TRUE(ran.ok()) << ran.error().message();
  EXPECT_EQ(ran->exit_code, 0);
  EXPECT_TRUE(ran->output == input);
}

TEST(RunProgram, LetsAProgramIgnoreItsInput) {
  ::signal(SIGPIPE, SIG_IGN);  // as main() does
  Result<ProgramResult> ran = run_program({"sh", "-c", "exec <&-; echo done; exit 3"},
                                          std::string(500'000, 'x'), kLimitBytes);
  ASSERT_TRUE(ran.ok()) << ran.error().message();
  EXPECT_EQ(ran->exit_code, 3);
  EXPECT_EQ(ran->output, "done\n");
}

TEST(RunProgram, KillsAProgramThatPrintsTooMuch) {
  Result<ProgramResult> ran = run_program({"sh", "-c", "printf 12345; exec sleep 600"}, "", 4);
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(ran.error().message(), "sh: it printed more than 4 bytes");
}

TEST(RunProgram, NamesTheSignalThatEndedIt) {
  Result<ProgramResult> ran = run_program({"sh", "-c", "kill -TERM $$"}, "", kLimitBytes);
  ASSERT_TRUE(ran.ok()) << ran.error().message();
  EXPECT_EQ(ran->exit_code, 128 + 15);
}

void expect_ended_by_what_interrupts_us(const std::vector<std::string>& words) {
  const auto begin = std::chrono::steady_clock::now();
  std::jthread later([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    interrupt();
  });
  Result<ProgramResult> hangs = run_program(words, "", kLimitBytes);
  forget_interrupt();
  ASSERT_FALSE(hangs.ok());
  EXPECT_EQ(hangs.error().code(), ErrorCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(RunProgram, IsEndedByWhatInterruptsUs) {
  prepare_interrupts();
  expect_ended_by_what_interrupts_us({"sleep", "60"});
}

TEST(RunProgram, IsEndedWhenItHasClosedItsOutput) {
  prepare_interrupts();
  expect_ended_by_what_interrupts_us({"sh", "-c", "exec >&-; exec sleep 60"});
}

TEST(RunProgram, SaysThatThereIsNoSuchProgram) {
  Result<ProgramResult> ran = run_program({"no-such-program"}, "", kLimitBytes);
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace strata
