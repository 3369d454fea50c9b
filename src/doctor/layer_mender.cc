// SPDX-License-Identifier: Apache-2.0
#include "doctor/layer_mender.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <map>

#include "doctor/split_members.h"
#include "driver/file_metadata.h"
#include "driver/tree_writer.h"
#include "hash/crc64.h"
#include "tar/path.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// Room for what has that path: a number where the place was given away before.
Result<std::string> room_aside(const Fd& set_aside, const std::string& path) {
  const std::string folder = folder_of(path);
  if (!folder.empty()) STRATA_CHECK(ensure_dirs_in_root(set_aside, folder, 0700));
  std::string free = path;
  for (int number = 1; true; ++number) {
    STRATA_TRY(bool taken, exists_at(set_aside, free));
    if (!taken) return free;
    free = fmt::format("{}.{}", path, number);
  }
}

Status move_aside(const Fd& set_aside, const driver::MemberPlace& place) {
  STRATA_TRY(std::string room, room_aside(set_aside, place.path));
  return rename_at(*place.folder, place.name, set_aside, room, Existing::kKeep)
      .context("set aside {}", place.path);
}

// The same for what is about to be replaced: it keeps its name until then, unless it is a folder.
Status keep_aside(const Fd& set_aside, const driver::MemberPlace& place) {
  STRATA_TRY(std::string room, room_aside(set_aside, place.path));
  if (::linkat(place.folder->get(), place.name.c_str(), set_aside.get(), room.c_str(), 0) == 0)
    return {};
  return move_aside(set_aside, place);
}

class Mender final : public SplitEvents {
 public:
  Mender(const MendPlaces& places, const DiskRules& rules)
      : places_(places),
        rules_(rules),
        finder_(*places.layer.files),
        writer_(places.staging, *places.layer.files, rules.privileged) {}

  void add(const FileFault& fault) { wanted_[fault.member] = &fault; }

  Status on_member(const tar::Member& member) override {
    ++members_;
    missing_now_.clear();
    if (member.type == tar::kHardLink) STRATA_CHECK(find_missing(member));
    if (!wanted_.contains(members_)) return {};
    return mend(member).context("mend {}", tar::clean_path(member.name));
  }
  Status on_content(const tar::SplitEntry& entry, uint64_t bytes, bool) override {
    if (!missing_now_.empty()) missing_[missing_now_] = {bytes, entry.crc};
    return {};
  }
  Status on_headless(const tar::SplitEntry&, uint64_t) override { return {}; }
  uint64_t found_under_other_names() const { return found_; }
  // The times of the folders, when all names are made.
  Status finish() { return writer_.finish_directories(); }

 private:
  Status mend(const tar::Member& member) {
    std::string path = tar::clean_path(member.name);
    const bool is_whiteout = driver::TreeWriter::is_whiteout(member);
    if (is_whiteout) {
      const std::string folder = folder_of(path);
      const std::string name = path.substr(folder.empty() ? 0 : folder.size() + 1);
      path = (folder.empty() ? "" : folder + "/") + name.substr(kWhiteoutPrefix.size());
    }
    Result<driver::MemberPlace> place = finder_.find(path);
    if (!place.ok()) return make(member);  // the folders on the way, too
    Result<struct stat> there = lstat_at(*place->folder, place->name);
    if (!there.ok() && there.error().code() != ErrorCode::kNotFound)
      return std::move(there).error();
    if (there.ok()) {
      STRATA_TRY(bool keep, is_to_be_kept(member, is_whiteout, *place, *there));
      if (keep) return set_metadata(member, *place, *there);
      STRATA_CHECK(move_aside(places_.set_aside, *place));
    }
    if (is_whiteout && places_.form == LayerForm::kWholeTree) return {};
    return make(member);
  }

  // What is there has the right type, and says the right thing.
  Result<bool> is_to_be_kept(const tar::Member& member, bool is_whiteout,
                             const driver::MemberPlace& place, const struct stat& there) {
    if (is_whiteout)
      return places_.form == LayerForm::kOverlay && S_ISCHR(there.st_mode) && there.st_rdev == 0;
    if (member.type == tar::kHardLink) {
      driver::MemberPlaces finder(*places_.layer.files);
      Result<driver::MemberPlace> target = finder.find(tar::clean_path(member.link_name));
      if (!target.ok()) return true;
      Result<struct stat> other = lstat_at(*target->folder, target->name);
      return !other.ok() || is_same_file(*other, there);
    }
    if ((there.st_mode & S_IFMT) != type_of(member, rules_)) return false;
    if (S_ISLNK(there.st_mode)) {
      STRATA_TRY(std::string target, readlink_at(*place.folder, place.name));
      return target == member.link_name;
    }
    if (S_ISCHR(there.st_mode) || S_ISBLK(there.st_mode)) {
      return there.st_rdev == makedev(member.dev_major, member.dev_minor);
    }
    const bool is_empty_file = S_ISREG(there.st_mode) && member.logical_size_bytes() == 0;
    return !is_empty_file || there.st_size == 0;
  }

  Status set_metadata(const tar::Member& member, const driver::MemberPlace& place,
                      const struct stat& there) {
    STRATA_TRY(driver::FileMetadata metadata, driver::metadata_of(member));
    if (!driver::TreeWriter::is_whiteout(member)) {
      STRATA_CHECK(remove_added_xattrs(member, place));
      if (S_ISDIR(there.st_mode) && !rules_.privileged) metadata.mode |= 0700;
      return driver::apply_to_name(*place.folder, place.name, metadata, S_ISLNK(there.st_mode),
                                   rules_.privileged, refused_);
    }
    if (::fchownat(place.folder->get(), place.name.c_str(), metadata.uid, metadata.gid,
                   AT_SYMLINK_NOFOLLOW) != 0 &&
        rules_.privileged) {
      return errno_error(errno, "chown");
    }
    return {};
  }

  // Nothing is there under that name.
  Status make(const tar::Member& member) {
    finder_.forget();
    const bool is_file = member.type == tar::kRegular || member.type == tar::kGnuSparse;
    if (is_file && !driver::TreeWriter::is_whiteout(member)) {
      if (member.logical_size_bytes() > 0) {
        missing_now_ = tar::clean_path(member.name);
        return {};
      }
      STRATA_TRY(driver::CreatedFile file, writer_.create_file(member, 0));
      return driver::apply_to_fd(file.fd.get(), file.metadata, rules_.privileged, refused_);
    }
    Result<driver::CreatedOther> made = writer_.create_other(member, 0);
    // Its target comes with the copy; then it is looked at once more.
    if (!made.ok() && member.type == tar::kHardLink && made.error().code() == ErrorCode::kInvalid)
      return {};
    if (!made.ok()) return std::move(made).error();
    if (!made->folder.fd.valid()) return {};
    return driver::apply_to_fd(made->folder.fd.get(), made->folder.metadata, rules_.privileged,
                               refused_);
  }

  // A hard link to a file that is missing may still have its content.
  Status find_missing(const tar::Member& link) {
    auto missing = missing_.find(tar::clean_path(link.link_name));
    if (missing == missing_.end()) return {};
    driver::MemberPlaces finder(*places_.layer.files);
    Result<driver::MemberPlace> from = finder_.find(tar::clean_path(link.name));
    Result<driver::MemberPlace> to = finder.find(missing->first);
    if (!from.ok() || !to.ok()) return {};
    Result<bool> fits = has_content(*from, missing->second);
    if (!fits.ok() || !*fits ||
        ::linkat(from->folder->get(), from->name.c_str(), to->folder->get(), to->name.c_str(), 0) !=
            0) {
      return {};
    }
    missing_.erase(missing);
    ++found_;
    return {};
  }

  struct Content {
    uint64_t bytes = 0;
    tar::Crc64Bytes crc{};
  };
  static Result<bool> has_content(const driver::MemberPlace& place, const Content& content) {
    STRATA_TRY(struct stat info, lstat_at(*place.folder, place.name));
    if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) != content.bytes)
      return false;
    STRATA_TRY(Fd file, open_at(*place.folder, place.name, O_RDONLY | O_NOFOLLOW));
    FdSource source(file.get());
    std::vector<std::byte> block(256 << 10);
    Crc64 crc;
    while (true) {
      STRATA_TRY(size_t count, source.read(block));
      if (count == 0) return crc.big_endian() == content.crc;
      crc.update(ByteSpan(block).first(count));
    }
  }

  const MendPlaces& places_;
  const DiskRules rules_;
  driver::MemberPlaces finder_;
  driver::TreeWriter writer_;
  driver::RefusedXattrs refused_;
  std::map<uint64_t, const FileFault*> wanted_;  // by member
  std::map<std::string, Content> missing_;       // files
  std::string missing_now_;                      // the member that the reading is at, if it is one
  uint64_t found_ = 0;
  uint64_t members_ = 0;
};

}  // namespace

Result<uint64_t> mend_names(const MendPlaces& places, const std::vector<FileFault>& faults,
                            const Pool& pool) {
  std::optional<uint32_t> owner;
  STRATA_TRY(DiskRules rules, disk_rules(places.layer, places.form, owner));
  Mender mender(places, rules);
  for (const FileFault& fault : faults) {
    if (fault.member > 0) mender.add(fault);
    if (fault.member > 0 || fault.kind != Kind::kFileMetadata) continue;
    STRATA_TRY(Fd folder, open_in_root(*places.layer.files, fault.name, O_RDONLY | O_DIRECTORY, 0,
                                       Symlinks::kRefuse));
    STRATA_TRY(bool marked, has_opaque_mark(folder, rules));
    STRATA_CHECK(set_opaque_mark(folder, !marked, rules));
  }
  STRATA_TRY(std::string trouble, read_split(*places.layer.split_file, mender, pool));
  if (!trouble.empty()) return error(ErrorCode::kCorrupt, "tar-split: {}", trouble);
  STRATA_CHECK(mender.finish());
  return mender.found_under_other_names();
}

Result<uint64_t> take_files(const MendPlaces& places, const std::vector<FileFault>& faults,
                            const Fd& copy) {
  driver::MemberPlaces ours(*places.layer.files), theirs(copy);
  uint64_t taken = 0;
  for (const FileFault& fault : faults) {
    if (!fault.needs_copy) continue;
    Result<driver::MemberPlace> from = theirs.find(fault.name);
    Result<driver::MemberPlace> to = ours.find(fault.name);
    if (!to.ok() && to.error().code() == ErrorCode::kNotFound) {
      // Folders that have members of their own are there by now.
      STRATA_CHECK(ensure_dirs_in_root(*places.layer.files, folder_of(fault.name), 0755));
      to = ours.find(fault.name);
    }
    if (!to.ok() || !from.ok()) continue;
    STRATA_TRY(bool there, exists_at(*to->folder, to->name));
    STRATA_TRY(bool has_copy, exists_at(*from->folder, from->name));
    if (!has_copy) continue;
    if (there) STRATA_CHECK(keep_aside(places.set_aside, *to));
    STRATA_CHECK(rename_at(*from->folder, from->name, *to->folder, to->name, Existing::kReplace));
    ++taken;
  }
  return taken;
}

}  // namespace strata::doctor
