// SPDX-License-Identifier: Apache-2.0
// TarFile: a tar that is written into a file at any place: members whose size is known get their
// place beforehand and may be written in parallel; one whose size is not known grows at the end, and
// its header follows.
// Source:  tar/writer.h; a size from 8 GiB on that was not known beforehand stands in base 256 (GNU).
// Threads: write_at() of the sinks that reserve() gave, by any thread each; the rest by one.
// Crash:   base OutputFile: complete under its name, or not at all.
#pragma once

#include <memory>
#include <string>

#include "base/fs_at.h"
#include "base/stream.h"
#include "tar/member.h"

namespace strata::archive {

// Writes a file from an offset on.
class PlaceSink final : public ByteSink {
 public:
  PlaceSink(int fd, uint64_t offset) : fd_(fd), offset_(offset) {}
  Status write(ByteSpan bytes) override {
    STRATA_CHECK(pwrite_all(fd_, bytes, offset_));
    offset_ += bytes.size();
    return {};
  }

 private:
  int fd_;
  uint64_t offset_;
};

class TarFile {
 public:
  // Errors: those of OutputFile; kUnsupported (a pipe or a device: there is no way back in it).
  static Result<TarFile> create(const std::string& path);

  Status add_folder(const std::string& name, int64_t mtime_seconds = 0);
  Status add_text(const std::string& name, std::string_view text, int64_t mtime_seconds = 0);
  // As the header says, without payload.
  Status add(const tar::Member& header, std::string_view text);
  // Its header is written; the payload is the caller's.
  Result<PlaceSink> reserve(const std::string& name, uint64_t size_bytes);

  // A member at the end, whose name and size end() says. Nothing else may be added meanwhile.
  PlaceSink begin();
  Status end(const std::string& name, uint64_t size_bytes, int64_t mtime_seconds = 0);

  // The end marker, then the file's name.
  Status publish();

 private:
  explicit TarFile(OutputFile out) : out_(std::move(out)) {}
  OutputFile out_;
  uint64_t end_ = 0;
};

}  // namespace strata::archive
