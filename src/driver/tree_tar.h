// SPDX-License-Identifier: Apache-2.0
// The tar that docker would make of a tree, made in pieces on the workers of the pool.
//
//   walk ──► batches: part of the tree, and a block for its tar bytes      (the calling thread)
//            fill: headers, contents, padding; tidy the files              (tasks of the pool)
//            consume, in the order of the tar                              (threads of the consumers)
//
// A block is had before its batch is handed out, in the order of the tar: so whoever waits for the
// next batch never waits for one that has no block.
// Source:  FORMATS section 8 "commit" and "export".
// Threads: make_tree_tar by a thread that is no task of the pool.
// Memory:  the blocks, the names of the folders on the way down (TreeWalk), and the first names of
//          hard-linked inodes until all their names are seen.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/buffer.h"
#include "base/pool.h"
#include "base/queue.h"
#include "driver/tree_member.h"
#include "tar/parser.h"

namespace strata::driver {

// A stretch of a batch that belongs to one member. Its bytes follow those of the item before it:
// header, payload, padding.
struct TarItem {
  std::shared_ptr<const tar::Member> member;  // null: bytes between or behind members
  size_t header_bytes = 0;                    // > 0: the member begins here
  size_t payload_bytes = 0;                   // of this batch
  uint64_t payload_offset = 0;
  bool ends = false;  // the member ends here
  // The member has a whiteout's name but stands for no whiteout of the tree.
  bool poses_as_whiteout = false;
  // Where a member begins whose content comes in batches of its own: that content's file.
  std::shared_ptr<const Fd> content;
  size_t padding_bytes = 0;
};

class TarBatch {
 public:
  // Waits until the batch is filled. Errors: what kept it from being so.
  Status wait() const {
    filled_.wait(false);
    return status_;
  }
  // Of a filled batch.
  const Slice& bytes() const { return bytes_; }
  const std::vector<TarItem>& items() const { return items_; }

 private:
  friend class TreeTarMaker;
  std::atomic<bool> filled_ = false;
  Status status_;
  Slice bytes_;
  std::vector<TarItem> items_;
};

struct TreeTarOptions {
  MemberRules rules;
  // Takes off the tree what the tar does not tell: sockets, xattrs, fractions of seconds.
  bool tidy = false;
  // Somebody may write to the tree meanwhile, as docker lets them in an export: what vanishes is left
  // out, and a file has the size that it had when it was first seen. Else both are errors.
  bool may_change = false;
};

struct TreeTarSummary {
  uint64_t size_bytes = 0;  // layerdb/size
  uint64_t tar_bytes = 0;
  // Paths of what has a whiteout's name and is none: to whom reads the tar it is one.
  std::vector<std::string> whiteout_names;
};

// Reads `tree` and gives its batches, the end of the tar included; `give` returns false to stop it.
// All batches are filled, or have failed, when this returns.
// Errors: kCorrupt for a file that changes while it is read, kCancelled, kUnsupported (see
// members_of), kIo; the first in the order of the tar.
Result<TreeTarSummary> make_tree_tar(const LayerStack& tree, const TreeTarOptions& options,
                                     Pool& pool, BufferPool& buffers,
                                     const std::function<bool(std::shared_ptr<TarBatch>)>& give);

// Writes the whole tar to `to`, which is not finished. Errors: as above, and those of `to`.
Status write_tree_tar(const LayerStack& tree, const TreeTarOptions& options, ByteSink& to,
                      Pool& pool, BufferPool& buffers);

// A thread that consumes batches in order.
class BatchConsumer {
 public:
  explicit BatchConsumer(std::function<Status(const TarBatch&)> consume);
  ~BatchConsumer();
  // False: it has failed, finish() says why.
  bool push(std::shared_ptr<TarBatch> batch) { return queue_.push(std::move(batch)); }
  Status finish();

 private:
  // Enough that filling and consuming do not wait for each other.
  static constexpr size_t kQueuedBatches = 16;
  BoundedQueue<std::shared_ptr<TarBatch>> queue_{kQueuedBatches};
  Stage stage_;
};

// Tells of a filled batch as if a Parser had read its bytes. Before a member begins, `on_content` is
// given its content's file, or null where it has none of its own.
Status report(const TarBatch& batch, tar::ParserEvents& events,
              const std::function<void(const Fd*)>& on_content);

}  // namespace strata::driver
