// SPDX-License-Identifier: Apache-2.0
// SumCache: sums of a context's files, kept between builds, so that a rebuild only asks for the files' times.
//
// A sum is taken for true while device, inode, size, mode, mtime and ctime of the file are as they were, and if the
// file was older than the clock's grain when it was read: one that changes again within the same tick looks unchanged.
// Shape:   <root>/strata/context-sums/<32 hex digits of the folder's device and inode>; docs/formats/build-context.md.
// Threads: any thread may call look_up and add.
// Crash:   the file is replaced as a whole; what is damaged is read as empty.
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
    uint64_t device, inode, size_bytes;
    int64_t mtime_ns, ctime_ns;
    uint64_t
        header;  // hash of the header fields that the sum covers beside the content (name, mode, owner ...)
    bool operator==(const Key&) const = default;
  };

  // `root` is the data root (borrowed); `folder` what the files are in. Never fails: without a readable file it begins empty.
  static std::unique_ptr<SumCache> open(const Fd& root, const struct stat& folder);

  std::optional<Digest> look_up(const Key& key) const;
  void add(const Key& key, const Digest& sum);

  // Writes what was looked up or added, if anything was added; old entries that nobody asked for go. Other builds may do so at
  // the same time: the last one wins. Removes the caches that were not used for longest, beyond a number.
  Status save();

 private:
  SumCache() = default;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace strata::build
