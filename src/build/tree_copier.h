// SPDX-License-Identifier: Apache-2.0
// TreeCopier: puts a folder's content, or a file, into the tree that a step makes.
//
// What is new is made where it ends up: below a folder that this copy has made itself nothing of the layers below can
// shine through, so its files go straight into the upper folder and overlayfs is not asked for each of them.
// Everything else goes through the mount, which copies folders up and makes whiteouts.
// Threads: one; the work is done on the pool.
#pragma once

#include <string>
#include <vector>

#include "base/pool.h"
#include "build/file_copier.h"
#include "build/selection.h"
#include "build/source_tree.h"

namespace strata::build {

// Where files go to. Paths below it are canonical: relative, no symlinks in them.
struct CopyTarget {
  const Fd* merged;  // top of the tree as the container sees it
  const Fd* upper =
      nullptr;  // the upper folder of the overlay mount that `merged` is; null: a plain folder
};

class TreeCopier {
 public:
  TreeCopier(SourceTree& from, const CopyTarget& target, const CopyRules& rules, Pool& pool)
      : from_(from), target_(target), files_(rules, pool), pool_(pool) {}

  // What is selected of all that is below a folder of the list goes into the folder `into`, which is there. `is_new`: it was made for this
  // and is empty. What is in the way goes, but folders are merged.
  Status copy_content(const SourceList& list, size_t folder, const Selection& selection,
                      const std::string& into, bool is_new);
  // A file takes the place `to`; its folder is there. What was there goes, even a folder.
  Status copy_file(const SourceTree::Place& place, const std::string& to);
  // The same for a file that the Dockerfile holds.
  Status write_file(const std::string& text, const std::string& to);

 private:
  struct Folder {
    size_t index;   // in the list
    size_t parent;  // in folders_
    std::string path;
    bool is_new;
    bool hands_group_on = false;
  };
  struct Piece {
    size_t folder;
    std::vector<size_t> entries;
  };

  Result<Fd> open_folder(const std::string& path, bool is_new) const;
  Status make_folders(const SourceList& list, size_t first, const Selection& selection);
  Result<bool> make_folder(const Folder& parent, const std::string& name);
  std::vector<Piece> cut(const SourceList& list, const Selection& selection);
  Status copy_piece(const SourceList& list, const Piece& piece) const;
  Status make_links(const SourceList& list);
  Status finish_folders(const SourceList& list) const;

  SourceTree& from_;
  const CopyTarget target_;
  const FileCopier files_;
  Pool& pool_;
  std::vector<Folder> folders_;
  struct Link {
    size_t index, first, folder;
  };
  std::vector<Link> links_;  // further names of files
};

}  // namespace strata::build
