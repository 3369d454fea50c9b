// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd_error.h"
#include "base/fs_at.h"

namespace strata {
namespace {

// What proc(5) puts behind the path of a file that has no name, or none any more.
constexpr std::string_view kDeleted = " (deleted)";

// What `fd` is, for a reader of the message; empty when there is no word for it.
std::string name_of(int fd) {
  if (fd == STDIN_FILENO) return "standard input";
  if (fd == STDOUT_FILENO) return "standard output";
  Result<std::string> path = told_path(fd);
  if (!path.ok() || !path->starts_with('/')) return "";
  if (!path->ends_with(kDeleted)) return *path;
  return "a new file in " + path->substr(0, std::max<size_t>(1, path->rfind('/')));
}

}  // namespace

Error fd_error(std::string_view what, std::string_view preposition, int fd) {
  const int reason = errno;
  const std::string name = name_of(fd);
  Error error = errno_error(
      reason, name.empty() ? std::string(what) : fmt::format("{} {} {}", what, preposition, name));
  errno = reason;
  return error;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Status Fd::close() {
  int fd = std::exchange(fd_, -1);
  // On Linux the descriptor is gone even after EINTR, so there is no retry.
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return errno_error(errno, "close");
  return {};
}

Result<Fd> Fd::duplicate() const {
  int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return errno_error(errno, "duplicate a descriptor");
  return Fd(copy);
}

Status write_all(int fd, ByteSpan bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fd_error("write", "to", fd);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return {};
}

Status pwrite_all(int fd, ByteSpan bytes, uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fd_error("write", "to", fd);
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

Result<size_t> pread_full(int fd, MutableByteSpan buffer, uint64_t offset) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    MutableByteSpan rest = buffer.subspan(filled);
    ssize_t count = ::pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fd_error("read", "from", fd);
    if (count == 0) break;
    filled += static_cast<size_t>(count);
  }
  return filled;
}

Status sync(int fd) {
  if (::fsync(fd) != 0) return errno_error(errno, "fsync");
  return {};
}

Status sync_file_system(int fd) {
  if (::syncfs(fd) != 0) return errno_error(errno, "syncfs");
  return {};
}

Result<struct stat> stat_fd(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return errno_error(errno, "fstat");
  return info;
}

Result<size_t> FdSource::read(MutableByteSpan buffer) {
  while (true) {
    ssize_t count = ::read(fd_, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return fd_error("read", "from", fd_);
  }
}

Result<size_t> RangeSource::read(MutableByteSpan buffer) {
  size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), rest_bytes_));
  if (wanted == 0) return size_t{0};
  STRATA_TRY(size_t count, pread_full(fd_, buffer.first(wanted), offset_));
  if (count == 0) {
    return error(ErrorCode::kCorrupt, "unexpected end of file at byte {}: {} more bytes expected",
                 offset_, rest_bytes_);
  }
  offset_ += count;
  rest_bytes_ -= count;
  return count;
}

}  // namespace strata
