// SPDX-License-Identifier: Apache-2.0
#include "driver/file_metadata.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

namespace strata::driver {
namespace {

constexpr std::string_view kOverlayPrefix = "trusted.overlay.";
constexpr std::string_view kOverlayOpaque = "trusted.overlay.opaque";

// Go's time.Time of docker is set as nanoseconds since 1970 in an int64; what does not fit becomes
// the epoch.
struct timespec bounded_time(int64_t seconds, uint32_t nanoseconds) {
  constexpr int64_t kMaxSeconds = std::numeric_limits<int64_t>::max() / 1'000'000'000;
  if (seconds < 0 || seconds >= kMaxSeconds) return {0, 0};
  return {static_cast<time_t>(seconds), static_cast<long>(nanoseconds)};
}

bool earlier(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

// `set` calls one of the setxattr family for a name and value.
template <typename Set>
Status set_xattrs(const FileMetadata& metadata, bool privileged, RefusedXattrs& refused, Set set) {
  for (const auto& [name, value] : metadata.xattrs) {
    if (set(name.c_str(), value) == 0) continue;
    bool not_taken = errno == EOPNOTSUPP || errno == EPERM || (errno == EACCES && !privileged);
    if (!not_taken) return errno_error(errno, fmt::format("set xattr {}", name));
    refused.add(name);
  }
  return {};
}

}  // namespace

Result<FileMetadata> metadata_of(const tar::Member& member) {
  if (!member.uid_in_range || !member.gid_in_range) {
    return error(ErrorCode::kInvalid, "entry \"{}\": {} out of range: expected a number below 2^32",
                 member.name, member.uid_in_range ? "gid" : "uid");
  }
  FileMetadata metadata;
  metadata.uid = member.uid;
  metadata.gid = member.gid;
  metadata.mode = static_cast<mode_t>(member.mode & 07777);
  metadata.times[1] = bounded_time(member.mtime_seconds, member.mtime_nanoseconds);
  metadata.times[0] = metadata.times[1];
  if (member.has_atime) {
    struct timespec atime = bounded_time(member.atime_seconds, member.atime_nanoseconds);
    if (earlier(metadata.times[1], atime)) metadata.times[0] = atime;
  }
  for (const auto& [name, value] : member.xattrs) {
    // overlayfs takes orders from these names (redirect, metacopy, origin). An opaque mark is what
    // an image may give; the rest could make a mount show other files than the layer holds.
    if (name.starts_with(kOverlayPrefix) && name != kOverlayOpaque) continue;
    metadata.xattrs.emplace_back(name, value);
  }
  return metadata;
}

Status apply_to_fd(int fd, const FileMetadata& metadata, bool privileged, RefusedXattrs& refused) {
  // Most files were created as they are to be. Asking is cheaper than setting, which on a disk file
  // system writes the inode each time.
  STRATA_TRY(struct stat created, stat_fd(fd));
  const bool is_owned = created.st_uid == metadata.uid && created.st_gid == metadata.gid;
  if (!is_owned && ::fchown(fd, metadata.uid, metadata.gid) != 0 &&
      (privileged || errno != EPERM)) {
    return errno_error(errno, fmt::format("chown to {}:{}", metadata.uid, metadata.gid));
  }
  STRATA_CHECK(
      set_xattrs(metadata, privileged, refused, [fd](const char* name, const std::string& value) {
        return ::fsetxattr(fd, name, value.data(), value.size(), 0);
      }));
  // After chown, which takes setuid and setgid away. Without privilege a file stays readable, or
  // save could not read it.
  mode_t mode = privileged ? metadata.mode : metadata.mode | 0400;
  const bool has_mode = is_owned && (created.st_mode & 07777) == mode;
  if (!has_mode && ::fchmod(fd, mode) != 0) {
    return errno_error(errno, fmt::format("chmod to {:o}", mode));
  }
  if (::futimens(fd, metadata.times) != 0) return errno_error(errno, "set times");
  return {};
}

Status apply_to_name(const Fd& parent, const std::string& name, const FileMetadata& metadata,
                     bool is_symlink, bool privileged, RefusedXattrs& refused) {
  int dir = parent.get();
  if (::fchownat(dir, name.c_str(), metadata.uid, metadata.gid, AT_SYMLINK_NOFOLLOW) != 0 &&
      (privileged || errno != EPERM)) {
    return errno_error(errno, fmt::format("chown to {}:{}", metadata.uid, metadata.gid));
  }
  // The xattr calls know no directory descriptor; /proc names the folder by it. The last component
  // is not followed.
  std::string path = fmt::format("/proc/self/fd/{}/{}", dir, name);
  STRATA_CHECK(
      set_xattrs(metadata, privileged, refused, [&](const char* key, const std::string& value) {
        return ::lsetxattr(path.c_str(), key, value.data(), value.size(), 0);
      }));
  if (!is_symlink) {
    mode_t mode = privileged ? metadata.mode : metadata.mode | 0400;
    if (::fchmodat(dir, name.c_str(), mode, 0) != 0)
      return errno_error(errno, fmt::format("chmod to {:o}", mode));
  }
  if (::utimensat(dir, name.c_str(), metadata.times, AT_SYMLINK_NOFOLLOW) != 0)
    return errno_error(errno, "set times");
  return {};
}

}  // namespace strata::driver
