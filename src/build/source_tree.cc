// SPDX-License-Identifier: Apache-2.0
#include "build/source_tree.h"

#include <algorithm>

#include "build/source_scan.h"
#include "build/tree_path.h"
#include "tar/path.h"

namespace strata::build {
namespace {

// As many links as docker follows in one path.
constexpr int kMaxLinks = 255;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

int64_t nanoseconds(const struct timespec& time) {
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

// Puts the components of `path` on the stack so that the first one is on top.
void push_components(std::vector<std::string>& stack, std::string_view path) {
  const auto first = static_cast<std::ptrdiff_t>(stack.size());
  for (size_t at = 0; at < path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) stack.emplace_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  std::reverse(stack.begin() + first, stack.end());
}

}  // namespace

SourceEntry SourceEntry::of(const struct stat& info) {
  SourceEntry entry;
  entry.mode = info.st_mode;
  entry.uid = info.st_uid;
  entry.gid = info.st_gid;
  entry.sparse = info.st_blocks * 512 < info.st_size;
  entry.links = info.st_nlink;
  entry.size_bytes = static_cast<uint64_t>(info.st_size);
  entry.device = info.st_dev;
  entry.special = info.st_rdev;
  entry.inode = info.st_ino;
  entry.mtime_ns = nanoseconds(info.st_mtim);
  entry.ctime_ns = nanoseconds(info.st_ctim);
  return entry;
}

std::string SourceList::path(size_t index) const {
  if (index == 0) return top_;
  size_t size = 0;
  for (size_t at = index; at != 0; at = entries_[at].parent) size += entries_[at].name_size + 1;
  std::string path = top_ == "." ? std::string(size - 1, '/') : top_ + std::string(size, '/');
  size_t end = path.size();
  for (size_t at = index; at != 0; at = entries_[at].parent) {
    const std::string_view part = name(at);
    path.replace(end - part.size(), part.size(), part);
    end -= part.size() + 1;
  }
  return path;
}

std::optional<size_t> SourceList::child(size_t folder, std::string_view wanted) const {
  for (size_t at = folder + 1; at < entries_[folder].end; at = entries_[at].end) {
    if (name(at) == wanted) return at;
  }
  return std::nullopt;
}

std::optional<size_t> SourceList::find(std::string_view path) const {
  if (path == top_) return 0;
  if (top_ != ".") {
    if (!path.starts_with(top_ + "/")) return std::nullopt;
    path.remove_prefix(top_.size() + 1);
  }
  size_t index = 0;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::optional<size_t> next = child(index, path.substr(0, slash));
    if (!next) return std::nullopt;
    index = *next;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return index;
}

SourceTree::SourceTree(Fd top, Kind kind, IgnoreMatcher ignore, std::string kept_folder)
    : top_(std::move(top)),
      kind_(kind),
      ignore_(std::move(ignore)),
      kept_folder_(std::move(kept_folder)) {}

SourceTree::SourceTree(Fd top, MemberSums sums)
    : top_(std::move(top)), kind_(Kind::kContext), sums_(std::move(sums)) {}

Result<std::shared_ptr<const SourceList>> SourceTree::list(const std::string& folder, Pool& pool) {
  const std::string key = kind_ == Kind::kContext ? "." : folder;
  std::lock_guard lock(mutex_);
  std::shared_ptr<const SourceList>& kept = lists_[key];
  if (kept == nullptr) {
    STRATA_TRY(kept, SourceScan(top_, ignore_, kept_folder_, pool).run(key));
  }
  return kept;
}

Result<std::optional<SourceEntry>> SourceTree::look_up(const std::string& path, Pool& pool) {
  if (kind_ == Kind::kContext) {
    STRATA_TRY(const auto all, list(".", pool));
    const std::optional<size_t> index = all->find(path);
    if (!index) return std::optional<SourceEntry>();
    return std::optional((*all)[*index]);
  }
  Result<Fd> file = open_in_root(top_, path, O_PATH | O_NOFOLLOW);
  if (!file.ok()) {
    if (file.error().code() != ErrorCode::kNotFound) return std::move(file).error();
    return std::optional<SourceEntry>();
  }
  STRATA_TRY(struct stat info, stat_fd(file->get()));
  return std::optional(SourceEntry::of(info));
}

Result<SourceTree::Place> SourceTree::find(std::string_view path, Pool& pool) {
  std::vector<std::string> rest;
  push_components(rest, tar::clean_path(path));  // docker takes ".." away before it looks at links
  STRATA_TRY(const std::optional<SourceEntry> top, look_up(".", pool));
  if (!top) return error(ErrorCode::kNotFound, "the tree is gone");
  Place place{".", *top};
  for (int links = 0; !rest.empty();) {
    std::string name = std::move(rest.back());
    rest.pop_back();
    if (name == ".") continue;
    std::string next = name == ".." ? split_path(place.path).folder : join_path(place.path, name);
    std::optional<SourceEntry> entry;
    if (place.exists || name == "..") {
      if (place.exists && !place.entry.is_folder()) {
        return error(ErrorCode::kInvalid, "lstat {}: not a directory", path);
      }
      STRATA_TRY(entry, look_up(next, pool));
    }
    if (!entry || !entry->is_symlink()) {
      place = {std::move(next), entry.value_or(SourceEntry()), entry.has_value()};
      continue;
    }
    if (++links > kMaxLinks) return error(ErrorCode::kInvalid, "too many links in {}", path);
    STRATA_TRY(const std::string target, readlink_at(top_, next));
    if (target.starts_with('/')) place = {".", *top};
    push_components(rest, target);
  }
  return place;
}

}  // namespace strata::build
