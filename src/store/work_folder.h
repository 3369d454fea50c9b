// SPDX-License-Identifier: Apache-2.0
// WorkFolder: where an operation keeps what is not published yet, and by which others see that it
// lives. Shape:   <root>/strata/staging/<name>.lock and <name>/{journal,lease,…}; grammar in
// work_folder.cc. Threads: one at a time. Other processes: the lock says who lives; see
// docs/store.md, "recover".
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/lock.h"
#include "hash/digest.h"

namespace strata::store {

// What publishing or removing is about to do; on disk before the first of it is done.
struct Journal {
  struct PublishedLayer {
    ChainId chain;
    CacheId cache;
    std::string side_name;  // Driver::side_name
  };
  struct SetReference {
    std::string key;
    ImageId image;
  };
  struct RemovedLayer {
    std::string record;  // <chain>-<64 hex>-removing, in layerdb/sha256
    std::string cache;   // empty: not known
  };
  // A container that comes, or goes: which of the two is told by its folder, which appears last and
  // vanishes first.
  struct ContainerChange {
    std::string id;
    std::string mount_id;        // empty: not known
    std::string side_name;       // of its layer; empty: to be read from the layer
    std::string init_side_name;  // of its init layer
  };
  std::vector<PublishedLayer> layers;  // bottom up
  std::vector<ImageId> images;         // staged as image-<hex>
  std::vector<SetReference> references;
  std::vector<RemovedLayer> removed;  // top to base
  std::vector<ContainerChange> containers;
  // Layers that nobody needs but who holds them now: to be released when they are not held any more.
  std::vector<ChainId> held;

  std::string to_text() const;
  // Errors: kCorrupt, when the last line is missing: then nothing of it was begun.
  static Result<Journal> parse(std::string_view text);
};

class WorkFolder {
 public:
  static Result<WorkFolder> create(const Fd& root);
  // Takes over the folders whose processes have died. Those of the living are left out.
  static Result<std::vector<WorkFolder>> adopt_dead(const Fd& root);

  WorkFolder(WorkFolder&& other) noexcept;
  WorkFolder& operator=(WorkFolder&&) = delete;
  // Takes away what is in it, unless there is a journal: then whoever recovers has to look at it
  // first.
  ~WorkFolder();

  const Fd& folder() const { return folder_; }

  // Not synced: it has to be before the first step that it names.
  Status write_journal(const Journal& journal);
  Status sync_journal() const;
  // Empty when there is none, or only the beginning of one.
  Result<std::optional<Journal>> read_journal() const;
  // The caller holds layers.lock.
  Status write_lease(const std::set<ChainId>& chains) const;
  Status drop_lease() const;
  // Removes the journal first: from then on the operation is done.
  Status finish();

 private:
  WorkFolder(const Fd& root, std::string name, FileLock lock)
      : root_(&root), name_(std::move(name)), lock_(std::move(lock)) {}
  std::string path(std::string_view suffix) const;

  const Fd* root_;
  std::string name_;  // empty: finished or moved from
  bool has_journal_ = false;
  std::optional<FileLock> lock_;
  Fd folder_;
};

// An operation as others see it, without a lock that anybody would wait for.
struct Operation {
  std::string name;  // strata/staging/<name>
  bool lives = false;
  std::set<ChainId> leased;  // of a living one
  std::set<ChainId> held;    // of a dead one: Journal::held
};
// Sorted by name. Changes nothing, and works on a file system that is read-only.
Result<std::vector<Operation>> list_operations(const Fd& root);

// The layers that living operations hold. A caller that holds layers.lock exclusively sees to it that
// no lease comes meanwhile.
Result<std::set<ChainId>> leased_layers(const Fd& root);

}  // namespace strata::store
