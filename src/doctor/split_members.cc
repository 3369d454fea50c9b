// SPDX-License-Identifier: Apache-2.0
#include "doctor/split_members.h"

#include <optional>

#include "codec/decompress.h"
#include "doctor/place.h"
#include "driver/split_file.h"
#include "tar/path.h"

namespace strata::doctor {
namespace {

class SplitParser final : private tar::ParserEvents {
 public:
  explicit SplitParser(SplitEvents& events) : events_(events) {}

  // False: there is trouble(), or failure().
  bool take(const tar::SplitEntry& entry) {
    const uint64_t bytes = sizes_.next(entry);
    if (entry.kind == tar::SplitEntry::kSegment) return take_segment(entry.payload);
    return bytes == 0 || take_content(entry, bytes);
  }
  void finish() {
    Status ended = parser_.finish();
    if (!ended.ok()) trouble_ = ended.error().message();
  }
  const std::string& trouble() const { return trouble_; }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  bool take_segment(ByteSpan bytes) {
    if (!note(events_.on_segment(bytes)).ok()) return false;
    // Padding, then whole blocks.
    if (parse_anew_) bytes = bytes.subspan(bytes.size() % tar::kBlockBytes);
    parse_anew_ = false;
    Status fed = parser_.feed(bytes, *this);
    if (!fed.ok() && !failure_) trouble_ = fed.error().message();
    return fed.ok();
  }

  bool take_content(const tar::SplitEntry& entry, uint64_t bytes) {
    if (parser_.is_in_sparse_map()) {
      parser_ = tar::Parser();
      parse_anew_ = true;
      return note(events_.on_headless(entry, bytes)).ok();
    }
    const uint64_t left = parser_.payload_left_bytes();
    const bool is_member = left > 0 && tar::clean_path(entry.name) == path_;
    if (!is_member || (left != bytes && bytes != logical_size_bytes_)) {
      trouble_ = fmt::format("\"{}\": an entry of {} bytes behind a header of {} bytes for \"{}\"",
                             entry.name, bytes, left, path_);
      return false;
    }
    if (!note(events_.on_content(entry, bytes, left != bytes)).ok()) return false;
    return parser_.skip_payload(*this).ok();
  }

  Status note(Status status) {
    if (!status.ok()) failure_ = status.error();
    return status;
  }

  Status on_raw(ByteSpan bytes) override { return note(events_.on_raw(bytes)); }
  Status on_member(const tar::Member& member) override {
    path_ = tar::clean_path(member.name);
    logical_size_bytes_ = member.logical_size_bytes();
    return note(events_.on_member(member));
  }
  Status on_payload(ByteSpan bytes, uint64_t file_offset) override {
    return note(events_.on_payload(bytes, file_offset));
  }
  Status on_member_end() override { return note(events_.on_member_end()); }

  SplitEvents& events_;
  tar::Parser parser_;
  driver::PayloadSizes sizes_;
  std::string path_;  // of the member that the parser is at
  uint64_t logical_size_bytes_ = 0;
  bool parse_anew_ = false;  // the next segment begins behind a member that was not parsed
  std::string trouble_;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::string> read_split(const Fd& split_file, SplitEvents& events, const Pool& pool) {
  STRATA_TRY(struct stat info, stat_fd(split_file.get()));
  RangeSource compressed(split_file.get(), 0, static_cast<uint64_t>(info.st_size));
  std::unique_ptr<ByteSource> json =
      codec::make_decompressor(codec::Compression::kGzip, compressed);
  tar::SplitReader entries(*json);
  tar::SplitEntry entry;
  SplitParser parser(events);
  while (true) {
    STRATA_CHECK(pool.check_cancelled());
    Result<bool> more = entries.next(entry);
    STRATA_CHECK(unless_all_ends(more));
    if (!more.ok()) return more.error().message();
    if (!*more) break;
    if (parser.take(entry)) continue;
    if (parser.failure()) return *parser.failure();
    return parser.trouble();
  }
  parser.finish();
  return parser.trouble();
}

}  // namespace strata::doctor
