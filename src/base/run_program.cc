// SPDX-License-Identifier: Apache-2.0
#include "base/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.h"

extern char** environ;

namespace strata {
namespace {

struct Pipe {
  Fd reader;
  Fd writer;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<pid_t> spawn(const std::vector<std::string>& words, const Fd& input, const Fd& output) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  sigset_t defaults;  // we ignore SIGPIPE; others count on it
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  int failure =
      ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failure != 0) return errno_error(failure, words[0]);
  return pid;
}

// Writes and reads at the same time, so that neither side waits for the other forever.
Status exchange(Fd to_child, const Fd& from_child, std::string_view input, size_t limit_bytes,
                std::string& output) {
  std::array<char, 4096> block;
  if (input.empty()) STRATA_CHECK(to_child.close());
  while (true) {
    pollfd polled[2] = {{from_child.get(), POLLIN, 0}, {to_child.get(), POLLOUT, 0}};
    if (::poll(polled, to_child.valid() ? 2 : 1, -1) < 0 && errno != EINTR) {
      return errno_error(errno, "poll");
    }
    if (to_child.valid() && polled[1].revents != 0) {
      ssize_t written = ::write(to_child.get(), input.data(), std::min(input.size(), block.size()));
      if (written > 0) input.remove_prefix(static_cast<size_t>(written));
      // A program that does not want to read its input is free to.
      if (written < 0 || input.empty()) to_child = Fd();
    }
    if (polled[0].revents == 0) continue;
    ssize_t count = ::read(from_child.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, "read");
    if (count == 0) return {};
    if (output.size() + static_cast<size_t>(count) > limit_bytes) {
      return error(ErrorCode::kCorrupt, "it printed more than {} bytes", limit_bytes);
    }
    output.append(block.data(), static_cast<size_t>(count));
  }
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<ProgramResult> run_program(const std::vector<std::string>& words, std::string_view input,
                                  size_t limit_bytes) {
  STRATA_TRY(Pipe in, make_pipe());
  STRATA_TRY(Pipe out, make_pipe());
  STRATA_TRY(pid_t pid, spawn(words, in.reader, out.writer));
  in.reader = Fd();
  out.writer = Fd();
  ProgramResult result;
  Status status = exchange(std::move(in.writer), out.reader, input, limit_bytes, result.output);
  if (!status.ok()) ::kill(pid, SIGKILL);
  result.exit_code = wait_for(pid);
  if (!status.ok()) return std::move(status.error().add_context(words[0]));
  return result;
}

}  // namespace strata
