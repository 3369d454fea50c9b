// SPDX-License-Identifier: Apache-2.0
#include "runtime/path_extractor.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "tar/path.h"

namespace strata::runtime {
namespace {

constexpr mode_t kMissingFolderMode = 0755;

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "." : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

mode_t node_type(char type) {
  if (type == tar::kFifo) return S_IFIFO;
  return type == tar::kBlockDevice ? S_IFBLK : S_IFCHR;
}

}  // namespace

Result<driver::FileMetadata> PathExtractor::metadata_of(const tar::Member& member) const {
  STRATA_TRY(driver::FileMetadata metadata, driver::metadata_of(member));
  if (options_.keep_owners) return metadata;
  metadata.uid = ::geteuid();
  metadata.gid = ::getegid();
  return metadata;
}

Result<Fd> PathExtractor::open_parent(const std::string& path) const {
  const std::string parent = fmt::format("{}/{}", folder_, parent_of(path));
  Result<Fd> folder = open_in_root(root_, parent, O_RDONLY | O_DIRECTORY, 0, options_.links);
  if (folder.ok() || folder.error().code() != ErrorCode::kNotFound) return folder;
  // Missing folders are made; where links are refused the way is looked at once more.
  STRATA_CHECK(ensure_dirs_in_root(root_, parent, kMissingFolderMode));
  return open_in_root(root_, parent, O_RDONLY | O_DIRECTORY, 0, options_.links);
}

Status PathExtractor::make_room(const Fd& parent, const std::string& name,
                                const tar::Member& member) const {
  Result<struct stat> there = lstat_at(parent, name);
  if (!there.ok() && there.error().code() == ErrorCode::kNotFound) return {};
  if (!there.ok()) return std::move(there).error();
  const bool is_folder = S_ISDIR(there->st_mode);
  const bool wants_folder = member.type == tar::kDirectory;
  if (is_folder && wants_folder) return {};
  if (is_folder != wants_folder) {
    return error(ErrorCode::kConflict, "cannot overwrite {} \"{}\" with {} \"{}\"",
                 is_folder ? "directory" : "non-directory", member.name,
                 wants_folder ? "directory" : "non-directory", folder_);
  }
  return unlink_at(parent, name);
}

Status PathExtractor::make_folder(const Fd& parent, const std::string& name,
                                  const tar::Member& member) {
  STRATA_CHECK(ensure_dir_at(parent, name, kMissingFolderMode));
  STRATA_TRY(Fd folder, open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  STRATA_TRY(driver::FileMetadata metadata, metadata_of(member));
  STRATA_CHECK(driver::apply_to_fd(folder.get(), metadata, ::geteuid() == 0, refused_));
  // What comes into it changes its time.
  folders_.push_back({tar::clean_path(member.name), {metadata.times[0], metadata.times[1]}});
  return {};
}

Status PathExtractor::make_link(const Fd& parent, const std::string& name,
                                const tar::Member& member) const {
  if (tar::leaves_root(member.link_name)) {
    return error(ErrorCode::kInvalid, "invalid hardlink \"{}\" -> \"{}\"", member.name,
                 member.link_name);
  }
  const std::string target = tar::clean_path(member.link_name);
  STRATA_TRY(Fd from, open_parent(target));
  if (::linkat(from.get(), name_of(target).c_str(), parent.get(), name.c_str(), 0) == 0) return {};
  return errno_error(errno, fmt::format("link {} to {}", member.name, member.link_name));
}

Status PathExtractor::make_other(const Fd& parent, const std::string& name,
                                 const tar::Member& member) {
  if (member.type == tar::kHardLink) return make_link(parent, name, member);
  if (member.type == tar::kSymlink) {
    STRATA_CHECK(symlink_at(member.link_name, parent, name));
  } else if (::mknodat(parent.get(), name.c_str(), node_type(member.type) | 0600,
                       makedev(member.dev_major, member.dev_minor)) != 0) {
    return errno_error(errno, "mknod " + member.name);
  }
  STRATA_TRY(driver::FileMetadata metadata, metadata_of(member));
  return driver::apply_to_name(parent, name, metadata, member.type == tar::kSymlink,
                               ::geteuid() == 0, refused_);
}

Status PathExtractor::on_member(const tar::Member& member) {
  file_ = Fd();
  if (member.type == tar::kPaxGlobal) return {};
  if (tar::leaves_root(member.name)) {
    return error(ErrorCode::kInvalid, "archive breakout: {} leaves the folder that it is copied to",
                 member.name);
  }
  const std::string path = tar::clean_path(member.name);
  if (path == ".") return {};
  const std::string name = name_of(path);
  STRATA_TRY(Fd parent, open_parent(path));
  STRATA_CHECK(make_room(parent, name, member));
  const bool regular = member.type == tar::kRegular || member.type == tar::kGnuSparse;
  if (member.type == tar::kDirectory) return make_folder(parent, name, member);
  if (!regular && !tar::is_header_only(member.type)) {
    return error(ErrorCode::kInvalid, "unhandled tar header type {}",
                 static_cast<int>(member.type));
  }
  if (!regular) return make_other(parent, name, member);
  STRATA_TRY(file_metadata_, metadata_of(member));
  STRATA_TRY(file_, open_at(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (member.sparse &&
      ::ftruncate(file_.get(), static_cast<off_t>(member.logical_size_bytes())) != 0) {
    return errno_error(errno, "truncate " + member.name);
  }
  return {};
}

Status PathExtractor::on_payload(ByteSpan bytes, uint64_t file_offset) {
  return file_.valid() ? pwrite_all(file_.get(), bytes, file_offset) : Status();
}

Status PathExtractor::on_member_end() {
  if (!file_.valid()) return {};
  STRATA_CHECK(driver::apply_to_fd(file_.get(), file_metadata_, ::geteuid() == 0, refused_));
  Fd file = std::move(file_);
  return file.close();
}

Status PathExtractor::finish() {
  STRATA_CHECK(parser_.finish());
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
    Result<Fd> opened = open_in_root(root_, fmt::format("{}/{}", folder_, folder->path),
                                     O_RDONLY | O_DIRECTORY, 0, options_.links);
    // Somebody may have exchanged it meanwhile.
    if (opened.ok() && ::futimens(opened->get(), folder->times) != 0) {
      return errno_error(errno, "set times of " + folder->path);
    }
  }
  return {};
}

}  // namespace strata::runtime
