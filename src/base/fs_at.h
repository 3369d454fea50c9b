// SPDX-License-Identifier: Apache-2.0
// File operations relative to a directory descriptor: the only place where files are opened, made
// or removed.
//
// A path that is resolved again can have been exchanged in between, and a path that comes from an
// archive can point anywhere. So every operation names an open directory and a path below it:
// - the plain functions (open_at, mkdir_at, ...) are for names of our own (layerdb, cache-ids).
//   They follow symlinks as the kernel does, and are never given text from outside;
// - open_in_root is for names from outside: "..", absolute paths and symlinks stay below `root`
//   (openat2 with RESOLVE_IN_ROOT, Linux 5.6).
// Errors of all: by errno (kNotFound, kPermission, kNoSpace, kIo ...), naming the call and the
// path.
// Threads: any.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace strata {

// Opens any path of the user's (command line, environment), relative to the working directory.
Result<Fd> open_path(const std::string& path, int flags, mode_t mode = 0);
Result<Fd> open_at(const Fd& dir, const std::string& path, int flags, mode_t mode = 0);
Result<Fd> open_dir_at(const Fd& dir, const std::string& path);
// Opens `path` as if `root` were "/": nothing outside of it can be reached.
// kRefuse: a symlink anywhere in the path, the last component included, is an error (kInvalid, from
// ELOOP).
enum class Symlinks { kFollow, kRefuse };
Result<Fd> open_in_root(const Fd& root, const std::string& path, int flags, mode_t mode = 0,
                        Symlinks symlinks = Symlinks::kFollow);

// Makes the folder `path` and those above it where they are missing, below `root` as open_in_root
// resolves it. Errors: kConflict when something else is in the way.
Status ensure_dirs_in_root(const Fd& root, const std::string& path, mode_t mode);

// Makes one directory with exactly `mode` (the umask does not count). mkdir_at fails when it exists
// (kConflict).
Status mkdir_at(const Fd& dir, const std::string& path, mode_t mode);
// Like mkdir_at, but a directory that exists already is fine and keeps its mode.
Status ensure_dir_at(const Fd& dir, const std::string& path, mode_t mode);
// ensure_dir_at for the path and all its parents.
Status ensure_dirs_at(const Fd& dir, const std::string& path, mode_t mode);

// "a/b" -> "a"; "." of a name alone, "/" of what lies in it.
std::string folder_above(const std::string& path);

// The whole file. Errors: kCorrupt when it is larger than `limit_bytes`.
inline constexpr size_t kSmallFileBytes = 4u << 20;
Result<std::string> read_file_at(const Fd& dir, const std::string& path,
                                 size_t limit_bytes = kSmallFileBytes);
// Empty when the file does not exist.
Result<std::optional<std::string>> read_file_if_exists_at(const Fd& dir, const std::string& path,
                                                          size_t limit_bytes = kSmallFileBytes);
// Creates or overwrites in place: for files in a staging folder, which nobody sees yet. Not synced.
Status write_file_at(const Fd& dir, const std::string& path, std::string_view content, mode_t mode);
// Replaces `path` so that after a crash it holds the old or the new content, never part of it:
// a temporary file beside it (".tmp-<name><random>", as dockerd names its own), fsync, rename,
// fsync of the folder.
Status replace_file_at(const Fd& dir, const std::string& path, std::string_view content,
                       mode_t mode);

enum class Existing { kReplace, kKeep };
// kKeep: fails with kConflict when `to` exists (RENAME_NOREPLACE).
Status rename_at(const Fd& from_dir, const std::string& from, const Fd& to_dir,
                 const std::string& to, Existing existing);
Status symlink_at(const std::string& target, const Fd& dir, const std::string& path);
Result<std::string> readlink_at(const Fd& dir, const std::string& path);
Result<struct stat> lstat_at(const Fd& dir, const std::string& path);
Result<bool> exists_at(const Fd& dir, const std::string& path);
// A file that is not there is fine.
Status unlink_at(const Fd& dir, const std::string& path);
// Removes an empty directory. kConflict when it is not empty; absent is fine.
Status remove_folder_at(const Fd& dir, const std::string& path);
// The absolute path without symlinks of something that exists.
Result<std::string> real_path(const std::string& path);
// What the kernel tells of an open file: the path, from the machine's root also in a chroot, with
// " (deleted)" behind it when it has no name any more; or something like "pipe:[123]".
Result<std::string> told_path(int fd);
// Whether both are of the same file.
bool is_same_file(const struct stat& one, const struct stat& other);
// Removes a file or a whole tree without following symlinks or leaving the file system it is on.
// Absent is fine.
Status remove_tree_at(const Fd& dir, const std::string& path);

struct DirEntry {
  std::string name;
  unsigned char type;  // DT_DIR, DT_REG ...; DT_UNKNOWN where the file system does not say
};
// Calls `visit` with every entry but "." and "..", in no order, one at a time: a folder of any size
// costs no memory. An error of `visit` ends it. kNotFound when the directory is not there.
Status visit_dir_at(const Fd& dir, const std::string& path,
                    const std::function<Status(const DirEntry&)>& visit);
// All of them at once, for folders that are known to be small.
Result<std::vector<DirEntry>> list_dir_at(const Fd& dir, const std::string& path);

// An output file of the user's that appears under its name complete or not at all: nameless
// (O_TMPFILE) or temporary until publish(). An object destroyed before that leaves nothing behind,
// even after kill -9 where the file system knows O_TMPFILE. Devices and fifos are opened and
// written directly.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) noexcept = default;
  ~OutputFile();

  int fd() const { return fd_.get(); }
  bool seekable() const { return seekable_; }
  // Gives the file its name, replacing what had it. An older file goes when this one is on disk, so
  // that after a power cut one of them is there. A new name is not waited for, as cp does not,
  // unless `wait_for_disk`.
  Status publish(bool wait_for_disk = false);

 private:
  OutputFile() = default;
  Fd dir_;
  Fd fd_;
  std::string name_;
  std::string temp_name_;  // empty: nameless or direct
  bool direct_ = false;
  bool seekable_ = true;
};

}  // namespace strata
