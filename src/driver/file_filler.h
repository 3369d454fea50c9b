// SPDX-License-Identifier: Apache-2.0
// FileFiller: writes the contents and metadata of files that a TreeWriter has created, on the
// workers of the pool.
//
// Files that came whole are written in batches, one task each. A long file is a queue of its own
// that one task at a time empties: two writers to one inode would only wait for each other in the
// kernel (tmpfs and ext4 hold the inode's lock during write).
// Memory:  parts hold blocks of the caller's BufferPool, so its budget bounds what is under way.
//          Empty files hold none: their number, and that of open descriptors, is bounded apart.
// Threads: the methods by one thread (the one that reads the tar); the tasks by the pool's.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/pool.h"
#include "driver/file_metadata.h"

namespace strata::driver {

struct FilePart {
  Slice data;
  uint64_t offset;
};

class FileFiller {
 public:
  FileFiller(Pool& pool, bool privileged);
  ~FileFiller();  // waits for what is under way
  FileFiller(const FileFiller&) = delete;

  // Begins a file; it is the current one until end(). `path` is for messages.
  void begin(Fd file, FileMetadata metadata, std::string path);
  // Adds to the current file, in order. `data` is kept until written.
  void append(const Slice& data, uint64_t offset);
  // Ends the current file. A `size_bytes` beyond the last part leaves a hole at the end (sparse
  // files).
  void end(uint64_t size_bytes);
  // Hands everything gathered so far to the workers. Called at the end of each block of the tar:
  // what waits for a worker gives its block back by itself, what waits for more bytes might keep
  // them all and stop the reader.
  void flush();
  // Drops the current file unfinished: the tar broke off within it.
  void abandon();

  // Waits until every ended file is closed. Returns the first error so far; nothing is written
  // after one.
  Status drain();
  // xattrs that were refused; complete after drain().
  RefusedXattrs refused();

 private:
  struct File;
  struct Shared {
    size_t under_way = 0;  // tasks with whole files, and long files
    std::optional<Error> failure;
    RefusedXattrs refused;
  };

  void hand_over_parts(const std::shared_ptr<File>& file, bool ended);
  void count_one_more();
  void flush_batch();
  void finish_file(File& file);
  void write_whole(File& file);
  void empty_queue(const std::shared_ptr<File>& file);
  void fail(Error error);

  Pool& pool_;
  const bool privileged_;
  std::shared_ptr<File> current_;
  std::vector<std::shared_ptr<File>> batch_;
  Guarded<Shared> shared_;
  std::condition_variable idle_;  // under_way has fallen
};

}  // namespace strata::driver
