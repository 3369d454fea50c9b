// SPDX-License-Identifier: Apache-2.0
// StepTree: the files of an image with a new, writable layer on top, mounted for one step. With vfs a
// copy of them, which is compared with them when the step has ended.
// Threads: one at a time.
// Crash:   the layer is staged by the step's transaction, the mount is the process' own.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/pool.h"
#include "build/build_work.h"
#include "build/tree_copier.h"
#include "runtime/changes_layer.h"

namespace strata::build {

// What a step has written. None of it: there is no layer.
struct StepLayer {
  store::StagedLayer staged;
  driver::UnpackedLayer written;
};

// A place in the tree where something will be mounted.
struct MountPoint {
  std::string path;  // absolute
  bool is_folder = true;
};

class StepTree {
 public:
  // kPlain: the image's files. kContainer: also, below them, what docker gives each container
  // (/proc, /dev, /etc/hosts ...), so that mounting there does not write into the layer.
  enum class Kind { kPlain, kContainer };
  // `points` are made in the same way. `txn` holds the image's layers and outlives the tree. Errors:
  // kPermission (mounting needs root).
  static Result<StepTree> mount(const store::Store& store, store::Transaction& txn,
                                const StageImage& image, Kind kind,
                                const std::vector<MountPoint>& points = {});
  StepTree(StepTree&&) noexcept;
  ~StepTree();  // unmounts

  const std::string& path() const { return path_; }  // absolute
  const Fd& merged() const { return merged_; }
  // Where COPY and ADD write. `apart`: as if the tree were empty; what they make comes to lie upon it.
  Result<CopyTarget> target(bool apart);
  // A folder beside it that goes with the step.
  const Fd& folder() const { return staged_.folder; }
  const std::string& folder_path() const { return folder_path_; }

  // Makes a folder and those above it where they are missing, 0755, as docker does for WORKDIR.
  // `path` is absolute; symlinks in it stay within the tree. Errors: kInvalid when something else
  // is there.
  Status make_folders(const std::string& path) const;

  // Reads what was written: the layer's tar-split and diffID; and unmounts. `latest_mtime` (seconds)
  // is the time that no file is newer than. Nothing when nothing was written.
  Result<std::optional<StepLayer>> finish(std::optional<int64_t> latest_mtime, Pool& pool,
                                          BufferPool& buffers) &&;

 private:
  StepTree() = default;
  Status unmount();
  // vfs: remembers what the tree is to be compared with.
  Status note_trees(const driver::Driver& driver, const CacheId* top, Fd init);
  Result<archive::UnpackedEarly> read_changes(std::optional<int64_t> latest_mtime, Pool& pool,
                                              BufferPool& buffers);

  store::Transaction* txn_ = nullptr;
  store::StagedLayer staged_;
  std::string folder_path_;
  std::string path_;
  Fd merged_;
  bool mounted_ = false;
  std::vector<Fd> trees_;  // vfs: the step's, that of the image, and what containers get
  struct timespec began_ = {};
  std::optional<store::StagedLayer> apart_;  // vfs: what COPY --link makes
};

// The image's files alone, read-only, mounted below a folder of `txn`'s until this goes.
class SourceMount {
 public:
  static Result<SourceMount> mount(const store::Store& store, store::Transaction& txn,
                                   const StageImage& image);
  SourceMount(SourceMount&&) noexcept;
  ~SourceMount();
  const std::string& path() const { return path_; }
  const Fd& top() const { return top_; }

 private:
  SourceMount() = default;
  store::StagedLayer place_;
  std::string path_;
  Fd top_;
  bool mounted_ = false;
};

}  // namespace strata::build
