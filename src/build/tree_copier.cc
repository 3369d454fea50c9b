// SPDX-License-Identifier: Apache-2.0
#include "build/tree_copier.h"

#include <unistd.h>

#include <cerrno>
#include <map>

#include "build/tree_path.h"

namespace strata::build {
namespace {

constexpr size_t kEntriesAtOnce = 64;

}  // namespace

Result<Fd> TreeCopier::open_folder(const std::string& path, bool is_new) const {
  const Fd& top = is_new && target_.upper != nullptr ? *target_.upper : *target_.merged;
  return open_in_root(top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, Symlinks::kRefuse);
}

// True: it is new. A folder that is there stays; anything else of that name goes.
Result<bool> TreeCopier::make_folder(const Folder& parent, const std::string& name) {
  STRATA_TRY(Fd dir, open_folder(parent.path, parent.is_new));
  if (::mkdirat(dir.get(), name.c_str(), 0700) == 0) return true;
  if (errno != EEXIST) return errno_error(errno, "mkdir " + join_path(parent.path, name));
  STRATA_TRY(struct stat info, lstat_at(dir, name));
  if (S_ISDIR(info.st_mode)) return false;
  STRATA_CHECK(unlink_at(dir, name));
  STRATA_CHECK(mkdir_at(dir, name, 0700));
  return true;
}

Status TreeCopier::make_folders(const SourceList& list, size_t first, const Selection& selection) {
  std::vector<size_t> above{0};  // the folders that lead to where we are
  for (size_t i = first + 1; i < list[first].end; ++i) {
    if (!list[i].is_folder() || !is_taken(selection, i)) continue;
    while (list[folders_[above.back()].index].end <= i) above.pop_back();
    const Folder& parent = folders_[above.back()];
    const std::string name(list.name(i));
    STRATA_TRY(const bool is_new, make_folder(parent, name));
    Folder made{i, above.back(), join_path(parent.path, name), is_new};
    above.push_back(folders_.size());
    folders_.push_back(std::move(made));
  }
  return {};
}

// Pieces of the work, the files of one folder each; further names of a file are put aside.
std::vector<TreeCopier::Piece> TreeCopier::cut(const SourceList& list, const Selection& selection) {
  std::map<std::pair<uint64_t, uint64_t>, size_t> first_names;
  std::vector<Piece> pieces;
  for (size_t f = 0; f < folders_.size(); ++f) {
    bool begin_anew = true;
    const size_t folder = folders_[f].index;
    for (size_t i = folder + 1; i < list[folder].end; i = list[i].end) {
      if (list[i].is_folder() || !is_taken(selection, i)) continue;
      if (list[i].links > 1) {
        auto [first, is_first] = first_names.try_emplace({list[i].device, list[i].inode}, i);
        if (!is_first) {
          links_.push_back({i, first->second, f});
          continue;
        }
      }
      if (begin_anew || pieces.back().entries.size() == kEntriesAtOnce) pieces.push_back({f, {}});
      begin_anew = false;
      pieces.back().entries.push_back(i);
    }
  }
  return pieces;
}

Status TreeCopier::copy_piece(const SourceList& list, const Piece& piece) const {
  STRATA_CHECK(pool_.check_cancelled());
  const Folder& folder = folders_[piece.folder];
  STRATA_TRY(Fd from, open_in_root(from_.top(), list.path(folder.index),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, Symlinks::kRefuse));
  STRATA_TRY(Fd to, open_folder(folder.path, folder.is_new));
  STRATA_TRY(struct stat info, stat_fd(to.get()));
  const bool hands_group_on = (info.st_mode & S_ISGID) != 0;
  for (const size_t i : piece.entries) {
    std::string name(list.name(i));
    if (!folder.is_new) STRATA_CHECK(remove_tree_at(to, name));
    STRATA_CHECK(files_.copy(list[i], {from, name}, {to, name}, {true, hands_group_on})
                     .context("{}", folder.path));
  }
  return {};
}

Status TreeCopier::make_links(const SourceList& list) {
  std::map<size_t, size_t> folder_of;  // by index in the list
  for (size_t f = 0; f < folders_.size() && !links_.empty(); ++f) folder_of[folders_[f].index] = f;
  for (const Link& link : links_) {
    const Folder& folder = folders_[link.folder];
    const Folder& first = folders_[folder_of[list[link.first].parent]];
    // Both through the same way, or they are different file systems.
    const bool straight = folder.is_new && first.is_new;
    STRATA_TRY(Fd from, open_folder(first.path, straight));
    STRATA_TRY(Fd to, open_folder(folder.path, straight));
    const std::string name(list.name(link.index));
    if (!folder.is_new) STRATA_CHECK(remove_tree_at(to, name));
    const std::string target(list.name(link.first));
    if (::linkat(from.get(), target.c_str(), to.get(), name.c_str(), 0) != 0) {
      return errno_error(errno, "link " + join_path(folder.path, name));
    }
  }
  return {};
}

// Children before parents: making entries changes a folder's times.
Status TreeCopier::finish_folders(const SourceList& list) const {
  for (size_t f = folders_.size(); f-- > 1;) {
    const Folder& folder = folders_[f];
    STRATA_TRY(Fd parent, open_folder(folders_[folder.parent].path,
                                      folder.is_new && folders_[folder.parent].is_new));
    STRATA_CHECK(files_.finish(list[folder.index], {parent, split_path(folder.path).name}));
  }
  return {};
}

Status TreeCopier::copy_content(const SourceList& list, size_t folder, const Selection& selection,
                                const std::string& into, bool is_new) {
  folders_ = {Folder{folder, 0, into, is_new}};
  links_.clear();
  STRATA_CHECK(make_folders(list, folder, selection));
  const std::vector<Piece> pieces = cut(list, selection);
  STRATA_CHECK(
      pool_.parallel_for(pieces.size(), [&](size_t i) { return copy_piece(list, pieces[i]); }));
  STRATA_CHECK(make_links(list));
  return finish_folders(list);
}

Status TreeCopier::copy_file(const SourceTree::Place& place, const std::string& to) {
  const auto [from_folder, from_name] = split_path(place.path);
  const auto [to_folder, to_name] = split_path(to);
  STRATA_TRY(Fd from, open_in_root(from_.top(), from_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                   Symlinks::kRefuse));
  STRATA_TRY(Fd into, open_folder(to_folder, false));
  STRATA_CHECK(remove_tree_at(into, to_name));
  return files_.copy(place.entry, {from, from_name}, {into, to_name}, {false, true});
}

Status TreeCopier::write_file(const std::string& text, const std::string& to) {
  const auto [folder, name] = split_path(to);
  STRATA_TRY(Fd into, open_folder(folder, false));
  STRATA_CHECK(remove_tree_at(into, name));
  return files_.write(text, {into, name});
}

}  // namespace strata::build
