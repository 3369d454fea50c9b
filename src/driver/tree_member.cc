// SPDX-License-Identifier: Apache-2.0
//
// passwd      *( name ":" password ":" number ":" rest "\n" ), group likewise; the first of a number
// capability  magic_etc(4, little-endian: revision in the top byte) data(16) [rootid(4)]
// Source: capabilities(7), "File capability extended attribute versioning"; linux/capability.h.
#include "driver/tree_member.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>
#include <charconv>

#include "driver/driver.h"

namespace strata::driver {
namespace {

constexpr std::string_view kCapability = "security.capability";
constexpr size_t kRevisionOffset = 3;
constexpr char kRevision2 = 2;
constexpr char kRevision3 = 3;
constexpr size_t kRevision2Bytes = 20;
constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

Error failed(std::string_view call, const std::string& path) {
  return errno_error(errno, fmt::format("{} {}", call, path));
}

// xattr calls have no *at form: /proc gives the open folder a path that nobody can exchange.
std::string proc_path(const WalkEntry& entry) {
  return fmt::format("/proc/self/fd/{}/{}", entry.folder->get(), entry.name);
}

Result<std::vector<std::string>> xattr_names(const WalkEntry& entry) {
  std::vector<std::string> names;
  std::string list(512, '\0');
  const std::string path = proc_path(entry);
  ssize_t size = ::llistxattr(path.c_str(), list.data(), list.size());
  if (size < 0 && errno == ERANGE) {
    list.resize(XATTR_LIST_MAX);
    size = ::llistxattr(path.c_str(), list.data(), list.size());
  }
  if (size < 0 && errno == EOPNOTSUPP) return names;
  if (size < 0) return failed("list xattrs of", entry.path);
  for (size_t at = 0; at < static_cast<size_t>(size); at += names.back().size() + 1) {
    names.emplace_back(list.c_str() + at);
  }
  return names;
}

Result<std::string> xattr_value(const WalkEntry& entry, const std::string& name) {
  std::string value(XATTR_SIZE_MAX, '\0');
  ssize_t size = ::lgetxattr(proc_path(entry).c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return failed("read xattr " + name + " of", entry.path);
  value.resize(static_cast<size_t>(size));
  return value;
}

void reduce_capability(std::string& value) {
  if (value.size() <= kRevision2Bytes || value.at(kRevisionOffset) != kRevision3) return;
  value = value.substr(0, kRevisionOffset) + kRevision2 +
          value.substr(kRevisionOffset + 1, kRevision2Bytes - kRevisionOffset - 1);
}

void add_names(tar::Member& member, const OwnerNames& names) {
  if (auto user = names.users.find(member.uid); user != names.users.end()) {
    member.user_name = user->second;
  }
  if (auto group = names.groups.find(member.gid); group != names.groups.end()) {
    member.group_name = group->second;
  }
}

tar::Member basic_member(const WalkEntry& entry, const MemberRules& rules) {
  const struct stat& info = entry.info;
  tar::Member member;
  member.name = entry.path;
  member.type = tar::type_of_mode(info.st_mode);
  if (member.type == tar::kDirectory) member.name += '/';
  if (member.type == tar::kRegular) member.size_bytes = static_cast<uint64_t>(info.st_size);
  member.mode = info.st_mode;
  member.uid = info.st_uid;
  member.gid = info.st_gid;
  member.mtime_seconds = mtime_of(info, rules);
  if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
    member.dev_major = ::major(info.st_rdev);
    member.dev_minor = ::minor(info.st_rdev);
  }
  if (rules.names != nullptr) add_names(member, *rules.names);
  return member;
}

void make_whiteout(tar::Member& member, const WalkEntry& entry, const MemberRules& rules) {
  member.name.resize(member.name.size() - entry.name.size());
  member.name.append(kWhiteoutPrefix).append(entry.name);
  member.type = tar::kRegular;
  member.mode = 0600;
  // Whether inodes are shared depends on the machine: not so what is to be the same on all.
  if (rules.latest_mtime) member.link_name.clear();
}

tar::Member opaque_member(const tar::Member& folder) {
  tar::Member member;
  member.name = folder.name + std::string(kOpaqueName);
  member.type = tar::kRegular;
  member.mode = folder.mode & 0777;
  member.uid = folder.uid;
  member.gid = folder.gid;
  member.user_name = folder.user_name;
  member.group_name = folder.group_name;
  return member;
}

Status read_xattrs(const WalkEntry& entry, const MemberRules& rules, TreeMembers& made) {
  STRATA_TRY(made.xattr_names, xattr_names(entry));
  for (const std::string& name : made.xattr_names) {
    if (name == kCapability) {
      STRATA_TRY(std::string value, xattr_value(entry, name));
      reduce_capability(value);
      made.member.xattrs[name] = std::move(value);
    }
    if (rules.form != TreeForm::kLayer) continue;
    if (name.ends_with(".overlay.redirect") || name.ends_with(".overlay.metacopy")) {
      return error(ErrorCode::kUnsupported,
                   "{}: has the xattr {}, so its folder alone does not tell what it is; mount "
                   "overlayfs with redirect_dir=off,metacopy=off",
                   entry.path, name);
    }
    if (name == opaque_xattr() && S_ISDIR(entry.info.st_mode)) {
      STRATA_TRY(std::string value, xattr_value(entry, name));
      if (value == "y") made.opaque = opaque_member(made.member);
    }
  }
  return {};
}

// What the member says of this xattr: nothing when it has to go.
const std::string* kept_value(const TreeMembers& made, const std::string& name) {
  static const std::string opaque = "y";
  if (made.opaque && name == opaque_xattr()) return &opaque;
  auto found = made.member.xattrs.find(name);
  return found == made.member.xattrs.end() ? nullptr : &found->second;
}

// mtime alone.
struct Times {
  explicit Times(int64_t seconds) : values{{0, UTIME_OMIT}, {static_cast<time_t>(seconds), 0}} {}
  struct timespec values[2];
};

// Labels of a security module belong to the place where a file lies, and may not be taken off.
bool belongs_to_system(std::string_view name) {
  return name == "security.selinux" || name == "security.SMACK64" || name == "security.ima" ||
         name == "security.evm";
}

Status tidy_xattrs(const WalkEntry& entry, const TreeMembers& made) {
  const std::string path = proc_path(entry);
  for (const std::string& name : made.xattr_names) {
    if (belongs_to_system(name)) continue;
    const std::string* kept = kept_value(made, name);
    if (kept == nullptr) {
      // Another name of the same inode may have been quicker.
      if (::lremovexattr(path.c_str(), name.c_str()) != 0 && errno != ENODATA) {
        return failed("remove xattr " + name + " of", entry.path);
      }
      continue;
    }
    STRATA_TRY(std::string value, xattr_value(entry, name));
    if (value != *kept &&
        ::lsetxattr(path.c_str(), name.c_str(), kept->data(), kept->size(), 0) != 0) {
      return failed("set xattr " + name + " of", entry.path);
    }
  }
  return {};
}

}  // namespace

namespace {

Result<std::map<uint32_t, std::string>> read_names(const Fd& folder, const std::string& file) {
  std::map<uint32_t, std::string> names;
  STRATA_TRY(std::optional<std::string> text, read_file_if_exists_at(folder, file));
  std::string_view rest = text ? *text : std::string_view();
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    size_t password = line.find(':');
    size_t number = line.find(':', password + 1);
    if (password == std::string_view::npos || number == std::string_view::npos) continue;
    uint32_t id = 0;
    auto [end, failure] = std::from_chars(line.data() + number + 1, line.data() + line.size(), id);
    bool whole = failure == std::errc() && (end == line.data() + line.size() || *end == ':');
    if (whole) names.emplace(id, line.substr(0, password));
  }
  return names;
}

}  // namespace

Result<OwnerNames> read_owner_names(const Fd& folder) {
  OwnerNames names;
  STRATA_TRY(names.users, read_names(folder, "passwd"));
  STRATA_TRY(names.groups, read_names(folder, "group"));
  return names;
}

int64_t mtime_of(const struct stat& info, const MemberRules& rules) {
  return std::min<int64_t>(info.st_mtim.tv_sec, rules.latest_mtime.value_or(INT64_MAX));
}

Result<TreeMembers> members_of(const WalkEntry& entry, const std::string& link_to,
                               const MemberRules& rules) {
  TreeMembers made;
  made.member = basic_member(entry, rules);
  if (made.member.type == tar::kSymlink) {
    STRATA_TRY(made.member.link_name, readlink_at(*entry.folder, entry.name));
  }
  STRATA_CHECK(read_xattrs(entry, rules, made));
  if (!link_to.empty()) {
    made.member.type = tar::kHardLink;
    made.member.link_name = link_to;
    made.member.size_bytes = 0;
  }
  made.is_whiteout = rules.form == TreeForm::kLayer && is_whiteout_device(entry.info);
  if (made.is_whiteout) make_whiteout(made.member, entry, rules);
  return made;
}

Status tidy_file(const WalkEntry& entry, const TreeMembers& made) {
  if (made.is_whiteout) return {};
  STRATA_CHECK(tidy_xattrs(entry, made));
  const struct timespec& mtime = entry.info.st_mtim;
  const int64_t seconds = made.member.mtime_seconds;
  if (mtime.tv_nsec == 0 && mtime.tv_sec == seconds) return {};
  const Times times(seconds);
  if (::utimensat(entry.folder->get(), entry.name.c_str(), times.values, AT_SYMLINK_NOFOLLOW) != 0)
    return failed("set times of", entry.path);
  return {};
}

Status set_mtime(const Fd& folder, int64_t seconds) {
  if (::futimens(folder.get(), Times(seconds).values) != 0) {
    return errno_error(errno, "set times of a folder");
  }
  return {};
}

}  // namespace strata::driver
