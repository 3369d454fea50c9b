// SPDX-License-Identifier: Apache-2.0
// SumCache: sums of a context's files, kept between builds, so that a rebuild reads no file again.
//
// A sum holds while device, inode, size, mtime and ctime of the file and the header fields that it covers are as they
// were. It is not kept for a file that was changed within the last tick of the clock: it could change once more without
// a new time.
// Shape:   <root>/strata/context-sums/<32 hex digits: device and inode of the context's folder>; grammar in sum_cache.cc.
// Threads: any thread may call look_up and add.
// Crash:   the file is replaced as a whole; one that is damaged counts as empty.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "base/guarded.h"
#include "hash/digest.h"

namespace strata::build {

class SumCache {
 public:
  struct Key {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t size_bytes = 0;
    int64_t mtime_ns = 0;
    int64_t ctime_ns = 0;
    uint64_t header = 0;  // hash of what the sum covers besides the content: name, mode, owner ...
    bool operator==(const Key&) const = default;
  };
  static constexpr size_t kMaxFiles = 64;  // contexts that are remembered

  // What former builds have left for this folder. `root` is the data root, and borrowed.
  static std::unique_ptr<SumCache> open(const Fd& root, const struct stat& folder);

  std::optional<Digest> look_up(const Key& key) const;
  // `read_at_ns` (wall clock): when reading of the file began. Too young a file is not kept.
  void add(const Key& key, int64_t read_at_ns, const Digest& sum);

  // Writes the file anew, if something was added. Of what was there before it keeps what was asked for, and the rest unless
  // that is more. Of builds that save at the same time the last one wins. The caches that were not used for longest go,
  // beyond kMaxFiles.
  Status save();

 private:
  struct Record {
    Key key;
    Digest sum;
  };
  SumCache(const Fd& root, std::string name) : root_(root), name_(std::move(name)) {}
  void read();
  Status remove_oldest(const Fd& folder);
  size_t slot(const Key& key) const;

  const Fd& root_;
  const std::string name_;
  std::vector<Record> records_;         // as read; not changed afterwards
  std::vector<uint32_t> slots_;         // a hash table: index + 1, 0 for none
  mutable std::vector<uint8_t> asked_;  // for each record; written by any thread, always to 1
  Guarded<std::vector<Record>> added_;
};

}  // namespace strata::build
