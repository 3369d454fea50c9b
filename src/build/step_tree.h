// SPDX-License-Identifier: Apache-2.0
// StepTree: the files of an image with a new, writable layer on top, mounted for one step.
// Threads: one at a time.
// Crash:   the layer is staged by the step's transaction, the mount is the process' own.
#pragma once

#include <optional>
#include <string>

#include "base/buffer.h"
#include "base/pool.h"
#include "build/build_work.h"
#include "driver/layer_unpacker.h"

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
  // `points` are made in the same way. `txn` holds the image's layers and outlives the tree. Errors: kPermission (mounting needs
  // root), kUnsupported (driver).
  static Result<StepTree> mount(const store::Store& store, store::Transaction& txn,
                                const StageImage& image, Kind kind,
                                const std::vector<MountPoint>& points = {});
  StepTree(StepTree&&) noexcept;
  ~StepTree();  // unmounts

  const std::string& path() const { return path_; }  // absolute
  const Fd& merged() const { return merged_; }
  const Fd& upper() const { return staged_.diff; }
  // A folder beside it that goes with the step.
  const Fd& folder() const { return staged_.folder; }
  const std::string& folder_path() const { return folder_path_; }

  // Makes a folder and those above it where they are missing, 0755, as docker does for WORKDIR.
  // `path` is absolute; symlinks in it stay within the tree. Errors: kInvalid when something else
  // is there.
  Status make_folders(const std::string& path) const;

  // Unmounts, and reads what was written: the layer's tar-split and diffID. `latest_mtime` (seconds)
  // is the time that no file is newer than. Nothing when nothing was written.
  Result<std::optional<StepLayer>> finish(std::optional<int64_t> latest_mtime, Pool& pool,
                                          BufferPool& buffers) &&;

 private:
  StepTree() = default;
  Status unmount();

  store::StagedLayer staged_;
  std::string folder_path_;
  std::string path_;
  Fd merged_;
  bool mounted_ = false;
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
