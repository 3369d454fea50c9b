// SPDX-License-Identifier: Apache-2.0
// Fd: the one owner of a file descriptor. A raw int means borrowed.
// Threads: as ints; the system calls on them are thread-safe.
#pragma once

#include <sys/stat.h>

#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "base/stream.h"

namespace strata {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int owned) : fd_(owned) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();  // closes; an error is lost here, so files that were written are closed with close()

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Closes and reports what the system held back until now (ENOSPC and EIO on network file
  // systems).
  Status close();
  Result<Fd> duplicate() const;
  // Gives the descriptor to an owner of another kind (fdopendir).
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// All of `bytes`, in as many calls as it takes. Errors: kIo, kNoSpace.
Status write_all(int fd, ByteSpan bytes);
Status pwrite_all(int fd, ByteSpan bytes, uint64_t offset);
// Up to buffer.size() bytes; fewer only at the end of the file. 0: at or behind the end.
Result<size_t> pread_full(int fd, MutableByteSpan buffer, uint64_t offset);
// File data and metadata to the disk.
Status sync(int fd);
// Everything of the file system that holds `fd` to the disk.
Status sync_file_system(int fd);
Result<struct stat> stat_fd(int fd);

// Reads a descriptor from where it stands. Borrowed.
class FdSource final : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  int fd_;
};

// Reads `size_bytes` from `offset` on, without moving the descriptor's position. Borrowed.
// Errors: kCorrupt when the file ends before that.
class RangeSource final : public ByteSource {
 public:
  RangeSource(int fd, uint64_t offset, uint64_t size_bytes)
      : fd_(fd), offset_(offset), rest_bytes_(size_bytes) {}
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  int fd_;
  uint64_t offset_;
  uint64_t rest_bytes_;
};

// Writes a descriptor from where it stands. Borrowed; finish() does not close.
class FdSink final : public ByteSink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  Status write(ByteSpan bytes) override { return write_all(fd_, bytes); }

 private:
  int fd_;
};

}  // namespace strata
