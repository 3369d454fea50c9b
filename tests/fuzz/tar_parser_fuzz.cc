// SPDX-License-Identifier: Apache-2.0
// Tar parser. Oracles: what it reports, joined, is the input; payload adds up to each member's size
// and stays inside its file; and nothing depends on where the pieces are cut.
#include "oracle.h"
#include "tar/parser.h"

namespace {

using strata::ByteSpan;
using strata::Status;
using strata::fuzz::check;
using strata::tar::Member;

// Keeps everything as text, so that two runs can be compared.
class Recorder final : public strata::tar::ParserEvents {
 public:
  Status on_raw(ByteSpan bytes) override {
    bytes_.append(strata::as_text(bytes));
    return {};
  }

  Status on_member(const Member& member) override {
    check(!in_member_, "a member begins inside another");
    in_member_ = true;
    size_bytes_ = member.size_bytes;
    logical_bytes_ = member.logical_size_bytes();
    check(member.mtime_nanoseconds < 1'000'000'000, "nanoseconds beyond a second");
    members_ +=
        fmt::format("{}|{}|{}|{:o}|{}|{}|{}|{}|{}.{}\n", member.name, member.link_name, member.type,
                    member.mode, member.uid, member.gid, member.size_bytes,
                    member.declared_size_bytes, member.mtime_seconds, member.mtime_nanoseconds);
    for (const auto& [name, value] : member.xattrs) members_ += name + "=" + value + "\n";
    return {};
  }

  Status on_payload(ByteSpan bytes, uint64_t file_offset) override {
    check(in_member_, "payload outside of a member");
    check(bytes.size() <= size_bytes_, "more payload than the member has");
    size_bytes_ -= bytes.size();
    check(file_offset <= logical_bytes_ && bytes.size() <= logical_bytes_ - file_offset,
          "payload behind the end of the file");
    bytes_.append(strata::as_text(bytes));
    return {};
  }

  Status on_member_end() override {
    check(in_member_, "a member ends that did not begin");
    check(size_bytes_ == 0, "less payload than the member has");
    in_member_ = false;
    return {};
  }

  const std::string& bytes() const { return bytes_; }
  const std::string& members() const { return members_; }

 private:
  std::string bytes_, members_;
  bool in_member_ = false;
  uint64_t size_bytes_ = 0, logical_bytes_ = 0;
};

// Returns the error, or nothing.
std::string parse(ByteSpan input, size_t piece_bytes, Recorder& events) {
  strata::tar::Parser parser;
  while (!input.empty()) {
    const size_t size = std::min(piece_bytes, input.size());
    if (Status status = parser.feed(input.first(size), events); !status.ok()) {
      return status.error().message();
    }
    input = input.subspan(size);
  }
  const Status status = parser.finish();
  return status.ok() ? "" : status.error().message();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input = strata::fuzz::input_bytes(data, size);
  Recorder whole, pieces;
  const std::string error = parse(input, input.size() + 1, whole);
  check(parse(input, 213, pieces) == error, "the error depends on the pieces");
  check(whole.members() == pieces.members(), "the members depend on the pieces");
  if (error.empty()) {
    check(whole.bytes() == strata::as_text(input), "the reports joined are not the input");
    check(pieces.bytes() == whole.bytes(), "the bytes depend on the pieces");
  } else {
    check(strata::as_text(input).starts_with(whole.bytes()), "bytes reported that never came");
  }
  return 0;
}
