// SPDX-License-Identifier: Apache-2.0
#include "doctor/member_check.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "driver/file_metadata.h"
#include "driver/layer_stack.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kCapability = "security.capability";

std::string proc_path(const Fd& folder, const std::string& name) {
  return fmt::format("/proc/self/fd/{}/{}", folder.get(), name);
}

std::string time_text(const struct timespec& time) {
  return fmt::format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

// The latest times that ext4 can keep, with small inodes and with large ones: what is later, the kernel cuts.
bool is_latest_time(int64_t seconds) {
  constexpr int64_t kLatest34Bits = (int64_t{1} << 34) - (int64_t{1} << 31) - 1;
  return seconds == std::numeric_limits<int32_t>::max() || seconds == kLatest34Bits;
}

void compare_time(const tar::Member& member, const driver::FileMetadata& metadata,
                  const struct stat& info, MemberDifferences& differences) {
  const struct timespec& expected = metadata.times[1];
  const struct timespec& found = info.st_mtim;
  if (expected.tv_sec == found.tv_sec) {
    if (expected.tv_nsec == found.tv_nsec || found.tv_nsec == 0) return;
    if (expected.tv_nsec == 0) {
      differences.has_fraction = true;
      return;
    }
  }
  if (expected.tv_sec > found.tv_sec && is_latest_time(found.tv_sec)) return;
  // Through a mount a file can be older than what unpacking gives it.
  if (member.mtime_seconds == found.tv_sec) return;
  differences.status.add("time " + time_text(expected), "time " + time_text(found));
}

void compare_owner(const tar::Member& member, const struct stat& info, Differences& differences) {
  constexpr uint32_t kLeave = std::numeric_limits<uint32_t>::max();
  const bool same_user = member.uid == kLeave || member.uid == info.st_uid;
  const bool same_group = member.gid == kLeave || member.gid == info.st_gid;
  if (same_user && same_group) return;
  differences.add(fmt::format("owner {}:{}", member.uid, member.gid),
                  fmt::format("owner {}:{}", info.st_uid, info.st_gid));
}

void compare_mode(const driver::FileMetadata& metadata, const struct stat& info,
                  const DiskRules& rules, Differences& differences) {
  mode_t expected = metadata.mode;
  if (!rules.privileged) expected |= S_ISDIR(info.st_mode) ? 0700 : 0400;
  const mode_t found = info.st_mode & 07777;
  if (found == expected) return;
  differences.add(fmt::format("mode {:04o}", expected), fmt::format("mode {:04o}", found));
}

// ---- xattrs ----

// Those that the machine gives files by itself.
bool is_the_machines(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") ||
         name.starts_with("system.") || (name.starts_with("security.") && name != kCapability);
}

// Revision 3 is revision 2 with the ID of a user namespace's root behind it; docker's tars have revision 2.
std::string without_namespace(std::string capability) {
  constexpr size_t kRevision2Bytes = 20;
  constexpr size_t kRevisionOffset = 3;
  if (capability.size() > kRevision2Bytes && capability[kRevisionOffset] == 3) {
    capability.resize(kRevision2Bytes);
    capability[kRevisionOffset] = 2;
  }
  return capability;
}

struct XattrValue {
  bool there = false;
  bool known = true;  // the file system has such names
  std::string value;
};

// The xattr calls know no directory descriptor: a file is its own, or a path below /proc.
class Xattrs {
 public:
  explicit Xattrs(const Fd& file) : fd_(file.get()) {}
  Xattrs(const Fd& folder, const std::string& name) : path_(proc_path(folder, name)) {}

  Result<XattrValue> read(const std::string& name) const {
    std::string value(256, '\0');
    ssize_t size = get(name, value);
    if (size < 0 && errno == ERANGE) {
      value.resize(XATTR_SIZE_MAX);
      size = get(name, value);
    }
    if (size < 0 && is_failure(errno)) return errno_error(errno, "read xattr " + name);
    if (size < 0) return XattrValue{false, errno == ENODATA, ""};
    value.resize(static_cast<size_t>(size));
    return XattrValue{true, true, std::move(value)};
  }
  Result<std::vector<std::string>> names() const {
    std::string list(512, '\0');
    ssize_t size = list_into(list);
    if (size < 0 && errno == ERANGE) {
      list.resize(XATTR_LIST_MAX);
      size = list_into(list);
    }
    if (size < 0 && is_failure(errno)) return errno_error(errno, "list xattrs");
    std::vector<std::string> names;
    for (size_t at = 0; static_cast<ssize_t>(at) < size; at += names.back().size() + 1)
      names.emplace_back(list.c_str() + at);
    return names;
  }

 private:
  // Anything else says that there are none, or that the file system or the user cannot have them.
  static bool is_failure(int error) { return error == EIO || error == ENOMEM || error == EMFILE; }
  ssize_t get(const std::string& name, std::string& value) const {
    return fd_ >= 0 ? ::fgetxattr(fd_, name.c_str(), value.data(), value.size())
                    : ::lgetxattr(path_.c_str(), name.c_str(), value.data(), value.size());
  }
  ssize_t list_into(std::string& list) const {
    return fd_ >= 0 ? ::flistxattr(fd_, list.data(), list.size())
                    : ::llistxattr(path_.c_str(), list.data(), list.size());
  }
  int fd_ = -1;
  std::string path_;
};

Status compare_expected_xattrs(const driver::FileMetadata& metadata, const Xattrs& xattrs,
                               const struct stat& info, const DiskRules& rules,
                               Differences& differences) {
  for (const auto& [name, value] : metadata.xattrs) {
    if (is_the_machines(name)) continue;  // an opaque mark is looked at with its folder
    const bool can_have_users = S_ISREG(info.st_mode) || S_ISDIR(info.st_mode);
    if (name.starts_with("user.") && !can_have_users) continue;
    if (!rules.privileged && !name.starts_with("user.")) continue;
    Result<XattrValue> found = xattrs.read(name);
    if (!found.ok()) return std::move(found).error();
    if (!found->known || (!found->there && value.empty())) continue;
    if (found->there && (found->value == value || without_namespace(found->value) == value))
      continue;
    differences.add(fmt::format("xattr {} of {} bytes", name, value.size()),
                    found->there
                        ? fmt::format("xattr {} of other {} bytes", name, found->value.size())
                        : fmt::format("no xattr {}", name));
  }
  return {};
}

Status find_added_xattrs(const driver::FileMetadata& metadata, const Xattrs& xattrs,
                         bool with_others, MemberDifferences& differences) {
  STRATA_TRY(const std::vector<std::string> names, xattrs.names());
  for (const std::string& name : names) {
    if (is_the_machines(name)) continue;
    const bool expected = std::any_of(metadata.xattrs.begin(), metadata.xattrs.end(),
                                      [&](const auto& xattr) { return xattr.first == name; });
    if (expected) continue;
    if (name == kCapability) {
      differences.own.add("no xattr " + name, "xattr " + name);
    } else if (with_others) {
      differences.added_xattrs += (differences.added_xattrs.empty() ? "xattr " : ", xattr ") + name;
    }
  }
  return {};
}

const char* opaque_name(const DiskRules& rules) {
  return rules.privileged ? "trusted.overlay.opaque" : "user.overlay.opaque";
}

}  // namespace

void Differences::add(const std::string& should_be, const std::string& is) {
  expected += (expected.empty() ? "" : ", ") + should_be;
  found += (found.empty() ? "" : ", ") + is;
}

std::string_view type_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "a file";
    case S_IFDIR:
      return "a folder";
    case S_IFLNK:
      return "a symlink";
    case S_IFCHR:
      return "a character device";
    case S_IFBLK:
      return "a block device";
    case S_IFIFO:
      return "a fifo";
    case S_IFSOCK:
      return "a socket";
    default:
      return "nothing";
  }
}

mode_t type_of(const tar::Member& member, const DiskRules& rules) {
  switch (member.type) {
    case tar::kRegular:
    case tar::kGnuSparse:
      return S_IFREG;
    case tar::kDirectory:
      return S_IFDIR;
    case tar::kSymlink:
      return S_IFLNK;
    case tar::kCharDevice:
      return rules.privileged || (member.dev_major == 0 && member.dev_minor == 0) ? S_IFCHR
                                                                                  : S_IFREG;
    case tar::kBlockDevice:
      return rules.privileged ? S_IFBLK : S_IFREG;
    case tar::kFifo:
      return S_IFIFO;
    default:
      return 0;
  }
}

Result<MemberDifferences> compare_member(const tar::Member& member,
                                         const driver::MemberPlace& place, const struct stat& info,
                                         const Fd* opened, const DiskRules& rules) {
  STRATA_TRY(driver::FileMetadata metadata, driver::metadata_of(member));
  MemberDifferences differences;
  const bool is_symlink = S_ISLNK(info.st_mode);
  if (is_symlink && member.type == tar::kSymlink) {
    STRATA_TRY(std::string target, readlink_at(*place.folder, place.name));
    if (target != member.link_name)
      differences.own.add("target " + member.link_name, "target " + target);
  }
  const bool is_device = S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode);
  if (is_device && (member.type == tar::kCharDevice || member.type == tar::kBlockDevice)) {
    if (info.st_rdev != makedev(member.dev_major, member.dev_minor)) {
      differences.own.add(fmt::format("device {}:{}", member.dev_major, member.dev_minor),
                          fmt::format("device {}:{}", major(info.st_rdev), minor(info.st_rdev)));
    }
  }
  if (!is_symlink) compare_mode(metadata, info, rules, differences.status);
  if (rules.privileged && rules.judge_owners) compare_owner(member, info, differences.status);
  // docker gives a symlink with several names the time of the first, we of the last.
  if (!is_symlink || info.st_nlink == 1) compare_time(member, metadata, info, differences);
  const Xattrs xattrs = opened != nullptr ? Xattrs(*opened) : Xattrs(*place.folder, place.name);
  STRATA_CHECK(compare_expected_xattrs(metadata, xattrs, info, rules, differences.own));
  // A hard link's member need not repeat what its file has; but its chown has taken capabilities away.
  STRATA_CHECK(find_added_xattrs(metadata, xattrs, member.type != tar::kHardLink, differences));
  return differences;
}

Differences compare_whiteout(const tar::Member& member, const struct stat& info,
                             const DiskRules& rules) {
  Differences differences;
  if (!driver::is_whiteout_device(info)) {
    differences.add("a whiteout (character device 0:0)", std::string(type_name(info.st_mode)));
    return differences;
  }
  if (rules.privileged && rules.judge_owners) compare_owner(member, info, differences);
  return differences;
}

Status remove_added_xattrs(const tar::Member& member, const driver::MemberPlace& place) {
  const std::string path = proc_path(*place.folder, place.name);
  STRATA_TRY(const std::vector<std::string> names, Xattrs(*place.folder, place.name).names());
  for (const std::string& name : names) {
    if (is_the_machines(name) || member.xattrs.contains(name)) continue;
    if (member.type == tar::kHardLink && name != kCapability) continue;
    if (::lremovexattr(path.c_str(), name.c_str()) != 0 && errno != ENODATA)
      return errno_error(errno, fmt::format("remove xattr {} of {}", name, place.path));
  }
  return {};
}

Status set_opaque_mark(const Fd& folder, bool opaque, const DiskRules& rules) {
  const char* name = opaque_name(rules);
  const int done =
      opaque ? ::fsetxattr(folder.get(), name, "y", 1, 0) : ::fremovexattr(folder.get(), name);
  if (done == 0 || (!opaque && errno == ENODATA)) return {};
  return errno_error(errno, fmt::format("change xattr {}", name));
}

Result<bool> has_opaque_mark(const Fd& folder, const DiskRules& rules) {
  const Xattrs xattrs(folder);
  Result<XattrValue> found = xattrs.read(opaque_name(rules));
  if (!found.ok()) return std::move(found).error();
  return found->there && found->value == "y";
}

}  // namespace strata::doctor
