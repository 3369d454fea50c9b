// SPDX-License-Identifier: Apache-2.0
// TreeWriter: makes the members of one layer's tar under its `diff/` folder, in overlayfs form.
//
// All names are made here, by one thread, in the order of the tar: so a member meets exactly what
// the members before it left, as in a sequential `tar -x`. Contents and metadata of regular files
// are written later by others, through the descriptor that create_file hands out (see FileFiller):
// renaming or unlinking a name does not disturb them.
//
// Nothing outside the folder is ever reached: parents are opened with RESOLVE_IN_ROOT, the last
// component is never followed.
//
// Source:  FORMATS sections 2.2 (whiteouts) and 5 (applying a layer); docs/differences.md where we
//          differ.
// Threads: one.
// Crash:   the folder is staged, nobody else sees it.
#pragma once

#include <sys/stat.h>

#include <array>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "driver/file_metadata.h"
#include "driver/spill_log.h"
#include "tar/member.h"

namespace strata::driver {

// A member whose name was used again by a later one. The files of its tar-split entries moved to
// `replaced/<number>`.
struct Replacement {
  uint64_t entry_number;  // entries before this one are concerned
  std::string path;       // below `diff`, without symlinks: a file, or a folder with all below it
  uint64_t number;
};

// How the tar-split is to record a member.
enum class Record {
  kEntry,    // as a file entry: the payload can be read back under the member's name
  kSegment,  // as raw bytes: it can not, or the name has an entry already
};

struct CreatedFile {
  Fd fd;  // open for writing, empty
  FileMetadata metadata;
  Record record = Record::kSegment;
};

// What create_other made. A folder's metadata is the caller's to apply, as a file's is; `folder.fd`
// is invalid for all else.
struct CreatedOther {
  Record record;
  CreatedFile folder = {};
  bool folder_existed = false;  // then the metadata of the earlier member must be settled first
};

class TreeWriter {
 public:
  // `layer` holds `diff/` (open as `diff`). Both are borrowed and outlive the writer. Not
  // privileged: owners that cannot be set are left, devices become empty files, opaque marks use
  // user.overlay.
  TreeWriter(const Fd& layer, const Fd& diff, bool privileged);

  // `entry_number` counts the file entries of the tar-split so far; see Replacement.
  // Creates an empty regular file. Errors of both: kInvalid (a name that leaves the layer, a name
  // too long, a whiteout of nothing, a hard link without target), kUnsupported (a type that docker
  // refuses too), or by errno, naming the member.
  Result<CreatedFile> create_file(const tar::Member& member, uint64_t entry_number);
  // Makes anything that is not a regular file, whole. Hard links change the owner, mode and times
  // of their target, so the caller has those settled before it calls.
  Result<CreatedOther> create_other(const tar::Member& member, uint64_t entry_number);
  // True when the member is a whiteout or opaque mark by its name; it goes to create_other whatever
  // its type.
  static bool is_whiteout(const tar::Member& member);

  // Gives the folders their times, in order. After the last file is closed. Where not privileged
  // they stay open to their owner, whatever mode the tar gives them, or save could not read them.
  Status finish_directories();

  // layerdb/size so far: bytes of files and link targets, each inode once. Not valid after a
  // replacement.
  uint64_t size_bytes() const { return size_bytes_; }
  const std::vector<Replacement>& replacements() const { return replacements_; }
  // docker 20.10 ignores these likewise.
  const RefusedXattrs& refused() const { return refused_; }

 private:
  // A folder that members went to.
  struct Parent {
    Fd fd;             // O_PATH
    std::string path;  // clean
    bool known = false;
    bool through_symlink = false;
  };
  // Where a member goes: an open parent and the last component of its name.
  struct Place {
    const Fd* parent;
    std::string name;
    std::string path;
    bool through_symlink;
  };
  Result<Place> place_of(const tar::Member& member);
  Result<const Parent*> enter_parent(std::string_view parent_path);
  Result<Parent> open_parent(std::string_view parent_path);
  Status make_parents(const std::string& path, int links_left);
  Result<std::string> resolved_path(const Place& place) const;
  Status move_aside(const Place& place, uint64_t entry_number);

  Result<CreatedOther> make_directory(const Place& place, const tar::Member& member,
                                      uint64_t entry_number);
  Status make_special(const Place& place, const tar::Member& member, uint64_t entry_number);
  int make_node(const Place& place, const tar::Member& member);
  Status make_hard_link(const Place& place, const tar::Member& member, uint64_t entry_number);
  Result<Record> make_whiteout(const Place& place, const tar::Member& member);
  Result<bool> mark_opaque(const Fd& directory);
  Status defer_directory(const std::string& path, const FileMetadata& metadata);

  const Fd& layer_;
  const Fd& diff_;
  const bool privileged_;
  // The last ones, in a ring: a tar comes back to the folders above the one that it has left.
  std::array<Parent, 8> parents_;
  size_t newest_parent_ = 0;
  SpillLog directories_;
  uint64_t size_bytes_ = 0;
  bool root_seen_ = false;
  std::vector<Replacement> replacements_;
  size_t replaced_bytes_ = 0;  // estimate of what they take
  RefusedXattrs refused_;
};

}  // namespace strata::driver
