// SPDX-License-Identifier: Apache-2.0
#include "driver/layer_splitter.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "driver/split_file.h"
#include "driver/split_rewrite.h"
#include "driver/tree_size.h"

namespace strata::driver {

LayerSplitter::LayerSplitter(UnpackTarget target, Pool& pool)
    : target_(target),
      privileged_(::geteuid() == 0),
      tree_(*target.folder, *target.diff, privileged_),
      filler_(pool, privileged_) {}

LayerSplitter::~LayerSplitter() = default;

Status LayerSplitter::begin() { return recorder_.begin(*target_.metadata); }

Status LayerSplitter::take(const Slice& bytes) {
  return take(bytes, [&](tar::ParserEvents& events) { return parser_.feed(bytes.bytes, events); });
}

Status LayerSplitter::take(const Slice& bytes,
                           const std::function<Status(tar::ParserEvents&)>& report) {
  block_ = bytes;
  Status parsed = report(*this);
  // Nothing keeps blocks while it waits for more of them.
  filler_.flush();
  STRATA_CHECK(recorder_.flush());
  block_ = {};
  return parsed;
}

Status LayerSplitter::on_raw(ByteSpan bytes) {
  recorder_.raw({block_.block, bytes});
  return {};
}

Status LayerSplitter::on_member(const tar::Member& member) {
  current_ = {};
  current_.name = member.name;
  current_.size_bytes = member.size_bytes;
  current_.logical_size_bytes = member.logical_size_bytes();
  if (member.type == tar::kPaxGlobal) return {};
  bool regular = member.type == tar::kRegular || member.type == tar::kGnuSparse;
  if (regular && !TreeWriter::is_whiteout(member)) {
    STRATA_TRY(CreatedFile file, tree_.create_file(member, entries_));
    current_.is_file = true;
    current_.is_cloned = clone(file.fd);
    current_.record = file.record;
    filler_.begin(std::move(file.fd), std::move(file.metadata), member.name);
    return {};
  }
  // A hard link changes the metadata of a file that may still be on its way: the later member wins,
  // so it waits.
  if (member.type == tar::kHardLink) STRATA_CHECK(filler_.drain());
  STRATA_TRY(CreatedOther made, tree_.create_other(member, entries_));
  current_.record = made.record;
  if (!made.folder.fd.valid()) return {};
  if (made.folder_existed) STRATA_CHECK(filler_.drain());
  // What a folder hands down (ACLs, its group), and an opaque mark, is there before the next member
  // is made, or the result would depend on timing.
  bool hands_down = !made.folder.metadata.xattrs.empty() || made.folder.metadata.mode & S_ISGID;
  filler_.begin(std::move(made.folder.fd), std::move(made.folder.metadata), member.name);
  filler_.end(0);
  return hands_down ? filler_.drain() : Status();
}

bool LayerSplitter::clone(const Fd& file) {
  const Fd* content = std::exchange(offered_, nullptr);
  if (content == nullptr || !can_clone_) return false;
  can_clone_ = ::ioctl(file.get(), FICLONE, content->get()) == 0;
  return can_clone_;
}

Status LayerSplitter::on_payload(ByteSpan bytes, uint64_t file_offset) {
  if (current_.is_file && !current_.is_cloned) filler_.append({block_.block, bytes}, file_offset);
  if (current_.record == Record::kSegment) return on_raw(bytes);
  current_.crc.update(bytes);
  return {};
}

Status LayerSplitter::on_member_end() {
  if (current_.is_file) filler_.end(current_.logical_size_bytes);
  if (current_.record == Record::kSegment) return {};
  ++entries_;
  recorder_.file(std::move(current_.name), current_.size_bytes, current_.crc.big_endian());
  return {};
}

Result<uint64_t> LayerSplitter::finish(uint64_t tar_bytes) {
  STRATA_CHECK(parser_.finish());
  STRATA_CHECK(filler_.drain());
  STRATA_CHECK(tree_.finish_directories());
  STRATA_TRY(Fd split_file, recorder_.finish());
  if (!tree_.replacements().empty()) {
    STRATA_CHECK(rewrite_split(split_file, *target_.folder, tree_.replacements()));
  }
  STRATA_CHECK(record_tar_bytes(split_file, tar_bytes));
  STRATA_CHECK(split_file.close());
  if (tree_.replacements().empty()) return tree_.size_bytes();
  return tree_size_bytes(*target_.diff);
}

std::vector<std::string> LayerSplitter::warnings() {
  RefusedXattrs all = tree_.refused();
  all.add(filler_.refused());
  return {all.names().begin(), all.names().end()};
}

}  // namespace strata::driver
