// SPDX-License-Identifier: Apache-2.0
#include "build/unpack_tar.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/buffer.h"
#include "base/confine.h"
#include "build/content_sum.h"
#include "build/target_tree.h"
#include "build/tree_path.h"
#include "codec/decompress.h"
#include "driver/file_filler.h"
#include "driver/file_metadata.h"
#include "tar/parser.h"
#include "tar/path.h"

namespace strata::build {
namespace {

constexpr size_t kPieceBytes = size_t{256} << 10;
constexpr size_t kPieces = 32;
constexpr size_t kProbeBlockBytes = size_t{4} << 10;
constexpr size_t kMaxProbeBytes = size_t{4} << 20;  // of headers in front of a first member

class TarUnpacker final : private tar::ParserEvents {
 public:
  TarUnpacker(TargetTree tree, MemberSums* sums, Pool& pool)
      : tree_(std::move(tree)), sums_(sums), pool_(pool), filler_(pool, ::geteuid() == 0) {}

  Status run(ByteSource& tar) {
    while (true) {
      STRATA_CHECK(pool_.check_cancelled());
      Slice block{buffers_.acquire(), {}};
      STRATA_TRY(const size_t count, read_full(tar, {block.block.get(), kPieceBytes}));
      if (count == 0) break;
      block.bytes = {block.block.get(), count};
      block_ = block;
      Status parsed = parser_.feed(block.bytes, *this);
      filler_.flush();
      block_ = {};
      STRATA_CHECK(std::move(parsed));
    }
    STRATA_CHECK(parser_.finish());
    STRATA_CHECK(filler_.drain());
    return finish_folders();
  }

 private:
  Status on_raw(ByteSpan) override { return {}; }

  Status on_member(const tar::Member& member) override {
    path_ = tar::clean_path(member.name);
    if (member.type == tar::kPaxGlobal) return {};
    if (sums_ != nullptr) begin_sum(member);
    if (path_ == ".") return {};
    return make(member).context("entry \"{}\"", member.name);
  }

  Status on_payload(ByteSpan bytes, uint64_t file_offset) override {
    if (sums_ != nullptr) hash_.update(bytes);
    if (is_file_) filler_.append({block_.block, bytes}, file_offset);
    return {};
  }

  Status on_member_end() override {
    if (is_file_) filler_.end(file_bytes_);
    is_file_ = false;
    if (sums_ != nullptr) sums_->try_emplace(std::move(path_), hash_.finish());
    return {};
  }

  void begin_sum(const tar::Member& member) {
    SumFields fields{member.name, member.mode, member.uid, member.gid, member.size_bytes};
    fields.type = member.type;
    fields.link_name = member.link_name;  // the names of user and group do not count
    fields.dev_major = member.dev_major;
    fields.dev_minor = member.dev_minor;
    hash_.update(as_bytes(fields.to_text()));
    for (const auto& [name, value] : member.xattrs) {
      hash_.update(as_bytes(name));
      hash_.update(as_bytes(value));
    }
  }

  Status make(const tar::Member& member) {
    const SplitPath place = split_path(path_);
    STRATA_CHECK(enter(place.folder));
    const bool is_folder = member.type == tar::kDirectory;
    Result<struct stat> old = lstat_at(folder_, place.name);
    const bool stays = old.ok() && S_ISDIR(old->st_mode) && is_folder;
    if (old.ok() && !stays) {
      STRATA_CHECK(remove_tree_at(folder_, place.name));
      is_entered_ = S_ISREG(old->st_mode);  // else it may have been on the way to where we are
    }
    STRATA_TRY(driver::FileMetadata metadata, driver::metadata_of(member));
    if (member.type == tar::kRegular || member.type == tar::kGnuSparse) {
      STRATA_TRY(Fd file,
                 open_at(folder_, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
      is_file_ = true;
      file_bytes_ = member.logical_size_bytes();
      filler_.begin(std::move(file), std::move(metadata), member.name);
      return {};
    }
    if (is_folder) return make_folder(place.name, stays, metadata);
    return make_other(member, place.name, metadata);
  }

  // Opens the folder that a member goes to, and makes it if need be.
  Status enter(const std::string& path) {
    if (is_entered_ && path == entered_) return {};
    STRATA_TRY(const SourceTree::Place place, tree_.find(path));
    STRATA_TRY(const bool is_new, tree_.make_folders(place.path, Owner()));
    (void)is_new;
    STRATA_TRY(folder_, open_in_root(tree_.top(), place.path, O_RDONLY | O_DIRECTORY));
    entered_ = path;
    entered_path_ = place.path;
    is_entered_ = true;
    return {};
  }

  Status make_folder(const std::string& name, bool exists, driver::FileMetadata& metadata) {
    if (!exists) STRATA_CHECK(mkdir_at(folder_, name, 0700));
    STRATA_TRY(Fd made, open_at(folder_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    STRATA_CHECK(driver::apply_to_fd(made.get(), metadata, ::geteuid() == 0, refused_));
    folders_.emplace_back(join_path(entered_path_, name), metadata.times[1]);
    return {};
  }

  Status make_other(const tar::Member& member, const std::string& name,
                    const driver::FileMetadata& metadata) {
    bool is_symlink = member.type == tar::kSymlink;
    if (member.type == tar::kHardLink) {
      // Its owner, mode and times become those of the file, whose content may still be on its way.
      STRATA_CHECK(filler_.drain());
      STRATA_TRY(is_symlink, make_hard_link(member, name));
    } else if (is_symlink) {
      STRATA_CHECK(symlink_at(member.link_name, folder_, name));
      is_entered_ = false;
    } else {
      STRATA_CHECK(make_node(member, name));
    }
    return driver::apply_to_name(folder_, name, metadata, is_symlink, ::geteuid() == 0, refused_);
  }

  // Returns whether the target is a symlink.
  Result<bool> make_hard_link(const tar::Member& member, const std::string& name) {
    const SplitPath target = split_path(tar::clean_path(member.link_name));
    STRATA_TRY(const SourceTree::Place place, tree_.find(target.folder));
    STRATA_TRY(Fd from, open_in_root(tree_.top(), place.path, O_RDONLY | O_DIRECTORY));
    STRATA_TRY(struct stat info, lstat_at(from, target.name));
    if (::linkat(from.get(), target.name.c_str(), folder_.get(), name.c_str(), 0) != 0) {
      return errno_error(errno, "link to " + member.link_name);
    }
    return S_ISLNK(info.st_mode);
  }

  Status make_node(const tar::Member& member, const std::string& name) {
    mode_t type = 0;
    if (member.type == tar::kCharDevice) type = S_IFCHR;
    if (member.type == tar::kBlockDevice) type = S_IFBLK;
    if (member.type == tar::kFifo) type = S_IFIFO;
    if (type == 0) {
      return error(ErrorCode::kInvalid, "unhandled tar header type {}",
                   static_cast<int>(member.type));
    }
    const dev_t device = makedev(member.dev_major, member.dev_minor);
    if (::mknodat(folder_.get(), name.c_str(), type | 0600, device) != 0) {
      return errno_error(errno, "mknod " + name);
    }
    return {};
  }

  // Times last: what is made in a folder changes them.
  Status finish_folders() {
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
      const struct timespec times[2] = {folder->second, folder->second};
      // One that was replaced by a later member is gone.
      Result<Fd> made =
          open_in_root(tree_.top(), folder->first, O_RDONLY | O_DIRECTORY, 0, Symlinks::kRefuse);
      if (made.ok() && ::futimens(made->get(), times) != 0) {
        return errno_error(errno, "set times of " + folder->first);
      }
    }
    return {};
  }

  TargetTree tree_;
  MemberSums* sums_;
  Pool& pool_;
  tar::Parser parser_;
  BufferPool buffers_{kPieceBytes, kPieces};  // outlives what the filler still holds
  driver::FileFiller filler_;
  driver::RefusedXattrs refused_;
  Slice block_;  // what is being parsed; payload lies in it
  Sha256 hash_;
  std::string path_;  // of the member
  bool is_file_ = false;
  uint64_t file_bytes_ = 0;

  Fd folder_;  // that the last member went to
  std::string entered_, entered_path_;
  bool is_entered_ = false;
  std::vector<std::pair<std::string, struct timespec>> folders_;
};

// Stops at the first member.
class FirstMember final : public tar::ParserEvents {
 public:
  bool found = false;

 private:
  Status on_raw(ByteSpan) override { return {}; }
  Status on_member(const tar::Member&) override {
    found = true;
    return Error(ErrorCode::kCancelled, "found");
  }
  Status on_payload(ByteSpan, uint64_t) override { return {}; }
  Status on_member_end() override { return {}; }
};

}  // namespace

Status unpack_tar(ByteSource& tar, const Fd& folder, MemberSums* sums, Pool& pool) {
  STRATA_TRY(TargetTree tree, TargetTree::open(folder, pool));
  TarUnpacker unpacker(std::move(tree), sums, pool);
  const Confinement how{
      .folders = {folder.get()}, .read_elsewhere = true, .network = true};  // for `tar`
  return run_confined(how, [&] { return unpacker.run(tar); });
}

bool begins_as_tar(ByteSource& source) {
  Result<std::unique_ptr<ByteSource>> content = codec::open_decompressed(source);
  if (!content.ok()) return false;
  tar::Parser parser;
  FirstMember first;
  std::array<std::byte, kProbeBlockBytes> block;
  for (size_t seen = 0; seen < kMaxProbeBytes; seen += block.size()) {
    Result<size_t> count = read_full(**content, block);
    if (!count.ok() || *count == 0) return false;
    if (!parser.feed(ByteSpan(block).first(*count), first).ok()) return first.found;
  }
  return false;
}

bool is_tar_header(ByteSpan block) {
  if (block.size() < tar::kBlockBytes || all_zero(block)) return false;
  tar::Parser parser;
  FirstMember first;
  // Headers that go on in the next block are a beginning as well.
  return parser.feed(block.first(tar::kBlockBytes), first).ok() || first.found;
}

}  // namespace strata::build
