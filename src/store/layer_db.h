// SPDX-License-Identifier: Apache-2.0
// Layer records: which layers the root has, keyed by chainID. Reading only; layers come by
// Transaction and go by release_layers(). Shape:
// layerdb/sha256/<chainid>/{diff,cache-id,size,parent,tar-split.json.gz}.  Source: FORMATS
// section 1.2. Threads: any thread may call any method; no lock is taken, folders appear and vanish
// by rename.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "hash/digest.h"

namespace strata::store {

struct Layer {
  ChainId chain;
  DiffId diff;
  std::optional<ChainId> parent;  // none: a base layer
  CacheId cache;
  uint64_t size_bytes = 0;  // of the unpacked files, each inode once (FORMATS section 3)
};

// A container's writable layer, as dockerd records it.
struct LayerMount {
  std::string container_id;
  std::string mount_id;
  std::string init_id;            // empty when there is none
  std::optional<ChainId> parent;  // top layer of the image; pinned by this mount
};

class LayerDb {
 public:
  // `folder` is image/<driver>/layerdb. It need not exist: then there are no layers.
  LayerDb(const Fd& root, std::string folder) : root_(root), folder_(std::move(folder)) {}

  // The record, if each of its files is sound; else nothing, as if it were not there. The layers
  // below are not looked at. Errors: kIo and the like only.
  Result<std::optional<Layer>> find(const ChainId& chain) const;
  // The same, but says what is wrong. Errors: kNotFound, kCorrupt (names the file, what was
  // expected and found).
  Result<Layer> read(const ChainId& chain) const;
  // From the given layer down to the base. Errors: kNotFound, kCorrupt.
  Result<std::vector<Layer>> read_chain(const ChainId& top) const;
  // All sound layers, sorted by chainID.
  Result<std::vector<Layer>> list() const;
  // All whose diffID is this one, on whatever parents; sorted by chainID.
  Result<std::vector<Layer>> find_by_diff(const DiffId& diff) const;
  // Bytes of the layer alone. Cheaper than read(). Errors: kNotFound, kCorrupt.
  Result<uint64_t> size_bytes(const ChainId& chain) const;
  // The tar-split as it lies there, gzip. Errors: kNotFound.
  Result<Fd> open_tar_split(const ChainId& chain) const;
  // layerdb/mounts; sorted by container. Unreadable ones are left out.
  Result<std::vector<LayerMount>> mounts() const;

  // Path of a layer's record below the root; the folder of all records for an empty `name`.
  std::string path_of(const std::string& name) const;

 private:
  const Fd& root_;
  const std::string folder_;
};

}  // namespace strata::store
