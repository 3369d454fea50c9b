// SPDX-License-Identifier: Apache-2.0
#include "base/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/fd_error.h"
#include "base/fs_at.h"

namespace strata {
namespace {

// Of a pipe that poll() calls ready, at least this much is free: what is written waits for nobody.
constexpr size_t kCarefulBytes = 4096;

std::atomic<bool> interrupted{false};
std::atomic<int> event{-1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

bool may_wait(int fd) {
  Result<struct stat> info = stat_fd(fd);
  return info.ok() && !S_ISREG(info->st_mode) && !S_ISDIR(info->st_mode) && !S_ISBLK(info->st_mode);
}

}  // namespace

void prepare_interrupts() {
  if (event.load() < 0) event.store(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void interrupt() {
  interrupted.store(true);
  const int kept = errno;  // of what a signal interrupts
  (void)!::eventfd_write(event.load(), 1);
  errno = kept;
}

bool is_interrupted() { return interrupted.load(); }

int interrupted_fd() { return event.load(); }

void forget_interrupt() {
  eventfd_t count;
  (void)!::eventfd_read(event.load(), &count);
  interrupted.store(false);
}

Status check_interrupted() {
  return is_interrupted() ? Status(Error(ErrorCode::kCancelled, "interrupted")) : Status();
}

Status wait_until_ready(int fd, short events) {
  while (true) {
    pollfd polled[] = {{fd, events, 0}, {interrupted_fd(), POLLIN, 0}};
    const int ready = ::poll(polled, std::size(polled), -1);
    if (ready < 0 && errno != EINTR) return errno_error(errno, "poll");
    if (ready > 0 && polled[0].revents != 0) return {};
    STRATA_CHECK(check_interrupted());
  }
}

WaitingSource::WaitingSource(int fd) : source_(fd), fd_(fd), may_wait_(may_wait(fd)) {}

Result<size_t> WaitingSource::read(MutableByteSpan buffer) {
  if (!may_wait_) return source_.read(buffer);
  while (true) {
    STRATA_CHECK(check_interrupted());
    STRATA_CHECK(wait_until_ready(fd_, POLLIN));
    const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<size_t>(count);
    // EAGAIN: somebody has made it so that it does not wait, and somebody else was quicker.
    if (errno != EINTR && errno != EAGAIN) return fd_error("read", "from", fd_);
  }
}

WaitingSink::WaitingSink(int fd) : fd_(fd) {
  Result<struct stat> info = stat_fd(fd);
  if (!info.ok()) return;  // writing tells
  if (S_ISSOCK(info->st_mode)) kind_ = Kind::kSocket;
  if (S_ISCHR(info->st_mode) && ::isatty(fd) == 1) kind_ = Kind::kCareful;
  if (!S_ISFIFO(info->st_mode)) return;
  // The flag is one of the open file, which others may have as well. It cannot be opened where /proc is missing,
  // where the pipe is another user's, and where nobody reads it any more.
  Result<Fd> own = open_path(fmt::format("/proc/self/fd/{}", fd), O_WRONLY | O_NONBLOCK);
  kind_ = own.ok() ? Kind::kPipe : Kind::kCareful;
  if (own.ok()) own_ = std::move(*own);
}

Result<size_t> WaitingSink::write_some(ByteSpan bytes) {
  ssize_t count = 0;
  if (kind_ == Kind::kPipe) {
    count = ::write(own_.get(), bytes.data(), bytes.size());
  } else if (kind_ == Kind::kSocket) {
    count = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } else {
    STRATA_CHECK(wait_until_ready(fd_, POLLOUT));
    count = ::write(fd_, bytes.data(), std::min(bytes.size(), kCarefulBytes));
  }
  if (count >= 0) return static_cast<size_t>(count);
  if (errno == EAGAIN) {
    STRATA_CHECK(wait_until_ready(fd_, POLLOUT));
    return size_t{0};
  }
  if (errno != EINTR) return fd_error("write", "to", fd_);
  return size_t{0};
}

Status WaitingSink::write(ByteSpan bytes) {
  if (kind_ == Kind::kFile) return write_all(fd_, bytes);
  while (!bytes.empty()) {
    STRATA_TRY(size_t count, write_some(bytes));
    bytes = bytes.subspan(count);
  }
  return {};
}

}  // namespace strata
