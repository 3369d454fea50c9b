// SPDX-License-Identifier: Apache-2.0
// Layers that were published before their files had reached the disk. While the machine runs, the
// page cache has them; after a power cut nobody knows. So each is recorded with the boot it was
// made in, and one of another boot is read and verified before it is used again.
// Shape:   <root>/strata/unsynced/<boot id>; grammar in unsynced.cc.
// Threads: any. Other processes: records are only added to; what is taken away is taken whole.
// Crash:   docs/store.md, "The disk".
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "base/guarded.h"
#include "base/lock.h"
#include "hash/digest.h"

namespace strata::store {

struct UnsyncedLayer {
  ChainId chain;
  CacheId cache;
};

class Unsynced {
 public:
  // `root` is borrowed. Nothing is read yet.
  explicit Unsynced(const Fd& root) : root_(root) {}

  // Reads what other boots have left, the first time. A store that is open for writing calls it
  // before anything else; most commands that only read never need it.
  Status read() const;

  // Whether this layer, with these files, comes from another boot and nobody has verified it since.
  Result<bool> is_suspect(const ChainId& chain, const CacheId& cache) const;
  // Where the files of suspects of that name are, if its record in layerdb cannot say so any more.
  // More than one when it was in doubt in several boots.
  Result<std::vector<CacheId>> suspect_files(const ChainId& chain) const;
  // A suspect was read, and is what it should be. In a root that is open for reading it is only
  // remembered.
  void trust(const ChainId& chain, const CacheId& cache);

  // Records layers of this boot; on disk when it returns. They are to be published after it. The
  // caller holds layers.lock, at least shared, and their files have all been written.
  Status add(std::span<const UnsyncedLayer> layers) const;

  // Waits until everything is on disk, and forgets the records of this boot. The lock is
  // layers.lock, held exclusively by the caller; it is let go before the waiting.
  Status settle(FileLock held) const;
  // Whether it is time to: the oldest record of this boot is more than ten minutes old.
  bool is_due() const;
  // Takes away records of other boots of which no layer is left to be verified: `is_there` says
  // whether a layer still has these files.
  Status drop_done(const std::function<bool(const UnsyncedLayer&)>& is_there);

 private:
  // The layers of one ended boot.
  using Suspects = std::map<ChainId, CacheId>;

  struct State {
    bool is_read = false;
    std::map<std::string, Suspects> suspects;  // by boot
  };

  const Fd& root_;
  mutable std::string boot_;  // this one; set by the first read()
  mutable Guarded<State> state_;
};

}  // namespace strata::store
