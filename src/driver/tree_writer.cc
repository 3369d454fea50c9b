// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_writer.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "driver/file_metadata.h"
#include "driver/path_below.h"
#include "tar/path.h"

namespace strata::driver {
namespace {

constexpr std::string_view kRoot = ".";  // what clean_path calls the layer's root
constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";
// As many symlinks as the kernel follows in one path (MAXSYMLINKS).
constexpr int kMaxSymlinks = 40;
// Names used twice are rare, and all that is remembered of a layer's names. Each costs, besides its
// path, some 200 bytes here and in the rewriting of the tar-split.
constexpr size_t kMaxReplacedBytes = 24u << 20;
constexpr size_t kReplacementBytes = 200;

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Error member_error(const std::string& path, std::string_view call) {
  return errno_error(errno, fmt::format("{} \"{}\"", call, path));
}

// What docker unpacks; old GNU sparse files are ours.
bool is_known_type(char type) {
  return type == tar::kRegular || type == tar::kGnuSparse || tar::is_header_only(type);
}

}  // namespace

TreeWriter::TreeWriter(const Fd& layer, const Fd& diff, bool privileged)
    : layer_(layer), diff_(diff), privileged_(privileged), directories_(layer) {}

bool TreeWriter::is_whiteout(const tar::Member& member) {
  if (member.name.find(kWhiteoutPrefix) == std::string::npos) return false;
  std::string path = tar::clean_path(member.name);
  return base_name(path).starts_with(kWhiteoutPrefix);
}

Result<CreatedFile> TreeWriter::create_file(const tar::Member& member, uint64_t entry_number) {
  STRATA_TRY(Place place, place_of(member));
  if (place.name.empty()) {
    return error(ErrorCode::kInvalid,
                 "invalid entry name \"{}\": a file cannot be the layer's root", member.name);
  }
  STRATA_TRY(FileMetadata metadata, metadata_of(member));
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  // Nobody else comes here before the layer is published, so it may have its mode at once.
  const mode_t mode = metadata.mode & 0777;
  Result<Fd> created = open_at(*place.parent, place.name, kFlags, mode);
  if (!created.ok() && created.error().code() == ErrorCode::kConflict) {
    STRATA_CHECK(move_aside(place, entry_number));
    created = open_at(*place.parent, place.name, kFlags, mode);
  }
  STRATA_TRY(Fd fd, std::move(created).context("entry \"{}\"", place.path));
  bool readable_back = !place.through_symlink && !member.sparse;
  size_bytes_ += member.logical_size_bytes();
  return CreatedFile{std::move(fd), std::move(metadata),
                     readable_back ? Record::kEntry : Record::kSegment};
}

Result<CreatedOther> TreeWriter::create_other(const tar::Member& member, uint64_t entry_number) {
  STRATA_TRY(Place place, place_of(member));
  if (!is_known_type(member.type)) {
    return error(ErrorCode::kUnsupported, "entry \"{}\": unhandled tar header type {}", member.name,
                 static_cast<int>(static_cast<unsigned char>(member.type)));
  }
  if (place.name.empty()) {
    // docker skips the entry for the root: owner, mode and time of diff/ stay as they are.
    if (member.type != tar::kDirectory) {
      return error(ErrorCode::kInvalid,
                   "invalid entry name \"{}\": only a directory can be the layer's root",
                   member.name);
    }
    return CreatedOther{std::exchange(root_seen_, true) ? Record::kSegment : Record::kEntry};
  }
  if (place.name.starts_with(kWhiteoutPrefix)) {
    STRATA_TRY(Record record, make_whiteout(place, member));
    return CreatedOther{record};
  }
  if (member.type == tar::kDirectory) return make_directory(place, member, entry_number);

  if (member.type == tar::kHardLink) {
    STRATA_CHECK(make_hard_link(place, member, entry_number));
  } else {
    STRATA_CHECK(make_special(place, member, entry_number));
  }
  return CreatedOther{place.through_symlink ? Record::kSegment : Record::kEntry};
}

Result<TreeWriter::Place> TreeWriter::place_of(const tar::Member& member) {
  if (tar::leaves_root(member.name)) {
    return error(ErrorCode::kInvalid, "invalid entry name \"{}\": it points outside of the layer",
                 member.name);
  }
  if (member.name.find('\0') != std::string::npos) {
    return error(ErrorCode::kInvalid, "invalid entry name \"{}\": it has a NUL", member.name);
  }
  Place place;
  place.path = tar::clean_path(member.name);
  size_t slash = place.path.rfind('/');
  place.name = place.path == kRoot ? "" : place.path.substr(slash + 1);
  std::string_view parent_path = std::string_view(place.path).substr(0, slash);
  if (slash == std::string::npos) parent_path = "";
  STRATA_TRY(const Parent* parent, enter_parent(parent_path).context("entry \"{}\"", place.path));
  place.parent = &parent->fd;
  place.through_symlink = parent->through_symlink;
  return place;
}

Result<const TreeWriter::Parent*> TreeWriter::enter_parent(std::string_view parent_path) {
  for (const Parent& parent : parents_) {
    if (parent.known && parent.path == parent_path) return &parent;
  }
  STRATA_TRY(Parent opened, open_parent(parent_path));
  newest_parent_ = (newest_parent_ + 1) % parents_.size();
  parents_[newest_parent_] = std::move(opened);
  return &parents_[newest_parent_];
}

Result<TreeWriter::Parent> TreeWriter::open_parent(std::string_view parent_path) {
  const std::string path(parent_path.empty() ? "." : parent_path);
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  Result<Fd> folder = open_in_root(diff_, path, kFlags, 0, Symlinks::kRefuse);
  if (!folder.ok() && folder.error().code() == ErrorCode::kNotFound) {
    STRATA_CHECK(make_parents(path, kMaxSymlinks));
    folder = open_in_root(diff_, path, kFlags, 0, Symlinks::kRefuse);
  }
  const bool through_symlink = !folder.ok();
  if (through_symlink) {
    folder = open_in_root(diff_, path, kFlags);
    if (!folder.ok() && folder.error().code() == ErrorCode::kNotFound) {
      STRATA_CHECK(make_parents(path, kMaxSymlinks));
      folder = open_in_root(diff_, path, kFlags);
    }
  }
  STRATA_TRY(Fd fd, std::move(folder));
  return Parent{std::move(fd), std::string(parent_path), true, through_symlink};
}

// Makes what is missing of `path`, also where a symlink points to nothing yet. ".." after a symlink
// means the parent of its target, so the text of the path is never shortened: each prefix is
// resolved anew by the kernel.
Status TreeWriter::make_parents(const std::string& path, int links_left) {
  if (links_left == 0) {
    return error(ErrorCode::kInvalid, "mkdir {}: too many levels of symbolic links", path);
  }
  for (size_t end = path.find('/', 1); true; end = path.find('/', end + 1)) {
    std::string prefix = path.substr(0, end);
    Result<Fd> there = open_in_root(diff_, prefix, O_PATH | O_DIRECTORY);
    if (!there.ok() && there.error().code() != ErrorCode::kNotFound)
      return std::move(there).error();
    if (!there.ok()) {
      size_t slash = prefix.rfind('/');
      std::string parent = slash == std::string::npos ? "." : prefix.substr(0, slash + 1);
      std::string name(base_name(prefix));
      STRATA_TRY(Fd folder, open_in_root(diff_, parent, O_PATH | O_DIRECTORY));
      Status made = mkdir_at(folder, name, 0755);
      // Not the group that a setgid folder would give it.
      if (made.ok() && privileged_ &&
          ::fchownat(folder.get(), name.c_str(), 0, 0, AT_SYMLINK_NOFOLLOW) != 0) {
        return member_error(prefix, "chown");
      }
      if (!made.ok() && made.error().code() != ErrorCode::kConflict) return made;
      if (!made.ok()) {
        Result<std::string> target = readlink_at(folder, name);
        if (!target.ok()) return std::move(target).error();
        const bool is_absolute = target->starts_with('/');
        STRATA_CHECK(make_parents(is_absolute ? *target : parent + "/" + *target, links_left - 1));
      }
    }
    if (end == std::string::npos) return {};
  }
}

// The place's path below `diff` without symlinks.
Result<std::string> TreeWriter::resolved_path(const Place& place) const {
  if (!place.through_symlink) return place.path;
  STRATA_TRY(std::string parent,
             path_below(diff_, *place.parent).context("entry \"{}\"", place.path));
  return parent.empty() ? place.name : parent + "/" + place.name;
}

// Takes what has the name away, but keeps it: its content may be all that is left of an earlier
// member's payload. That member may have come by another way than this one, through a symlink.
Status TreeWriter::move_aside(const Place& place, uint64_t entry_number) {
  STRATA_TRY(std::string path, resolved_path(place));
  replaced_bytes_ += kReplacementBytes + path.size();
  if (replaced_bytes_ > kMaxReplacedBytes) {
    return error(ErrorCode::kUnsupported,
                 "entry \"{}\": too many names occur twice in this layer ({} so far)", place.path,
                 replacements_.size());
  }
  STRATA_CHECK(ensure_dir_at(layer_, "replaced", 0700));
  uint64_t number = replacements_.size();
  STRATA_CHECK(rename_at(*place.parent, place.name, layer_, fmt::format("replaced/{}", number),
                         Existing::kKeep));
  replacements_.push_back({entry_number, std::move(path), number});
  // What is gone may have been a folder or a symlink on the way to a parent of the next members.
  // The descriptors stay good for the rest of this one.
  for (Parent& parent : parents_) parent.known = false;
  return {};
}

Result<CreatedOther> TreeWriter::make_directory(const Place& place, const tar::Member& member,
                                                uint64_t entry_number) {
  STRATA_TRY(FileMetadata metadata, metadata_of(member));
  bool existed = ::mkdirat(place.parent->get(), place.name.c_str(), 0700) != 0;
  if (existed) {
    if (errno != EEXIST) return member_error(place.path, "mkdir");
    STRATA_TRY(struct stat info, lstat_at(*place.parent, place.name));
    if (!S_ISDIR(info.st_mode)) {
      STRATA_CHECK(move_aside(place, entry_number));
      if (::mkdirat(place.parent->get(), place.name.c_str(), 0700) != 0)
        return member_error(place.path, "mkdir");
      existed = false;
    }
  }
  STRATA_TRY(Fd folder, open_at(*place.parent, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  STRATA_CHECK(defer_directory(place.path, metadata));
  if (!privileged_) metadata.mode |= 0700;  // or nothing could be made in it
  Record record = existed || place.through_symlink ? Record::kSegment : Record::kEntry;
  return CreatedOther{record, {std::move(folder), std::move(metadata), record}, existed};
}

// As mknodat: 0, or -1 and errno.
int TreeWriter::make_node(const Place& place, const tar::Member& member) {
  int parent = place.parent->get();
  const char* name = place.name.c_str();
  dev_t device = makedev(member.dev_major, member.dev_minor);
  switch (member.type) {
    case tar::kSymlink:
      return ::symlinkat(member.link_name.c_str(), parent, name);
    case tar::kCharDevice:
      return ::mknodat(parent, name, S_IFCHR | 0600, device);
    case tar::kBlockDevice:
      return ::mknodat(parent, name, S_IFBLK | 0600, device);
    default:  // kFifo: is_known_type leaves no other
      return ::mknodat(parent, name, S_IFIFO | 0600, 0);
  }
}

Status TreeWriter::make_special(const Place& place, const tar::Member& member,
                                uint64_t entry_number) {
  STRATA_TRY(FileMetadata metadata, metadata_of(member));
  int made = make_node(place, member);
  if (made != 0 && errno == EEXIST) {
    STRATA_CHECK(move_aside(place, entry_number));
    made = make_node(place, member);
  }
  if (made != 0 && errno == EPERM && !privileged_) {
    // A place holder: the tar-split has the device.
    made = ::mknodat(place.parent->get(), place.name.c_str(), S_IFREG | 0600, 0);
  }
  if (made != 0) return member_error(place.path, "create");
  const bool is_symlink = member.type == tar::kSymlink;
  if (is_symlink) size_bytes_ += member.link_name.size();
  return apply_to_name(*place.parent, place.name, metadata, is_symlink, privileged_, refused_)
      .context("entry \"{}\"", place.path);
}

Status TreeWriter::make_hard_link(const Place& place, const tar::Member& member,
                                  uint64_t entry_number) {
  std::string target = tar::clean_path(member.link_name);
  if (tar::leaves_root(member.link_name) || target == kRoot) {
    return error(ErrorCode::kInvalid,
                 "invalid hardlink target \"{}\" of \"{}\": it points outside of the layer",
                 member.link_name, place.path);
  }
  size_t slash = target.rfind('/');
  std::string folder = slash == std::string::npos ? "." : target.substr(0, slash);
  // The name is free before the target is looked up: what is moved aside is not there any more to
  // be linked to.
  STRATA_TRY(bool exists, exists_at(*place.parent, place.name));
  if (exists) STRATA_CHECK(move_aside(place, entry_number));
  Result<Fd> target_parent = open_in_root(diff_, folder, O_PATH | O_DIRECTORY);
  if (!target_parent.ok() || ::linkat(target_parent->get(), std::string(base_name(target)).c_str(),
                                      place.parent->get(), place.name.c_str(), 0) != 0) {
    std::string reason =
        target_parent.ok() ? errno_error(errno, "link").message() : target_parent.error().message();
    return error(ErrorCode::kInvalid, "hard link \"{}\" to \"{}\" of the same layer: {}",
                 place.path, member.link_name, reason);
  }
  STRATA_TRY(FileMetadata metadata, metadata_of(member));
  STRATA_TRY(struct stat info, lstat_at(*place.parent, place.name));
  return apply_to_name(*place.parent, place.name, metadata, S_ISLNK(info.st_mode), privileged_,
                       refused_)
      .context("entry \"{}\"", place.path);
}

// A name that this layer holds already hides what is below it, so a whiteout of it has nothing left
// to do, but for a folder, which would be merged with the one below: it becomes opaque. docker
// refuses both.
Result<Record> TreeWriter::make_whiteout(const Place& place, const tar::Member& member) {
  Record fresh = place.through_symlink || member.size_bytes > 0 ? Record::kSegment : Record::kEntry;
  if (place.name == kOpaqueName) {
    STRATA_TRY(Fd folder, open_at(*place.parent, ".", O_RDONLY | O_DIRECTORY));
    STRATA_TRY(bool again, mark_opaque(folder).context("entry \"{}\"", place.path));
    return again ? Record::kSegment : fresh;
  }
  std::string hidden = place.name.substr(kWhiteoutPrefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return error(ErrorCode::kInvalid, "invalid whiteout entry \"{}\": it names nothing",
                 place.path);
  }
  if (::mknodat(place.parent->get(), hidden.c_str(), S_IFCHR, 0) != 0) {
    if (errno != EEXIST) return member_error(place.path, "create whiteout");
    STRATA_TRY(struct stat info, lstat_at(*place.parent, hidden));
    if (S_ISDIR(info.st_mode)) {
      STRATA_TRY(Fd folder, open_at(*place.parent, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      STRATA_TRY([[maybe_unused]] bool again,
                 mark_opaque(folder).context("entry \"{}\"", place.path));
    }
    return Record::kSegment;
  }
  STRATA_TRY(FileMetadata metadata, metadata_of(member));
  if (::fchownat(place.parent->get(), hidden.c_str(), metadata.uid, metadata.gid,
                 AT_SYMLINK_NOFOLLOW) != 0 &&
      privileged_) {
    return member_error(place.path, "chown");
  }
  return fresh;
}

// Returns whether it had the mark, or a value in its place, before.
Result<bool> TreeWriter::mark_opaque(const Fd& directory) {
  const char* name = privileged_ ? "trusted.overlay.opaque" : "user.overlay.opaque";
  if (::fsetxattr(directory.get(), name, "y", 1, XATTR_CREATE) == 0) return false;
  if (errno == EEXIST && ::fsetxattr(directory.get(), name, "y", 1, 0) == 0) return true;
  return errno_error(errno, fmt::format("set xattr {}", name));
}

Status TreeWriter::defer_directory(const std::string& path, const FileMetadata& metadata) {
  std::string record(reinterpret_cast<const char*>(metadata.times), sizeof metadata.times);
  return directories_.append(record + path);
}

Status TreeWriter::finish_directories() {
  return directories_.for_each([&](std::string_view record) -> Status {
    struct timespec times[2];
    std::memcpy(times, record.data(), sizeof times);
    std::string path(record.substr(sizeof times));
    // A folder that a later member replaced is not there any more, or is something else.
    Result<Fd> folder = open_in_root(diff_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder.ok()) {
      ErrorCode code = folder.error().code();
      bool replaced = code == ErrorCode::kNotFound || code == ErrorCode::kInvalid;
      return replaced ? Status() : Status(std::move(folder).error());
    }
    if (::futimens(folder->get(), times) != 0) return member_error(path, "set times of");
    return {};
  });
}

}  // namespace strata::driver
