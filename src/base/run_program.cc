// SPDX-License-Identifier: Apache-2.0
#include "base/run_program.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/child.h"
#include "base/interrupt.h"

namespace strata {
namespace {

// Writes and reads at the same time, so that neither side waits for the other forever.
Status exchange(Child& child, std::string_view input, size_t limit_bytes, std::string& output) {
  std::array<char, 4096> block;
  if (input.empty()) child.close_input();
  while (true) {
    STRATA_CHECK(check_interrupted());
    pollfd polled[] = {
        {child.output().get(), POLLIN, 0},
        {child.input().get(), POLLOUT, 0},  // -1, which poll passes over, when closed
        {interrupted_fd(), POLLIN, 0}};
    const int ready = ::poll(polled, std::size(polled), -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno_error(errno, "poll");
    if (child.input().valid() && polled[1].revents != 0) {
      ssize_t written =
          ::write(child.input().get(), input.data(), std::min(input.size(), block.size()));
      if (written > 0) input.remove_prefix(static_cast<size_t>(written));
      // A program that does not want to read its input is free to.
      if (written < 0 || input.empty()) child.close_input();
    }
    if (polled[0].revents == 0) continue;
    ssize_t count = ::read(child.output().get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, "read");
    if (count == 0) return {};
    if (output.size() + static_cast<size_t>(count) > limit_bytes) {
      return error(ErrorCode::kCorrupt, "it printed more than {} bytes", limit_bytes);
    }
    output.append(block.data(), static_cast<size_t>(count));
  }
}

}  // namespace

Result<ProgramResult> run_program(const std::vector<std::string>& words, std::string_view input,
                                  size_t limit_bytes) {
  STRATA_TRY(Child child, Child::start(words));
  ProgramResult result;
  Status status = exchange(child, input, limit_bytes, result.output);
  if (status.ok()) status = child.wait_until_ended();
  if (!status.ok() && status.error().code() == ErrorCode::kCancelled) {
    child.terminate();
    return std::move(status.error().add_context(words[0]));
  }
  if (!status.ok()) child.kill();
  result.exit_code = child.wait();
  // A terminal's Ctrl-C reaches both, and the program may be the first to end.
  if (status.ok()) status = check_interrupted();
  if (!status.ok()) return std::move(status.error().add_context(words[0]));
  return result;
}

}  // namespace strata
