// SPDX-License-Identifier: Apache-2.0
// The vfs driver: every layer is a whole copy of the tree below it. Slow and large, but it asks
// nothing of the kernel. Grammar in vfs.cc.
// Threads: any.
#pragma once

#include <string>

#include "driver/driver.h"

namespace strata::driver {

class Vfs final : public Driver {
 public:
  explicit Vfs(const Fd& root) : root_(root) {}

  std::string_view name() const override { return "vfs"; }
  bool keeps_whole_trees() const override { return true; }
  Status create_home() override;
  Result<bool> exists(const CacheId& cache) const override;
  Result<bool> can_carry(const CacheId& cache) const override { return exists(cache); }
  Status inherit(const Fd&, const CacheId&) override { return {}; }
  // Each folder is a whole tree of its own.
  Result<bool> lies_on(const CacheId&, const CacheId&) const override { return true; }
  Result<std::vector<CacheId>> list() const override;
  Result<Fd> open_files(const CacheId& cache) const override;
  Result<std::vector<Fd>> open_stack(const CacheId& top) const override;
  Result<Fd> open_folder(const CacheId& cache) const override { return open_files(cache); }
  Status prepare(const Fd& staged, const Below& below) override;
  Result<std::string> side_name(const Fd&) const override { return std::string(); }
  Status publish(const Fd& staging, const std::string& name, const CacheId& cache) override;
  Status remove(const CacheId& cache, const std::string& side_name) override;
  Status sync_names() override;
  Result<GraphData> graph_data(const CacheId&) const override { return GraphData(); }
  Status mount_read_only(const CacheId& top, const std::string& target) const override;
  Status mount_writable(const Fd& folder, const std::string& target, FileSyncs syncs,
                        const Fd* bottom) const override;

 private:
  const Fd& root_;
};

}  // namespace strata::driver
