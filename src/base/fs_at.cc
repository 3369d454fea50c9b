// SPDX-License-Identifier: Apache-2.0
#include "base/fs_at.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <random>

#include "base/interrupt.h"

namespace strata {
namespace {

Error path_error(std::string_view call, std::string_view path) {
  int saved = errno;
  Error failure = errno_error(saved, fmt::format("{} {}", call, path));
  return saved == EEXIST || saved == ENOTEMPTY ? Error(ErrorCode::kConflict, failure.message())
                                               : failure;
}

std::string temp_name_for(const std::string& name) {
  // dockerd's own pattern, so that both clean up after each other in the same way.
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return fmt::format(".tmp-{}{}", name, generator() % 10'000'000'000);
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  return {folder_above(path), path.substr(path.rfind('/') + 1)};
}

// Empties a folder. A folder that is not empty is first renamed up into `top`, so the depth of the
// tree costs neither descriptors nor stack.
class TreeRemover {
 public:
  explicit TreeRemover(const Fd& top) : top_(top) {}

  Status run() {
    STRATA_CHECK(empty_folder(top_));
    while (!parked_.empty()) {
      std::string name = std::move(parked_.back());
      parked_.pop_back();
      STRATA_TRY(Fd folder, open_at(top_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      ::fchmod(folder.get(), 0700);
      STRATA_CHECK(empty_folder(folder));
      if (::unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR) != 0)
        return path_error("remove", name);
    }
    return {};
  }

 private:
  Status empty_folder(const Fd& folder) {
    return visit_dir_at(folder, ".",
                        [&](const DirEntry& entry) { return remove_or_park(folder, entry.name); });
  }

  Status remove_or_park(const Fd& folder, const std::string& name) {
    if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return path_error("remove", name);
    if (::unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
    if (errno != ENOTEMPTY && errno != EEXIST) return path_error("remove", name);
    if (&folder == &top_) {  // it is where it should be; a new name would only be met again
      parked_.push_back(name);
      return {};
    }
    while (true) {
      std::string parked = fmt::format(".strata-remove-{}-{}", ::getpid(), next_++);
      Status renamed = rename_at(folder, name, top_, parked, Existing::kKeep);
      // Of a removal that did not come to its end, by a process of the same number.
      if (!renamed.ok() && renamed.error().code() == ErrorCode::kConflict) continue;
      STRATA_CHECK(std::move(renamed));
      parked_.push_back(std::move(parked));
      return {};
    }
  }

  const Fd& top_;
  std::vector<std::string> parked_;
  uint64_t next_ = 0;
};

}  // namespace

Result<Fd> open_path(const std::string& path, int flags, mode_t mode) {
  return open_at(Fd(), path, flags, mode);
}

Result<Fd> open_at(const Fd& dir, const std::string& path, int flags, mode_t mode) {
  int base = dir.valid() ? dir.get() : AT_FDCWD;
  while (true) {
    int fd = ::openat(base, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return path_error("open", path);
    STRATA_CHECK(check_interrupted());  // a fifo waits for its other side
  }
}

Result<Fd> open_dir_at(const Fd& dir, const std::string& path) {
  return open_at(dir, path, O_RDONLY | O_DIRECTORY);
}

Result<Fd> open_in_root(const Fd& root, const std::string& path, int flags, mode_t mode,
                        Symlinks symlinks) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (symlinks == Symlinks::kRefuse) how.resolve |= RESOLVE_NO_SYMLINKS;
  while (true) {
    long fd = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    // EAGAIN: a rename or mount elsewhere raced with the resolution of ".."; the kernel asks to try
    // again.
    if (errno != EINTR && errno != EAGAIN) return path_error("open", path);
  }
}

Status ensure_dirs_in_root(const Fd& root, const std::string& path, mode_t mode) {
  size_t end = 0;
  while (true) {
    const size_t begin = path.find_first_not_of('/', end);
    if (begin == path.npos) return {};
    const std::string above = "/" + path.substr(0, begin);
    end = std::min(path.find('/', begin), path.size());
    Result<Fd> there = open_in_root(root, path.substr(0, end), O_PATH | O_DIRECTORY);
    if (there.ok()) continue;
    if (there.error().code() != ErrorCode::kNotFound) {
      return error(ErrorCode::kConflict, "{} is not a directory", path.substr(0, end));
    }
    STRATA_TRY(Fd parent, open_in_root(root, above, O_PATH | O_DIRECTORY));
    STRATA_CHECK(mkdir_at(parent, path.substr(begin, end - begin), mode));
  }
}

Status mkdir_at(const Fd& dir, const std::string& path, mode_t mode) {
  int base = dir.valid() ? dir.get() : AT_FDCWD;
  if (::mkdirat(base, path.c_str(), mode) != 0) return path_error("mkdir", path);
  if (::fchmodat(base, path.c_str(), mode, 0) != 0) return path_error("chmod", path);
  return {};
}

Status ensure_dir_at(const Fd& dir, const std::string& path, mode_t mode) {
  Status made = mkdir_at(dir, path, mode);
  if (made.ok() || made.error().code() != ErrorCode::kConflict) return made;
  struct stat info;
  int base = dir.valid() ? dir.get() : AT_FDCWD;
  if (::fstatat(base, path.c_str(), &info, 0) != 0) return path_error("stat", path);
  return S_ISDIR(info.st_mode) ? Status() : made;
}

Status ensure_dirs_at(const Fd& dir, const std::string& path, mode_t mode) {
  if (open_at(dir, path, O_PATH | O_DIRECTORY).ok()) return {};
  size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    STRATA_CHECK(ensure_dirs_at(dir, path.substr(0, slash), mode));
  }
  return ensure_dir_at(dir, path, mode);
}

Result<std::string> read_file_at(const Fd& dir, const std::string& path, size_t limit_bytes) {
  // Not blocking: a fifo would wait for a writer. Regular files do not know the difference.
  STRATA_TRY(Fd fd, open_at(dir, path, O_RDONLY | O_NOCTTY | O_NONBLOCK));
  // Most files that are read whole are small, and one read is all they need: what is shorter than a
  // page has ended there. Folders, fifos and devices fail at it, fill it, or give nothing.
  std::array<char, 4096> page;
  const ssize_t first = ::pread(fd.get(), page.data(), page.size(), 0);
  if (first > 0 && static_cast<size_t>(first) < std::min(page.size(), limit_bytes)) {
    return std::string(page.data(), static_cast<size_t>(first));
  }
  // One fstat saves the growing of the string and, mostly, the last read that finds the end.
  STRATA_TRY(struct stat info, stat_fd(fd.get()));
  if (!S_ISREG(info.st_mode)) {
    return error(ErrorCode::kCorrupt, "{} is not a regular file", path);
  }
  if (static_cast<uint64_t>(info.st_size) > limit_bytes) {
    return error(ErrorCode::kCorrupt, "{} holds {} bytes; at most {} are expected", path,
                 info.st_size, limit_bytes);
  }
  std::string text(static_cast<size_t>(info.st_size), '\0');
  STRATA_TRY(size_t count, pread_full(fd.get(), std::as_writable_bytes(std::span(text)), 0));
  text.resize(count);
  return text;
}

Result<std::optional<std::string>> read_file_if_exists_at(const Fd& dir, const std::string& path,
                                                          size_t limit_bytes) {
  Result<std::string> text = read_file_at(dir, path, limit_bytes);
  if (text.ok()) return std::optional<std::string>(std::move(text).value());
  if (text.error().code() == ErrorCode::kNotFound) return std::optional<std::string>();
  return std::move(text).error();
}

std::string folder_above(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status write_file_at(const Fd& dir, const std::string& path, std::string_view content,
                     mode_t mode) {
  STRATA_TRY(Fd fd, open_at(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  if (::fchmod(fd.get(), mode) != 0) return path_error("chmod", path);
  STRATA_CHECK(write_all(fd.get(), as_bytes(content)).context("{}", path));
  return fd.close().context("{}", path);
}

Status replace_file_at(const Fd& dir, const std::string& path, std::string_view content,
                       mode_t mode) {
  const std::pair<std::string, std::string> split = split_path(path);
  const auto& parent = split.first;
  const auto& name = split.second;
  STRATA_TRY(Fd folder, open_dir_at(dir, parent));
  std::string temp = temp_name_for(name);
  STRATA_TRY(Fd fd, open_at(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  auto fill = [&]() -> Status {
    STRATA_CHECK(write_all(fd.get(), as_bytes(content)));
    if (::fchmod(fd.get(), mode) != 0) return path_error("chmod", path);
    STRATA_CHECK(sync(fd.get()));
    STRATA_CHECK(fd.close());
    STRATA_CHECK(rename_at(folder, temp, folder, name, Existing::kReplace));
    return sync(folder.get());
  };
  Status filled = fill();
  if (!filled.ok()) ::unlinkat(folder.get(), temp.c_str(), 0);
  return std::move(filled).context("replace {}", path);
}

Status rename_at(const Fd& from_dir, const std::string& from, const Fd& to_dir,
                 const std::string& to, Existing existing) {
  unsigned flags = existing == Existing::kKeep ? RENAME_NOREPLACE : 0;
  if (::renameat2(from_dir.get(), from.c_str(), to_dir.get(), to.c_str(), flags) != 0) {
    return path_error("rename", fmt::format("{} to {}", from, to));
  }
  return {};
}

Status symlink_at(const std::string& target, const Fd& dir, const std::string& path) {
  if (::symlinkat(target.c_str(), dir.get(), path.c_str()) != 0) return path_error("symlink", path);
  return {};
}

Result<std::string> readlink_at(const Fd& dir, const std::string& path) {
  std::string target(PATH_MAX, '\0');
  int base = dir.valid() ? dir.get() : AT_FDCWD;
  ssize_t count = ::readlinkat(base, path.c_str(), target.data(), target.size());
  if (count < 0) return path_error("readlink", path);
  target.resize(static_cast<size_t>(count));
  return target;
}

Result<struct stat> lstat_at(const Fd& dir, const std::string& path) {
  struct stat info;
  int base = dir.valid() ? dir.get() : AT_FDCWD;
  if (::fstatat(base, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return path_error("stat", path);
  }
  return info;
}

Result<bool> exists_at(const Fd& dir, const std::string& path) {
  Result<struct stat> info = lstat_at(dir, path);
  if (info.ok()) return true;
  if (info.error().code() == ErrorCode::kNotFound) return false;
  return std::move(info).error();
}

Status unlink_at(const Fd& dir, const std::string& path) {
  if (::unlinkat(dir.get(), path.c_str(), 0) != 0 && errno != ENOENT) {
    return path_error("unlink", path);
  }
  return {};
}

Status remove_folder_at(const Fd& dir, const std::string& path) {
  if (::unlinkat(dir.get(), path.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return path_error("rmdir", path);
  }
  return {};
}

Result<std::string> real_path(const std::string& path) {
  STRATA_TRY(Fd place, open_path(path, O_PATH));
  return told_path(place.get());
}

Result<std::string> told_path(int fd) {
  return readlink_at(Fd(), fmt::format("/proc/self/fd/{}", fd));
}

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

Status remove_tree_at(const Fd& dir, const std::string& path) {
  if (::unlinkat(dir.get(), path.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return path_error("remove", path);
  STRATA_TRY(Fd top, open_at(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  // A folder of mode 0 would stop anybody but root; a failure shows below.
  ::fchmod(top.get(), 0700);
  TreeRemover remover(top);
  STRATA_CHECK(remover.run());
  if (::unlinkat(dir.get(), path.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return path_error("remove", path);
  }
  return {};
}

Status visit_dir_at(const Fd& dir, const std::string& path,
                    const std::function<Status(const DirEntry&)>& visit) {
  STRATA_TRY(Fd fd, open_dir_at(dir, path));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
  if (stream == nullptr) return path_error("list", path);
  (void)fd.release();  // the stream owns it now
  DirEntry found;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) return path_error("list", path);
    if (entry == nullptr) return {};
    found.name.assign(entry->d_name);
    found.type = entry->d_type;
    if (found.name != "." && found.name != "..") STRATA_CHECK(visit(found));
  }
}

Result<std::vector<DirEntry>> list_dir_at(const Fd& dir, const std::string& path) {
  std::vector<DirEntry> entries;
  STRATA_CHECK(visit_dir_at(dir, path, [&](const DirEntry& entry) -> Status {
    entries.push_back(entry);
    return {};
  }));
  return entries;
}

}  // namespace strata
