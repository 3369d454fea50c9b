// SPDX-License-Identifier: Apache-2.0
#include "runtime/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/pipe.h"

namespace strata::runtime {
namespace {

constexpr size_t kBlockBytes = 64u << 10;

Status set_nonblocking(const Fd& fd) {
  int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return errno_error(errno, "fcntl");
  }
  return {};
}

Result<Fd> watch_folder(const Fd& folder) {
  Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string path = fmt::format("/proc/self/fd/{}", folder.get());
  if (!watch.valid() ||
      ::inotify_add_watch(watch.get(), path.c_str(), IN_CREATE | IN_MOVED_TO) < 0) {
    return errno_error(errno, "watch the bundle");
  }
  return watch;
}

// A pipe of which we read, and the program writes.
Status open_output(Fd& ours, Fd& programs) {
  STRATA_TRY(Pipe pipe, make_pipe());
  STRATA_CHECK(set_nonblocking(pipe.reader));
  ours = std::move(pipe.reader);
  programs = std::move(pipe.writer);
  return {};
}

}  // namespace

Result<Stdio> Stdio::open(const RunIo& io, Console console, const Fd& bundle) {
  Stdio stdio(io, bundle);
  stdio.terminal_ = console != Console::kNone;
  stdio.shared_ = console == Console::kPair;
  stdio.input_open_ = io.input >= 0;
  STRATA_TRY(stdio.bundle_events_, watch_folder(bundle));
  if (console == Console::kNone) STRATA_CHECK(stdio.open_pipes());
  if (console == Console::kPair) STRATA_CHECK(stdio.open_pair());
  if (console == Console::kSocket) STRATA_CHECK(stdio.open_socket());
  return stdio;
}

Status Stdio::open_pipes() {
  if (io_.input < 0) {
    STRATA_TRY(program_[0], open_path("/dev/null", O_RDONLY));
  } else {
    STRATA_TRY(Pipe in, make_pipe());
    STRATA_CHECK(set_nonblocking(in.writer));
    to_program_ = std::move(in.writer);
    program_[0] = std::move(in.reader);
  }
  if (io_.output_sink != nullptr) STRATA_CHECK(open_output(from_output_, program_[1]));
  if (io_.error_sink != nullptr) STRATA_CHECK(open_output(from_error_, program_[2]));
  program_output_ = io_.output_sink != nullptr ? program_[1].get() : io_.output;
  program_error_ = io_.error_sink != nullptr ? program_[2].get() : io_.error;
  return {};
}

Status Stdio::open_pair() {
  int ours = -1;
  int programs = -1;
  if (::openpty(&ours, &programs, nullptr, nullptr, nullptr) != 0) {
    return errno_error(errno, "open a pseudo terminal");
  }
  Fd our_side(ours);
  program_[0] = Fd(programs);
  program_output_ = program_error_ = program_[0].get();
  for (int fd : {ours, programs}) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return errno_error(errno, "fcntl");
  }
  return take_terminal(std::move(our_side));
}

Status Stdio::open_socket() {
  STRATA_TRY(ConsoleSocket socket, ConsoleSocket::open(bundle_));
  socket_.emplace(std::move(socket));
  // What the runtime itself has to say is in its log.
  STRATA_TRY(program_[0], open_path("/dev/null", O_RDWR));
  program_output_ = program_error_ = program_[0].get();
  return {};
}

Status Stdio::take_terminal(Fd ours) {
  from_output_ = std::move(ours);
  STRATA_TRY(to_program_, from_output_.duplicate());
  STRATA_CHECK(set_nonblocking(from_output_));
  return set_terminal_size();
}

// An input that is no terminal has no size, and ours stays as it is.
Status Stdio::set_terminal_size() {
  winsize size{};
  if (!from_output_.valid() || io_.input < 0 || ::ioctl(io_.input, TIOCGWINSZ, &size) != 0)
    return {};
  if (::ioctl(from_output_.get(), TIOCSWINSZ, &size) == 0) return {};
  return errno_error(errno, "set the size of a pseudo terminal");
}

void Stdio::close_program_side() {
  for (Fd& fd : program_) fd = Fd();
}

Status Stdio::take_input() {
  std::array<char, 4096> block;
  ssize_t count = ::read(io_.input, block.data(), block.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (count > 0) {
    pending_.assign(block.data(), static_cast<size_t>(count));
    return {};
  }
  // The end; an error of our input (a terminal that hung up) is the same to the program.
  input_open_ = false;
  if (!terminal_) to_program_ = Fd();
  return {};
}

void Stdio::give_input() {
  ssize_t count = ::write(to_program_.get(), pending_.data(), pending_.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count >= 0) {
    pending_.erase(0, static_cast<size_t>(count));
    return;
  }
  // A program that does not read its input is free not to.
  pending_.clear();
  input_open_ = false;
  to_program_ = Fd();
}

Status Stdio::look_for_start() {
  if (started_) return {};
  std::array<char, 4096> events;
  while (::read(bundle_events_.get(), events.data(), events.size()) > 0) {
  }
  STRATA_TRY(bool there, exists_at(bundle_, "pid"));
  return there ? notice_start() : Status();
}

Status Stdio::notice_start() {
  if (started_) return {};
  started_ = true;
  bundle_events_ = Fd();
  if (io_.on_start) STRATA_CHECK(io_.on_start());
  const std::string text = std::exchange(held_, {});
  if (text.empty()) return {};
  return (shared_ ? io_.output_sink : io_.error_sink)->write(as_bytes(text));
}

Status Stdio::hand_on(Fd& from, bool& more) {
  std::array<std::byte, kBlockBytes> block;
  ssize_t count = ::read(from.get(), block.data(), block.size());
  more = count > 0 || (count < 0 && errno == EINTR);
  if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
    from = Fd();  // the end; EIO is that of a terminal
  }
  if (count <= 0) return {};
  const ByteSpan bytes(block.data(), static_cast<size_t>(count));
  if (&from == &from_output_ && (started_ || !shared_)) {
    // Nobody else writes there, so it runs, and those who look shall see it run when they see this.
    STRATA_CHECK(notice_start());
    return io_.output_sink->write(bytes);
  }
  if (started_) return io_.error_sink->write(bytes);
  held_ += as_text(bytes);
  return {};
}

Status Stdio::pass_signals(const ContainedChild& child) {
  std::array<unsigned char, 64> numbers;
  ssize_t count = ::read(io_.signals, numbers.data(), numbers.size());
  for (ssize_t i = 0; i < count; ++i) {
    if (numbers[i] == SIGWINCH) {
      if (!terminal_) continue;
      STRATA_CHECK(set_terminal_size());
    }
    STRATA_CHECK(child.signal(numbers[i]));
  }
  return {};
}

Result<bool> Stdio::turn(const ContainedChild& child) {
  const bool to_give = !pending_.empty() && to_program_.valid();
  const bool to_take = input_open_ && pending_.empty() && to_program_.valid();
  pollfd polled[] = {{child.exit_fd(), POLLIN, 0},
                     {io_.cancelled, POLLIN, 0},  // poll leaves out what is negative
                     {io_.signals, POLLIN, 0},
                     {from_output_.valid() ? from_output_.get() : -1, POLLIN, 0},
                     {from_error_.valid() ? from_error_.get() : -1, POLLIN, 0},
                     {to_take ? io_.input : -1, POLLIN, 0},
                     {to_give ? to_program_.get() : -1, POLLOUT, 0},
                     {socket_ ? socket_->fd() : -1, POLLIN, 0},
                     {started_ ? -1 : bundle_events_.get(), POLLIN, 0}};
  if (::poll(polled, std::size(polled), -1) < 0) {
    return errno == EINTR ? Result<bool>(true) : Result<bool>(errno_error(errno, "poll"));
  }
  if (polled[1].revents != 0) return error(ErrorCode::kCancelled, "interrupted");
  bool more = false;
  if (polled[2].revents != 0) STRATA_CHECK(pass_signals(child));
  if (polled[3].revents != 0) STRATA_CHECK(hand_on(from_output_, more));
  if (polled[4].revents != 0) STRATA_CHECK(hand_on(from_error_, more));
  if (polled[5].revents != 0) STRATA_CHECK(take_input());
  if (polled[6].revents != 0) give_input();
  if (polled[7].revents != 0) {
    STRATA_TRY(Fd ours, socket_->receive());
    socket_.reset();
    if (ours.valid()) STRATA_CHECK(take_terminal(std::move(ours)));
  }
  if (polled[8].revents != 0 || polled[0].revents != 0) STRATA_CHECK(look_for_start());
  return polled[0].revents == 0;
}

Status Stdio::carry(const ContainedChild& child) {
  Result<bool> lives = true;
  while (lives.ok() && *lives) lives = turn(child);
  if (!lives.ok()) {
    (void)child.signal(SIGKILL).ok();  // the first error is the one to tell
    return std::move(lives).error();
  }
  // Everything of it has ended, so what is to come is there.
  for (Fd* from : {&from_output_, &from_error_}) {
    bool more = from->valid();
    while (more) STRATA_CHECK(hand_on(*from, more));
  }
  return {};
}

}  // namespace strata::runtime
