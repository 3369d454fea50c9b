// SPDX-License-Identifier: Apache-2.0
// restore_layer: brings a damaged layer back to what its diffID says, with the least change that does it.
//
//   1. what the tar-split and other names of a file tell is mended where it lies (layer_mender.h)
//   2. content that is gone comes from a copy of the layer: unpacked beside it, verified, then the files are taken from there by rename
//   3. a tar-split that is damaged is made again of the files, if they are those of a commit or a build; else all of the layer comes
//      from a copy, under the same cache-id and link
// The caller keeps everybody else out of the root.
// Threads: one call at a time per layer; it uses the pool.
// Crash:   nothing of a copy is in place before it was verified to its end. Each name is as it was, as it should be, or not there, and
//          the call can be repeated. What was replaced lies in `set_aside`.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/buffer.h"
#include "doctor/layer_content.h"
#include "doctor/layer_source.h"
#include "driver/driver.h"
#include "store/layer_db.h"

namespace strata::doctor {

struct DamagedLayer {
  ChainId chain;
  DiffId diff;
  CacheId cache;                  // where its files are, or should be
  std::optional<CacheId> parent;  // the files of the layer below; none: a base layer
};

struct RestoreContext {
  const Fd& root;
  const store::LayerDb& layers;
  driver::Driver& driver;
  std::vector<LayerSource*> sources;  // asked in this order
  const Fd& set_aside;                // a folder on the root's file system: gets what is replaced
  Pool& pool;
  BufferPool& buffers;
};

struct RestoreReport {
  std::string source;  // where content came from; empty: none was needed, or none had it
  bool whole = false;  // all of the layer was replaced
  bool split_made_again = false;
  std::vector<FileFault>
      left;  // what is not as it was even now; names that are too many among them
};

// `whole`: does not look at what is there. Errors: kNotFound (no copy of the layer, saying who was asked; what needs none has been
// mended), kCorrupt (a copy is not the layer), kIo, kNoSpace, kCancelled; in every case the layer is no worse than it was.
Result<RestoreReport> restore_layer(const DamagedLayer& layer, bool whole,
                                    const RestoreContext& context);

// Makes tar-split.json.gz in `metadata`, if the tar that some docker's commit makes of `files` has that diffID. False: it has not.
Result<bool> remake_split(const Fd& files, const DiffId& diff, const Fd& metadata, Pool& pool,
                          BufferPool& buffers);

}  // namespace strata::doctor
