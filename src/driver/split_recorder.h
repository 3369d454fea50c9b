// SPDX-License-Identifier: Apache-2.0
// SplitRecorder: writes a layer's tar-split on a thread of its own. JSON, base64 and gzip cost as
// much as making the names of the files, and the thread that does that is what a layer waits for.
// Threads: the methods by one thread.
// Memory:  what is gathered and queued holds blocks of the caller's BufferPool; flush() after each
//          block.
#pragma once

#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/pool.h"
#include "base/queue.h"
#include "driver/split_file.h"
#include "tar/split.h"

namespace strata::driver {

class SplitRecorder {
 public:
  SplitRecorder() = default;
  ~SplitRecorder();
  SplitRecorder(const SplitRecorder&) = delete;

  // Creates the file in `folder` and starts the thread.
  Status begin(const Fd& folder);
  // As those of tar::SplitWriter.
  void raw(Slice bytes);
  void file(std::string name, uint64_t size_bytes, const tar::Crc64Bytes& crc);
  // Hands over what was gathered. Errors: what the thread met.
  Status flush();
  // Ends the record, and gives the file back, complete but for record_tar_bytes().
  Result<Fd> finish();

 private:
  struct Item {
    Slice raw;  // a segment's bytes, or none:
    std::string name;
    uint64_t size_bytes = 0;
    tar::Crc64Bytes crc{};
  };
  Status record();

  Fd file_;
  std::vector<Item> gathered_;
  BoundedQueue<std::vector<Item>> queue_{4};
  Stage stage_;
};

}  // namespace strata::driver
