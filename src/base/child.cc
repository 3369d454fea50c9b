// SPDX-License-Identifier: Apache-2.0
#include "base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/interrupt.h"
#include "base/pipe.h"

extern char** environ;

namespace strata {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kPause = std::chrono::milliseconds(10);

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& words) {
  STRATA_TRY(Pipe in, make_pipe());
  STRATA_TRY(Pipe out, make_pipe());
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, in.reader.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.writer.get(), STDOUT_FILENO);
  sigset_t defaults;  // we ignore SIGPIPE; others count on it
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  Child child;
  int failure =
      ::posix_spawnp(&child.pid_, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failure != 0) {
    child.pid_ = -1;
    return errno_error(failure, words[0]);
  }
  child.input_ = std::move(in.writer);
  child.output_ = std::move(out.reader);
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)) {}

void Child::terminate() { (void)::kill(pid_, SIGTERM); }

void Child::kill() { (void)::kill(pid_, SIGKILL); }

Status Child::wait_until_ended() {
  close_input();
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!handle.valid()) return {};  // no Linux 5.3: wait() waits
  return wait_until_ready(handle.get(), POLLIN);
}

int Child::wait() {
  input_ = Fd();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return exit_code_of(status);
}

Child::~Child() {
  if (pid_ < 0) return;
  input_ = Fd();
  output_ = Fd();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      kill();
      (void)::waitpid(pid_, &status, 0);
      return;
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace strata
