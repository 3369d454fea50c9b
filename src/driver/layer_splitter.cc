// SPDX-License-Identifier: Apache-2.0
#include "driver/layer_splitter.h"

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

Status LayerSplitter::begin() {
  STRATA_TRY(split_file_, open_at(*target_.metadata, kSplitFileName,
                                  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  split_sink_ = std::make_unique<FdSink>(split_file_.get());
  split_gzip_ = std::make_unique<codec::FastGzipSink>(*split_sink_, as_bytes(split_extra_field(0)));
  split_ = std::make_unique<tar::SplitWriter>(*split_gzip_);
  return {};
}

Status LayerSplitter::take(const Slice& bytes) {
  block_ = bytes;
  Status status = parser_.feed(bytes.bytes, *this);
  filler_.flush();
  block_ = {};
  return status;
}

Status LayerSplitter::on_raw(ByteSpan bytes) { return split_->raw(bytes); }

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
    current_.record = file.record;
    filler_.begin(std::move(file.fd), std::move(file.metadata), member.name);
    return {};
  }
  // A hard link changes the metadata of a file that may still be on its way: the later member wins,
  // so it waits.
  if (member.type == tar::kHardLink) STRATA_CHECK(filler_.drain());
  STRATA_TRY(current_.record, tree_.create_other(member, entries_));
  return {};
}

Status LayerSplitter::on_payload(ByteSpan bytes, uint64_t file_offset) {
  if (current_.is_file) filler_.append({block_.block, bytes}, file_offset);
  if (current_.record == Record::kSegment) return split_->raw(bytes);
  current_.crc.update(bytes);
  return {};
}

Status LayerSplitter::on_member_end() {
  if (current_.is_file) filler_.end(current_.logical_size_bytes);
  if (current_.record == Record::kSegment) return {};
  ++entries_;
  return split_->file(current_.name, current_.size_bytes, current_.crc.big_endian());
}

Result<uint64_t> LayerSplitter::finish(uint64_t tar_bytes) {
  STRATA_CHECK(parser_.finish());
  STRATA_CHECK(filler_.drain());
  STRATA_CHECK(tree_.finish_directories());
  STRATA_CHECK(split_->finish());
  STRATA_CHECK(split_gzip_->finish());
  if (!tree_.replacements().empty()) {
    STRATA_CHECK(rewrite_split(split_file_, *target_.folder, tree_.replacements()));
  }
  STRATA_CHECK(record_tar_bytes(split_file_, tar_bytes));
  STRATA_CHECK(split_file_.close());
  if (tree_.replacements().empty()) return tree_.size_bytes();
  return tree_size_bytes(*target_.diff);
}

std::vector<std::string> LayerSplitter::warnings() {
  std::vector<std::string> all = tree_.warnings();
  for (const std::string& name : filler_.warnings()) {
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
  }
  return all;
}

}  // namespace strata::driver
