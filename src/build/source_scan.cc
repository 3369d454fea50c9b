// SPDX-License-Identifier: Apache-2.0
#include "build/source_scan.h"

#include <algorithm>
#include <cerrno>

#include "build/tree_path.h"

namespace strata::build {
Result<std::shared_ptr<const SourceList>> SourceScan::run(const std::string& folder) {
  auto list = std::make_shared<SourceList>();
  IgnoreMatcher::FolderState state = ignore_.top();
  folders_.push_back(std::make_unique<Folder>(Folder{folder, std::move(state)}));
  // Level by level: what a level finds is the next one.
  for (size_t begin = 0; begin < folders_.size();) {
    const size_t end = std::min(folders_.size(), begin + kFoldersAtOnce);
    STRATA_CHECK(read_level(begin, end));
    begin = end;
  }
  STRATA_TRY(struct stat info, lstat_at(top_, folder));
  list->top_ = folder;
  list->entries_.push_back(SourceEntry::of(info));
  put_in_order(*list, *folders_[0]);
  return std::shared_ptr<const SourceList>(std::move(list));
}

Status SourceScan::read_level(size_t begin, size_t end) {
  STRATA_CHECK(
      pool_.parallel_for(end - begin, [&](size_t i) { return list_names(*folders_[begin + i]); }));
  // Large folders are looked through by all threads.
  std::vector<Piece> pieces;
  for (size_t i = begin; i < end; ++i) {
    const size_t count = folders_[i]->entries.size();
    if (count <= kEntriesAtOnce) continue;
    for (size_t at = 0; at < count; at += kEntriesAtOnce) {
      pieces.push_back({i, at, std::min(count, at + kEntriesAtOnce)});
    }
  }
  STRATA_CHECK(pool_.parallel_for(pieces.size(), [&](size_t i) {
    return look_at(*folders_[pieces[i].folder], pieces[i].begin, pieces[i].end);
  }));
  for (size_t i = begin; i < end; ++i) add_below(*folders_[i]);
  return pool_.check_cancelled();
}

Status SourceScan::list_names(Folder& folder) {
  STRATA_TRY(folder.fd, open_in_root(top_, folder.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                     Symlinks::kRefuse));
  STRATA_CHECK(visit_dir_at(folder.fd, ".", [&](const DirEntry& entry) -> Status {
                 folder.entries.push_back({entry.name, {}});
                 return {};
               }).context("{}", folder.path));
  std::sort(folder.entries.begin(), folder.entries.end(),
            [](const Found& a, const Found& b) { return a.name < b.name; });
  if (folder.entries.size() > kEntriesAtOnce) return {};
  return look_at(folder, 0, folder.entries.size());
}

Status SourceScan::look_at(Folder& folder, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    Found& found = folder.entries[i];
    struct stat info;
    if (::fstatat(folder.fd.get(), found.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return errno_error(errno, "stat " + join_path(folder.path, found.name));
    }
    if (S_ISSOCK(info.st_mode)) continue;  // no tar can hold it, so docker never sees one
    bool implied = false;
    if (!ignore_.empty()) {
      const std::string path = join_path(folder.path, found.name);
      if (ignore_.leaves_out(folder.state, path, &found.state)) {
        if (!S_ISDIR(info.st_mode)) continue;
        if (!ignore_.holds_exceptions(path) && !is_kept(path)) continue;
        implied = true;
      }
    }
    found.entry = SourceEntry::of(info);
    if (!implied) continue;
    // As docker's daemon makes a folder that its client has not sent.
    found.entry.implied = true;
    found.entry.mode = S_IFDIR | 0755;
    found.entry.uid = found.entry.gid = 0;
  }
  return {};
}

// Whether it is the kept folder, or leads to it.
bool SourceScan::is_kept(const std::string& path) const {
  return kept_folder_ == path ||
         (kept_folder_.starts_with(path) && kept_folder_[path.size()] == '/');
}

void SourceScan::add_below(Folder& folder) {
  folder.fd = Fd();
  for (Found& found : folder.entries) {
    if (!found.entry.is_folder()) continue;
    found.folder = folders_.size();
    folders_.push_back(std::make_unique<Folder>(
        Folder{join_path(folder.path, found.name), std::move(found.state)}));
  }
}

void SourceScan::append(SourceList& list, Found& found, size_t parent) {
  found.entry.parent = static_cast<uint32_t>(parent);
  found.entry.end = static_cast<uint32_t>(list.entries_.size() + 1);
  found.entry.name_offset = static_cast<uint32_t>(list.names_.size());
  found.entry.name_size = static_cast<uint16_t>(found.name.size());
  list.names_ += found.name;
  list.entries_.push_back(found.entry);
}

// Depth first, with a stack of our own: a tree may be deep.
void SourceScan::put_in_order(SourceList& list, Folder& first) {
  struct Level {
    Folder* folder;
    size_t index;  // in the list
    size_t next;   // of its entries
  };
  std::vector<Level> levels{{&first, 0, 0}};
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.next < level.folder->entries.size()) {
      Found& found = level.folder->entries[level.next++];
      if (found.entry.mode == 0) continue;
      append(list, found, level.index);
      if (found.folder != kNoFolder) {
        levels.push_back({folders_[found.folder].get(), list.entries_.size() - 1, 0});
      }
      continue;
    }
    const size_t index = level.index;
    level.folder->entries = {};
    levels.pop_back();
    list.entries_[index].end = static_cast<uint32_t>(list.entries_.size());
    // A folder that was only here for what it holds, and holds nothing.
    const bool is_empty = list.entries_.size() == index + 1;
    if (is_empty && list.entries_[index].implied && !is_kept(list.path(index))) {
      list.entries_.pop_back();
    }
  }
}

}  // namespace strata::build
