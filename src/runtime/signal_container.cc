// SPDX-License-Identifier: Apache-2.0
#include "runtime/signal_container.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "runtime/run_folder.h"

namespace strata::runtime {
namespace {

constexpr const char* kPidFile = "runtime-pid";

int number_in(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// 0 when the container does not run.
int runtime_pid(const Fd& state, const std::string& id) {
  Result<std::string> text = read_file_at(state, fmt::format("{}/{}", id, kPidFile));
  Result<bool> lives = run_lives(state, id);
  return text.ok() && lives.ok() && *lives ? number_in(*text) : 0;
}

}  // namespace

// Sure to be the container's: looked at again when it is held.
Fd open_runtime(const Fd& state, const std::string& id) {
  const int pid = runtime_pid(state, id);
  if (pid <= 0) return Fd();
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return process.valid() && runtime_pid(state, id) == pid ? std::move(process) : Fd();
}

Status record_runtime_pid(const Fd& folder, int pid) {
  return write_file_at(folder, kPidFile, std::to_string(pid), 0600);
}

Status signal_container(const Fd& state, const std::string& id, int number) {
  Fd process = open_runtime(state, id);
  if (!process.valid()) return error(ErrorCode::kNotFound, "Container {} is not running", id);
  if (::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0) return {};
  if (errno == ESRCH) return error(ErrorCode::kNotFound, "Container {} is not running", id);
  return errno_error(errno, "signal container " + id);
}

Result<bool> wait_for_container(const Fd& state, const std::string& id, int limit_ms) {
  Fd process = open_runtime(state, id);
  if (process.valid()) {
    pollfd polled{process.get(), POLLIN, 0};
    int ready = 0;
    do {
      ready = ::poll(&polled, 1, limit_ms);
    } while (ready < 0 && errno == EINTR && limit_ms < 0);
    if (ready < 0 && errno != EINTR) return errno_error(errno, "poll");
    if (ready <= 0) return false;
  }
  // The program has ended; who ran it writes down how.
  STRATA_CHECK(wait_for_run(state, id));
  return true;
}

int program_pid(const Fd& state, const std::string& id) {
  const int runtime = runtime_pid(state, id);
  if (runtime <= 0) return 0;
  Result<Fd> file = open_path(fmt::format("/proc/{}/task/{}/children", runtime, runtime), O_RDONLY);
  if (!file.ok()) return 0;
  FdSource source(file->get());
  Result<std::string> text = read_to_end(source, kSmallFileBytes);
  return text.ok() ? number_in(*text) : 0;
}

}  // namespace strata::runtime
