// SPDX-License-Identifier: Apache-2.0
#include "base/interrupt.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "base/pipe.h"
#include "base/test_support.h"

namespace strata {
namespace {

constexpr auto kShort = std::chrono::milliseconds(100);

// Interrupts what another thread waits for: no system call of its is woken by that.
class Interrupted : public testing::Test {
 protected:
  void SetUp() override {
    prepare_interrupts();
    later_ = std::thread([] {
      std::this_thread::sleep_for(kShort);
      interrupt();
    });
  }
  void TearDown() override {
    later_.join();
    forget_interrupt();
  }

 private:
  std::thread later_;
};

std::array<std::byte, 100> some;
const std::vector<std::byte> much(1 << 20);

TEST_F(Interrupted, ASourceThatWaitsEnds) {
  Result<Pipe> pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  Result<size_t> got = WaitingSource(pipe->reader.get()).read(some);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code(), ErrorCode::kCancelled);
}

TEST_F(Interrupted, ASinkThatWaitsEnds) {
  Result<Pipe> pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  Status put = WaitingSink(pipe->writer.get()).write(much);
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(::fcntl(pipe->writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(Interrupted, ASocketThatWaitsEnds) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Fd ours(ends[0]), theirs(ends[1]);
  Status put = WaitingSink(ours.get()).write(much);
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code(), ErrorCode::kCancelled);
}

TEST_F(Interrupted, ASinkStillTakesWhatThereIsRoomFor) {
  Result<Pipe> pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  std::this_thread::sleep_for(2 * kShort);
  ASSERT_TRUE(is_interrupted());
  EXPECT_TRUE(WaitingSink(pipe->writer.get()).write(some).ok());
}

TEST(WaitingSink, SaysThatNobodyReads) {
  ::signal(SIGPIPE, SIG_IGN);  // as main() does
  Result<Pipe> pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  WaitingSink opened_before(pipe->writer.get());
  pipe->reader = Fd();
  WaitingSink opened_behind(pipe->writer.get());
  for (WaitingSink* sink : {&opened_before, &opened_behind}) {
    Status put = sink->write(some);
    EXPECT_EQ(errno, EPIPE);
    ASSERT_FALSE(put.ok());
    EXPECT_EQ(put.error().message(), "write: Broken pipe");
  }
}

}  // namespace
}  // namespace strata
