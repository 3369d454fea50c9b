// SPDX-License-Identifier: Apache-2.0
// The overlay2 driver: one folder a layer, stacked by the kernel. Grammar in overlay2.cc.
// Threads: any.
#pragma once

#include <string>

#include "driver/driver.h"

namespace strata::driver {

// A new name in l/, and whether a text is one: 26 characters of A-Z2-7.
std::string random_link();
bool is_link_name(std::string_view name);

class Overlay2 final : public Driver {
 public:
  Overlay2(const Fd& root, std::string root_path) : root_(root), root_path_(std::move(root_path)) {}

  std::string_view name() const override { return "overlay2"; }
  bool keeps_whole_trees() const override { return false; }
  Status create_home() override;
  Result<bool> exists(const CacheId& cache) const override;
  Result<bool> can_carry(const CacheId& cache) const override;
  Status inherit(const Fd& staged, const CacheId& old) override;
  Result<bool> lies_on(const CacheId& cache, const CacheId& below) const override;
  Result<std::vector<CacheId>> list() const override;
  Result<Fd> open_files(const CacheId& cache) const override;
  Result<std::vector<Fd>> open_stack(const CacheId& top) const override;
  Result<Fd> open_folder(const CacheId& cache) const override;
  Status prepare(const Fd& staged, const Below& below) override;
  Result<std::string> side_name(const Fd& staged) const override;
  Status publish(const Fd& staging, const std::string& name, const CacheId& cache) override;
  Status remove(const CacheId& cache, const std::string& side_name) override;
  Status sync_names() override;
  Result<GraphData> graph_data(const CacheId& cache) const override;
  Status mount_read_only(const CacheId& top, const std::string& target) const override;
  Status mount_writable(const Fd& folder, const std::string& target, FileSyncs syncs,
                        const Fd* bottom) const override;

 private:
  // The value of `lower` for a layer on top of `below`.
  Result<std::string> lower_on(const Below& below) const;
  // The name in l/ that leads to the layer; empty when there is none.
  Result<std::string> link_of(const CacheId& cache) const;
  Result<bool> points_to(const std::string& link, const CacheId& cache) const;

  const Fd& root_;
  const std::string root_path_;
};

}  // namespace strata::driver
