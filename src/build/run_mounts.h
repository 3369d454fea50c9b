// SPDX-License-Identifier: Apache-2.0
// The --mount flags of one RUN: what they show in the container, and what of them counts for the
// cache.
//   bind    files of the context, a stage or an image; writes go nowhere
//   cache   <root>/strata/cache-mounts/<digest of the ID>: kept between builds
//   tmpfs   memory
//   secret  a file, or a variable, that no layer gets
//   ssh     the socket of an agent
// Source:  the Dockerfile reference, "RUN --mount".
// Threads: one at a time. Other processes share cache mounts, by their `sharing`.
// Crash:   mount points that were made for it lie in a staged layer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/lock.h"
#include "build/mount.h"
#include "build/source_files.h"
#include "build/step_tree.h"
#include "runtime/run_spec.h"

namespace strata::build {

class RunMounts {
 public:
  RunMounts() = default;
  RunMounts(RunMounts&&) = default;

  // Adds one. `files` are those of `mount.from` or of the context (bind), else null. Errors:
  // kNotFound (a path, a secret that is required), kUnsupported, kInvalid.
  Status add(const std::string& text, const Mount& mount, std::unique_ptr<SourceFiles> files,
             const std::string& workdir, BuildWork& work);

  // Adds a file that is run: 0755 at `target`.
  void add_script(const std::string& target, const std::string& text);

  // Words for the history and the cache: the flags, and the sums of bound files.
  const std::vector<std::string>& cache_words() const { return words_; }
  const std::vector<runtime::Mount>& mounts() const { return mounts_; }
  const std::vector<std::string>& environment() const { return environment_; }
  // Where they will be, for StepTree.
  const std::vector<MountPoint>& points() const { return points_; }

  // Makes what is not to be made before the step runs: caches and secrets. `place` is a folder of
  // the step's own; `path` is its absolute path.
  Status prepare(const Fd& place, const std::string& path, BuildWork& work);
  // Takes its own mounts away; secrets are gone then. To be called after the step, whatever came of it.
  Status release();

 private:
  struct Cache {
    size_t mount;  // index in mounts_
    Mount what;
    SourceFiles* files;  // what it begins with; null: nothing
  };
  struct Secret {
    size_t mount;
    Mount what;
    std::string content;
  };
  void show(runtime::Mount mount, bool is_folder);
  Status add_bind(const Mount& mount, std::unique_ptr<SourceFiles> files, BuildWork& work);
  Status add_secret(const Mount& mount, const BuildWork& work);
  Status add_agent(const Mount& mount, const BuildWork& work);
  Status take_cache(const Cache& cache, const BuildWork& work);
  static Result<Fd> open_cache(const Fd& home, const std::string& name, const Cache& cache,
                               Pool& pool);
  Status cover(size_t mount, const Fd& place, const std::string& path);

  std::vector<std::string> words_;
  std::vector<runtime::Mount> mounts_;
  std::vector<std::string> environment_;
  std::vector<MountPoint> points_;
  std::vector<Cache> caches_;
  std::vector<Secret> secrets_;
  std::vector<std::unique_ptr<SourceFiles>> files_;
  std::vector<FileLock> locks_;
  std::vector<size_t> scratches_;     // binds that may be written, by index in mounts_
  std::vector<std::string> mounted_;  // what release() takes away
  size_t agents_ = 0;
};

}  // namespace strata::build
