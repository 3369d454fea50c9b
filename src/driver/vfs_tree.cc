// SPDX-License-Identifier: Apache-2.0
#include "driver/vfs_tree.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "driver/driver.h"

namespace strata::driver {
namespace {

constexpr size_t kCopyChunkBytes = 1u << 30;

// A name in an open folder. xattr calls have no *at form: /proc gives the folder a path that nobody
// can exchange.
struct Name {
  const Fd& dir;
  const std::string& name;
  std::string proc_path() const { return fmt::format("/proc/self/fd/{}/{}", dir.get(), name); }
};

std::string below(const std::string& path, const std::string& name) {
  return path == "." ? name : path + "/" + name;
}

Status failed(std::string_view call, const std::string& path) {
  return errno_error(errno, fmt::format("{} {}", call, path));
}

// True for what an ordinary user may not do, and need not when nobody looks at owners.
bool tolerated() { return errno == EPERM && ::geteuid() != 0; }

Result<Fd> open_folder(const Fd& root, const std::string& path) {
  return open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<std::string> get_xattr(const std::string& path, const std::string& key) {
  std::string value(XATTR_SIZE_MAX, '\0');
  ssize_t count = ::lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
  if (count < 0) return failed("read xattr " + key + " of", path).error();
  value.resize(static_cast<size_t>(count));
  return value;
}

Status copy_xattrs(const Name& from, const Name& to) {
  std::string source = from.proc_path();
  ssize_t size = ::llistxattr(source.c_str(), nullptr, 0);
  if (size <= 0) return size == 0 || errno == EOPNOTSUPP ? Status() : failed("list xattrs", source);
  std::string keys(static_cast<size_t>(size), '\0');
  size = ::llistxattr(source.c_str(), keys.data(), keys.size());
  if (size < 0) return failed("list xattrs", source);
  keys.resize(static_cast<size_t>(size));
  for (size_t at = 0; at < keys.size();) {
    std::string key = keys.c_str() + at;
    at += key.size() + 1;
    if (key == opaque_xattr()) continue;  // says something about layers, and there are none here
    STRATA_TRY(std::string value, get_xattr(source, key));
    if (::lsetxattr(to.proc_path().c_str(), key.c_str(), value.data(), value.size(), 0) != 0 &&
        !tolerated()) {
      return failed("set xattr " + key + " of", to.name);
    }
  }
  return {};
}

// Owner before mode: chown takes setuid bits away. xattrs after the owner: it takes file
// capabilities away.
Status copy_metadata(const Name& from, const Name& to, const struct stat& info) {
  if (::fchownat(to.dir.get(), to.name.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) !=
          0 &&
      !tolerated()) {
    return failed("chown", to.name);
  }
  STRATA_CHECK(copy_xattrs(from, to));
  if (!S_ISLNK(info.st_mode) &&
      ::fchmodat(to.dir.get(), to.name.c_str(), info.st_mode & 07777, 0) != 0) {
    return failed("chmod", to.name);
  }
  struct timespec times[2] = {info.st_atim, info.st_mtim};
  if (::utimensat(to.dir.get(), to.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed("set times of", to.name);
  }
  return {};
}

Status copy_bytes(const Fd& in, Fd& out, const std::string& name) {
  FdSource source(in.get());
  FdSink sink(out.get());
  STRATA_TRY(uint64_t bytes, copy_stream(source, sink).context("copy {}", name));
  STRATA_TRY(struct stat info, stat_fd(in.get()));
  if (bytes != static_cast<uint64_t>(info.st_size)) {
    return error(ErrorCode::kIo, "copy {}: it changed while it was read", name);
  }
  return out.close();
}

Status copy_content(const Name& from, const Name& to) {
  STRATA_TRY(Fd in, open_at(from.dir, from.name, O_RDONLY | O_NOFOLLOW));
  STRATA_TRY(Fd out, open_at(to.dir, to.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (::ioctl(out.get(), FICLONE, in.get()) != 0) {
    ssize_t count;
    do {
      count = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, kCopyChunkBytes, 0);
    } while (count > 0 || (count < 0 && errno == EINTR));
    // Another file system: a volume that begins with what an overlay shows.
    if (count < 0 && errno == EXDEV) return copy_bytes(in, out, from.name);
    if (count < 0) return failed("copy", from.name);
  }
  return out.close();
}

// Walks a tree without holding descriptors for its depth: folders wait as paths.
class TreeCopier {
 public:
  // kMissing: names that are in `into` stay as they are.
  enum class What { kAll, kMissing };
  TreeCopier(const Fd& from, const Fd& into, What what) : from_(from), into_(into), what_(what) {}

  Status run() {
    waiting_ = {"."};
    while (!waiting_.empty()) {
      const std::string path = std::move(waiting_.back());
      waiting_.pop_back();
      STRATA_CHECK(copy_folder(path).context("copy {}", path));
    }
    return finish_folders();
  }

 private:
  Status copy_folder(const std::string& path) {
    STRATA_TRY(Fd from, open_folder(from_, path));
    STRATA_TRY(Fd into, open_folder(into_, path));
    STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(from, "."));
    for (const DirEntry& entry : entries) {
      STRATA_TRY(struct stat info, lstat_at(from, entry.name));
      std::string full = below(path, entry.name);
      STRATA_TRY(bool keep, is_kept(into, entry.name, info, full));
      if (keep) continue;
      if (S_ISDIR(info.st_mode)) {
        STRATA_CHECK(mkdir_at(into, entry.name, 0700));
        folders_.push_back(full);
        waiting_.push_back(std::move(full));
      } else {
        STRATA_CHECK(copy_file({from, entry.name}, {into, entry.name}, info, full));
      }
    }
    return {};
  }

  // What is there stays; a folder is looked through, if `info` is one.
  Result<bool> is_kept(const Fd& into, const std::string& name, const struct stat& info,
                       const std::string& full) {
    if (what_ == What::kAll) return false;
    Result<struct stat> old = lstat_at(into, name);
    if (!old.ok() && old.error().code() == ErrorCode::kNotFound) return false;
    if (!old.ok()) return std::move(old).error();
    if (S_ISDIR(info.st_mode) && S_ISDIR(old->st_mode)) waiting_.push_back(full);
    return true;
  }

  Status copy_file(const Name& from, const Name& to, const struct stat& info,
                   const std::string& full) {
    if (info.st_nlink > 1) {
      auto [first, is_new] = links_.try_emplace({info.st_dev, info.st_ino}, full);
      if (!is_new) {
        if (::linkat(into_.get(), first->second.c_str(), to.dir.get(), to.name.c_str(), 0) != 0) {
          return failed("link", full);
        }
        return {};
      }
    }
    if (S_ISREG(info.st_mode)) {
      STRATA_CHECK(copy_content(from, to));
    } else if (S_ISLNK(info.st_mode)) {
      STRATA_TRY(std::string target, readlink_at(from.dir, from.name));
      STRATA_CHECK(symlink_at(target, to.dir, to.name));
    } else if (::mknodat(to.dir.get(), to.name.c_str(), info.st_mode & (S_IFMT | 07777),
                         info.st_rdev) != 0) {
      return failed("mknod", full);
    }
    return copy_metadata(from, to, info);
  }

  // Last, and children before parents: making entries changes a folder's times.
  Status finish_folders() {
    for (auto path = folders_.rbegin(); path != folders_.rend(); ++path) {
      STRATA_TRY(struct stat info, lstat_at(from_, *path));
      STRATA_CHECK(copy_metadata({from_, *path}, {into_, *path}, info).context("copy {}", *path));
    }
    return {};
  }

  const Fd& from_;
  const Fd& into_;
  const What what_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<std::string> waiting_;
  std::vector<std::string> folders_;  // that were made
};

class DiffApplier {
 public:
  DiffApplier(const Fd& diff, const Fd& into) : diff_(diff), into_(into) {}

  Status run() {
    std::vector<std::string> waiting = {"."};
    while (!waiting.empty()) {
      std::string path = std::move(waiting.back());
      waiting.pop_back();
      STRATA_CHECK(apply_folder(path, waiting).context("apply {}", path));
    }
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
      STRATA_CHECK(copy_metadata({diff_, folder->first}, {into_, folder->first}, folder->second));
    }
    return {};
  }

 private:
  Status apply_folder(const std::string& path, std::vector<std::string>& waiting) {
    STRATA_TRY(Fd from, open_folder(diff_, path));
    STRATA_TRY(Fd into, open_folder(into_, path));
    STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(from, "."));
    for (const DirEntry& entry : entries) {
      STRATA_TRY(struct stat info, lstat_at(from, entry.name));
      if (!S_ISDIR(info.st_mode)) {
        STRATA_CHECK(remove_tree_at(into, entry.name));
        bool whiteout = S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
        if (whiteout) continue;
        STRATA_CHECK(rename_at(from, entry.name, into, entry.name, Existing::kKeep));
        continue;
      }
      STRATA_CHECK(make_folder({from, entry.name}, {into, entry.name}));
      waiting.push_back(below(path, entry.name));
      // Taken now: moving the entries out changes the folder's times.
      folders_.emplace_back(waiting.back(), info);
    }
    return {};
  }

  Status make_folder(const Name& from, const Name& to) {
    Result<std::string> opaque = get_xattr(from.proc_path(), std::string(opaque_xattr()));
    Result<struct stat> old = lstat_at(to.dir, to.name);
    bool keep = old.ok() && S_ISDIR(old->st_mode) && !(opaque.ok() && *opaque == "y");
    if (keep) return {};
    STRATA_CHECK(remove_tree_at(to.dir, to.name));
    return mkdir_at(to.dir, to.name, 0700);
  }

  const Fd& diff_;
  const Fd& into_;
  std::vector<std::pair<std::string, struct stat>> folders_;
};

}  // namespace

Status copy_tree(const Fd& from, const Fd& into) {
  return TreeCopier(from, into, TreeCopier::What::kAll).run();
}

Status add_missing(const Fd& from, const Fd& into) {
  return TreeCopier(from, into, TreeCopier::What::kMissing).run();
}

Status apply_diff(const Fd& diff, const Fd& into) { return DiffApplier(diff, into).run(); }

}  // namespace strata::driver
