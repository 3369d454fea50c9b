// SPDX-License-Identifier: Apache-2.0
// Headers are compared with those that dockerd and Go wrote: tests/data/tar/make.sh.
#include "tar/writer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tar/parser.h"
#include "tar/test_files.h"

namespace strata::tar {
namespace {

// Encodes each member again and compares with the header it was read from.
class ReEncoder final : public ParserEvents {
 public:
  explicit ReEncoder(HeaderStyle style) : style_(style) {}

  Status on_raw(ByteSpan bytes) override {
    raw_ += as_text(bytes);
    return {};
  }
  Status on_member(const Member& member) override {
    STRATA_TRY(std::string header, encode_header(member, style_));
    EXPECT_EQ(raw_, padding_ + header) << member.name;
    raw_.clear();
    padding_ = std::string(padding_bytes(member.size_bytes), '\0');
    ++members;
    return {};
  }
  Status on_payload(ByteSpan, uint64_t) override { return {}; }
  Status on_member_end() override { return {}; }

  // What follows the last member is its padding and the end marker.
  std::string rest() const { return raw_; }
  std::string expected_rest() const { return padding_ + std::string(as_text(kEndOfArchive)); }
  int members = 0;

 private:
  HeaderStyle style_;
  std::string raw_;
  std::string padding_;
};

int re_encode(const std::string& file, HeaderStyle style) {
  ReEncoder events(style);
  Parser parser;
  EXPECT_TRUE(parser.feed(as_bytes(read_test_file(file)), events).ok());
  EXPECT_TRUE(parser.finish().ok());
  EXPECT_EQ(events.rest(), events.expected_rest());
  return events.members;
}

TEST(EncodeHeader, MakesTheHeadersOfDocker20Save) {
  EXPECT_EQ(re_encode("docker-20.10-save.tar", HeaderStyle::kDocker20), 15);
}

TEST(EncodeHeader, MakesTheHeadersOfDocker28Save) {
  EXPECT_EQ(re_encode("docker-28.5-save.tar", HeaderStyle::kDocker28), 14);
}

TEST(EncodeHeader, MakesTheHeadersOfDocker20Layers) {
  int members = 0;
  for (const auto& path : test_files("", ".json")) {  // the layers of which there is a tar-split
    members += re_encode(path.stem().string() + ".tar", HeaderStyle::kDocker20);
  }
  EXPECT_EQ(members, 13);
}

TEST(EncodeHeader, MakesTheHeadersOfGo) {
  EXPECT_EQ(re_encode("go-writer.tar", HeaderStyle::kDocker20), 25);
}

TEST(EncodeHeader, AddsTheTypeBitsThatDocker20Wants) {
  Member member;
  member.name = "dir/";
  member.type = kDirectory;
  member.mode = 0755;
  const auto docker20 = encode_header(member, HeaderStyle::kDocker20);
  ASSERT_TRUE(docker20.ok());
  EXPECT_EQ(docker20->substr(kModeField.offset, 7), "0040755");
  member.mode |= S_IFDIR;
  member.user_name = "root";
  const auto docker28 = encode_header(member, HeaderStyle::kDocker28);
  ASSERT_TRUE(docker28.ok());
  EXPECT_EQ(docker28->substr(kModeField.offset, 7), "0000755");
  EXPECT_EQ((*docker28)[kUserNameField.offset], '\0');
}

TEST(EncodeHeader, LeavesWhiteoutsBare) {
  Member member;
  member.name = "dir/.wh.gone";
  member.mode = 0600;
  const auto header = encode_header(member, HeaderStyle::kDocker20);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->substr(kModeField.offset, 7), "0000600");
}

TEST(EncodeHeader, RefusesWhatNoHeaderCanSay) {
  const auto message = [](auto change) {
    Member member;
    member.name = "f";
    change(member);
    const auto header = encode_header(member, HeaderStyle::kDocker20);
    return header.ok() ? "" : header.error().message();
  };
  EXPECT_EQ(message([](Member& m) { m.name = std::string("a\0b", 3); }),
            "no tar header for \"a\\x00b\": a NUL in a name");
  EXPECT_EQ(message([](Member& m) { m.name = "f/"; }),
            "no tar header for \"f/\": the name of what is no directory ends in '/'");
  EXPECT_EQ(message([](Member& m) { m.type = kPaxGlobal; }),
            "no tar header for \"f\": its type is not a file's");
  EXPECT_EQ(message([](Member& m) { m.dev_major = 1u << 21; }),
            "no tar header for \"f\": device number out of range");
  EXPECT_EQ(message([](Member& m) { m.mode = 1u << 21; }),
            "no tar header for \"f\": mode out of range");
  EXPECT_EQ(message([](Member& m) { m.xattrs["a"] = std::string(kMaxMetaBytes, 'x'); }),
            "no tar header for \"f\": 1048600 bytes of pax records, limit 1048576");
}

}  // namespace
}  // namespace strata::tar
