// SPDX-License-Identifier: Apache-2.0
#include "build/file_copier.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace strata::build {
namespace {

constexpr mode_t kPermissions = 07777;
constexpr mode_t kPlainBits = 0777;
constexpr mode_t kSpecialBits = 07000;
constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
constexpr size_t kCopyChunkBytes = size_t{64} << 20;
constexpr size_t kBufferBytes = size_t{256} << 10;
constexpr char kCapability[] = "security.capability";

Status failed(std::string_view call, const std::string& name) {
  return errno_error(errno, fmt::format("{} {}", call, name));
}

// umask(2) cannot be asked without changing it under the other threads.
mode_t current_umask() {
  Result<std::string> status = read_file_at(Fd(), "/proc/self/status");
  constexpr std::string_view kLine = "\nUmask:\t";
  mode_t mask = kPermissions;  // not known: every mode is set
  if (!status.ok()) return mask;
  const size_t at = status->find(kLine);
  if (at == std::string::npos) return mask;
  std::from_chars(status->data() + at + kLine.size(), status->data() + status->size(), mask, 8);
  return mask;
}

// Whole seconds, and not before 1970: what a tar of docker's carries.
std::array<struct timespec, 2> times_of(const SourceEntry& entry) {
  const int64_t seconds = entry.mtime_ns < 0 ? 0 : entry.mtime_ns / 1'000'000'000;
  return {timespec{seconds, 0}, timespec{seconds, 0}};
}

// Between two file systems, and where one of them does not know better.
Status copy_by_buffer(int in, int out, uint64_t begin, uint64_t end, const std::string& name,
                      const Pool& pool) {
  thread_local std::vector<std::byte> buffer(kBufferBytes);
  while (begin < end) {
    STRATA_CHECK(pool.check_cancelled());
    const MutableByteSpan part =
        MutableByteSpan(buffer).first(std::min<uint64_t>(buffer.size(), end - begin));
    STRATA_TRY(const size_t count, pread_full(in, part, begin).context("{}", name));
    if (count == 0) return {};  // the file has become shorter
    STRATA_CHECK(pwrite_all(out, ByteSpan(part).first(count), begin).context("{}", name));
    begin += count;
  }
  return {};
}

}  // namespace

Status FileCopier::copy_range(int in, int out, uint64_t begin, uint64_t end,
                              const std::string& name) const {
  while (begin < end && can_copy_range_.load(std::memory_order_relaxed)) {
    STRATA_CHECK(pool_.check_cancelled());
    auto from = static_cast<off_t>(begin);
    off_t to = from;
    const size_t wanted = std::min<uint64_t>(kCopyChunkBytes, end - begin);
    const ssize_t count = ::copy_file_range(in, &from, out, &to, wanted, 0);
    if (count == 0) return {};  // the file has become shorter
    if (count > 0) {
      begin += static_cast<uint64_t>(count);
    } else if (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS) {
      can_copy_range_.store(false, std::memory_order_relaxed);
    } else if (errno != EINTR) {
      return failed("copy", name);
    }
  }
  return copy_by_buffer(in, out, begin, end, name, pool_);
}

// The stretches that hold data; the rest stays holes.
Status FileCopier::copy_sparse(int in, int out, uint64_t size_bytes,
                               const std::string& name) const {
  for (off_t at = 0; at < static_cast<off_t>(size_bytes);) {
    const off_t data = ::lseek(in, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    const off_t hole = data < 0 ? -1 : ::lseek(in, data, SEEK_HOLE);
    if (hole < 0) return failed("seek in", name);
    STRATA_CHECK(
        copy_range(in, out, static_cast<uint64_t>(data), static_cast<uint64_t>(hole), name));
    at = hole;
  }
  if (::ftruncate(out, static_cast<off_t>(size_bytes)) != 0) return failed("extend", name);
  return {};
}

Status FileCopier::copy_content(const SourceEntry& entry, int in, int out,
                                const std::string& name) const {
  if (entry.size_bytes == 0) return {};
  if (can_clone_.load(std::memory_order_relaxed)) {
    if (::ioctl(out, FICLONE, in) == 0) return {};
    can_clone_.store(false, std::memory_order_relaxed);
  }
  if (entry.sparse) return copy_sparse(in, out, entry.size_bytes, name);
  return copy_range(in, out, 0, entry.size_bytes, name);
}

namespace {

Status copy_capability(int in, int out, const std::string& name) {
  std::array<char, 64> value;
  const ssize_t size = ::fgetxattr(in, kCapability, value.data(), value.size());
  if (size <= 0) return {};
  if (::fsetxattr(out, kCapability, value.data(), static_cast<size_t>(size), 0) != 0) {
    return failed("set capabilities of", name);
  }
  return {};
}

}  // namespace

Status change_owner(const Fd& folder, const std::string& name, const Owner& owner) {
  if (::fchownat(folder.get(), name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) == 0 ||
      (errno == EPERM && ::geteuid() != 0)) {
    return {};
  }
  return failed("chown", name);
}

FileCopier::FileCopier(const CopyRules& rules, const Pool& pool)
    : rules_(rules), pool_(pool), umask_(current_umask()) {}

Owner FileCopier::owner_of(const SourceEntry& entry) const {
  return rules_.owner.value_or(Owner{entry.uid, entry.gid});
}

mode_t FileCopier::mode_of(const SourceEntry& entry) const {
  if (rules_.chmod) return rules_.chmod->apply(entry.mode);
  mode_t mode = entry.mode & kPermissions;
  if (rules_.drops_privileges() && !entry.is_folder()) {
    mode &= ~static_cast<mode_t>(S_ISUID);
    if ((mode & S_IXGRP) != 0) mode &= ~static_cast<mode_t>(S_ISGID);
  }
  return mode;
}

// A new file is the process's own; only `check` says that its group may be another.
Status FileCopier::set_owner(const SourceEntry& entry, const Name& to, int fd, bool check) const {
  const Owner owner = owner_of(entry);
  const bool is_own = owner.uid == ::geteuid() && owner.gid == ::getegid();
  if (is_own && !check) return {};
  if (::fchown(fd, owner.uid, owner.gid) == 0 || (errno == EPERM && ::geteuid() != 0)) return {};
  return failed("chown", to.name);
}

Status FileCopier::set_mode(const SourceEntry& entry, const Name& to, int fd) const {
  const mode_t mode = mode_of(entry);
  const bool is_set = (mode & (umask_ | kSpecialBits)) == 0;  // by open()
  if (!is_set && ::fchmod(fd, mode) != 0) return failed("chmod", to.name);
  return {};
}

Status FileCopier::copy_regular(const SourceEntry& entry, const Name& from, const Name& to,
                                const Options& options) const {
  STRATA_TRY(Fd in, open_at(from.folder, from.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  STRATA_TRY(Fd out, open_at(to.folder, to.name, kNewFile, mode_of(entry) & kPlainBits));
  STRATA_CHECK(copy_content(entry, in.get(), out.get(), to.name));
  STRATA_CHECK(set_owner(entry, to, out.get(), options.check_owner));
  if (options.with_capabilities && !rules_.drops_privileges()) {
    STRATA_CHECK(copy_capability(in.get(), out.get(), to.name));
  }
  STRATA_CHECK(set_mode(entry, to, out.get()));
  if (::futimens(out.get(), times_of(entry).data()) != 0) return failed("set times of", to.name);
  return out.close().context("{}", to.name);
}

Status FileCopier::write(const std::string& text, const Name& to) const {
  SourceEntry entry;
  entry.mode = S_IFREG | 0644;
  STRATA_TRY(Fd out, open_at(to.folder, to.name, kNewFile, mode_of(entry) & kPlainBits));
  STRATA_CHECK(write_all(out.get(), as_bytes(text)).context("{}", to.name));
  STRATA_CHECK(set_owner(entry, to, out.get(), true));
  STRATA_CHECK(set_mode(entry, to, out.get()));
  return out.close().context("{}", to.name);
}

Status FileCopier::copy(const SourceEntry& entry, const Name& from, const Name& to,
                        const Options& options) const {
  if (entry.is_file()) return copy_regular(entry, from, to, options);
  if (entry.is_symlink()) {
    STRATA_TRY(const std::string target, readlink_at(from.folder, from.name));
    STRATA_CHECK(symlink_at(target, to.folder, to.name));
  } else if (::mknodat(to.folder.get(), to.name.c_str(), entry.mode & (S_IFMT | 0777),
                       entry.special) != 0) {
    return failed("mknod", to.name);
  }
  return finish(entry, to);
}

Status FileCopier::finish(const SourceEntry& entry, const Name& made) const {
  const int folder = made.folder.get();
  STRATA_CHECK(change_owner(made.folder, made.name, owner_of(entry)));
  if (!entry.is_symlink() && ::fchmodat(folder, made.name.c_str(), mode_of(entry), 0) != 0) {
    return failed("chmod", made.name);
  }
  if (entry.implied) return {};  // the time of now
  const std::array<struct timespec, 2> times = times_of(entry);
  if (::utimensat(folder, made.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return failed("set times of", made.name);
  }
  return {};
}

}  // namespace strata::build
