// SPDX-License-Identifier: Apache-2.0
//   vfs/                     0710
//     dir/                   0710
//       <cache-id>/          0755, the files of the layer and of all below it
// Source: dockerd's vfs driver, roots of 20.10.
#include "driver/vfs.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "driver/mount.h"
#include "driver/vfs_tree.h"

namespace strata::driver {
namespace {

constexpr std::string_view kHome = "vfs/dir";
// The whole tree, beside `diff/` in a staging folder.
constexpr std::string_view kTree = "tree";

std::string layer_path(const CacheId& cache) { return fmt::format("{}/{}", kHome, cache.name()); }

}  // namespace

Status Vfs::create_home() {
  STRATA_CHECK(ensure_dir_at(root_, "vfs", 0710));
  return ensure_dir_at(root_, std::string(kHome), 0710);
}

Result<bool> Vfs::exists(const CacheId& cache) const { return exists_at(root_, layer_path(cache)); }

Result<std::vector<CacheId>> Vfs::list() const {
  Result<std::vector<DirEntry>> entries = list_dir_at(root_, std::string(kHome));
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) {
    return std::vector<CacheId>();
  }
  if (!entries.ok()) return std::move(entries).error();
  std::vector<CacheId> caches;
  for (const DirEntry& entry : *entries) {
    STRATA_TRY(CacheId cache, CacheId::parse(entry.name));
    caches.push_back(std::move(cache));
  }
  std::sort(caches.begin(), caches.end());
  return caches;
}

Result<Fd> Vfs::open_files(const CacheId& cache) const {
  return open_dir_at(root_, layer_path(cache));
}

Result<std::vector<Fd>> Vfs::open_stack(const CacheId& top) const {
  std::vector<Fd> layers;
  STRATA_TRY(Fd tree, open_files(top));
  layers.push_back(std::move(tree));
  return layers;
}

Status Vfs::prepare(const Fd& staged, const Below& below) {
  std::string tree(kTree);
  STRATA_TRY(bool done, exists_at(staged, tree));
  if (done) return {};  // whatever it was copied from, the layers below have the same files
  std::string half = tree + ".part";
  STRATA_CHECK(mkdir_at(staged, half, 0755));
  STRATA_TRY(Fd into, open_dir_at(staged, half));
  if (!below.none()) {
    STRATA_TRY(Fd from, below.published != nullptr ? open_files(*below.published)
                                                   : open_dir_at(*below.staged, tree));
    STRATA_CHECK(copy_tree(from, into));
  }
  STRATA_TRY(Fd diff, open_dir_at(staged, "diff"));
  STRATA_CHECK(apply_diff(diff, into));
  return rename_at(staged, half, staged, tree, Existing::kKeep);
}

Status Vfs::publish(const Fd& staging, const std::string& name, const CacheId& cache) {
  return rename_at(staging, fmt::format("{}/{}", name, kTree), root_, layer_path(cache),
                   Existing::kKeep);
}

Status Vfs::remove(const CacheId& cache, const std::string&) {
  return remove_tree_at(root_, layer_path(cache));
}

Status Vfs::sync_names() {
  STRATA_TRY(Fd home, open_dir_at(root_, std::string(kHome)));
  return sync(home.get());
}

Status Vfs::mount_read_only(const CacheId& top, const std::string& target) const {
  STRATA_TRY(Fd home, open_dir_at(root_, std::string(kHome)));
  return mount_lower_read_only(home, {top.name()}, target);
}

// What is published lies in the driver's home, what is staged has its tree beside `diff`.
Status Vfs::mount_writable(const Fd& folder, const std::string& target, FileSyncs,
                           const Fd* bottom) const {
  STRATA_TRY(Fd home, open_dir_at(root_, std::string(kHome)));
  STRATA_TRY(struct stat ours, stat_fd(home.get()));
  STRATA_TRY(struct stat parent, lstat_at(folder, ".."));
  const bool published = is_same_file(ours, parent);
  STRATA_TRY(Fd tree, open_dir_at(folder, published ? "." : std::string(kTree)));
  if (bottom != nullptr) STRATA_CHECK(add_missing(*bottom, tree));
  // By its path: the descriptor may be of another mount namespace, of which nothing can be bound here.
  STRATA_TRY(std::string source, path_of(tree));
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0) return {};
  return errno_error(errno, "mount at " + target);
}

}  // namespace strata::driver
