// SPDX-License-Identifier: Apache-2.0
// What is expected comes from Go's archive/tar: tests/data/tar/make.sh.
#include "tar/parser.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tar/event_recorder.h"
#include "tar/test_files.h"

namespace strata::tar {
namespace {

constexpr size_t kWhole = SIZE_MAX;

std::vector<std::filesystem::path> all_archives() {
  auto paths = test_files("", ".tar");
  const auto bad = test_files("bad", ".tar");
  paths.insert(paths.end(), bad.begin(), bad.end());
  return paths;
}

// What Go reads, as go_dump prints it: "bad/x.tar" has its text in "expected/bad-x.txt".
std::string expected_of(const std::filesystem::path& archive, const std::string& ending) {
  std::string name = archive.string();
  std::replace(name.begin(), name.end(), '/', '-');
  return read_test_file("expected/" + name.substr(0, name.size() - 4) + ending);
}

std::string bare_dump(std::string_view tar) {
  EventRecorder events;
  const bool good = parse_in_pieces(tar, kWhole, events).ok();
  return events.lines + (good ? "end\n" : "error\n");
}

TEST(Parser, ReadsWhatGoReads) {
  for (const auto& path : all_archives()) {
    SCOPED_TRACE(path);
    EventRecorder events;
    const Status status = parse_in_pieces(read_test_file(path), kWhole, events);
    const std::string expected = expected_of(path, ".txt");
    const size_t last_line = expected.rfind('\n', expected.size() - 2) + 1;
    EXPECT_EQ(events.lines, expected.substr(0, last_line));
    const std::string outcome = expected.substr(last_line);
    if (outcome == "end\n") {
      EXPECT_TRUE(status.ok()) << status.error().message();
      continue;
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), ErrorCode::kInvalid);
    const std::string text = outcome.substr(6, outcome.size() - 7);  // "error ...\n"
    EXPECT_NE(status.error().message().find(text), std::string::npos)
        << status.error().message() << "\nexpected: " << text;
  }
}

TEST(Parser, ReportsEveryByteOnceAndInOrder) {
  for (const auto& path : test_files("", ".tar")) {
    const std::string tar = read_test_file(path);
    EventRecorder events;
    ASSERT_TRUE(parse_in_pieces(tar, 1000, events).ok()) << path;
    EXPECT_EQ(events.joined(), tar) << path;
  }
}

TEST(Parser, ReportsPartsOfThePieceItWasGiven) {
  struct InPiece final : ParserEvents {
    Status check(ByteSpan bytes) {
      const auto* begin = reinterpret_cast<const std::byte*>(piece.data());
      EXPECT_GE(bytes.data(), begin);
      EXPECT_LE(bytes.data() + bytes.size(), begin + piece.size());
      return {};
    }
    Status on_raw(ByteSpan bytes) override { return check(bytes); }
    Status on_member(const Member&) override { return {}; }
    Status on_payload(ByteSpan bytes, uint64_t) override { return check(bytes); }
    Status on_member_end() override { return {}; }
    std::string piece;
  };
  const std::string tar = read_test_file("gnu-pax.tar");
  InPiece events;
  Parser parser;
  for (size_t at = 0; at < tar.size(); at += 700) {
    events.piece = tar.substr(at, 700);
    ASSERT_TRUE(parser.feed(as_bytes(events.piece), events).ok());
  }
}

TEST(Parser, PiecesOfAnySizeMakeTheSameEvents) {
  for (const auto& path : all_archives()) {
    SCOPED_TRACE(path);
    const std::string tar = read_test_file(path);
    EventRecorder whole;
    const bool good = parse_in_pieces(tar, kWhole, whole).ok();
    for (size_t piece_bytes : {1, 7, 512, 4096}) {
      EventRecorder pieces;
      EXPECT_EQ(parse_in_pieces(tar, piece_bytes, pieces).ok(), good) << piece_bytes;
      if (good) {
        EXPECT_EQ(pieces.events, whole.events) << piece_bytes;
      } else {
        EXPECT_EQ(pieces.lines, whole.lines) << piece_bytes;
      }
    }
  }
}

TEST(Parser, EveryTruncationEndsAsInGo) {
  for (const auto& path : test_files("expected", ".cuts")) {
    const std::string tar = read_test_file(path.stem().string() + ".tar");
    std::vector<bool> good(tar.size() + 1);
    std::istringstream ranges(read_test_file(path));
    size_t first, last;
    char dash;
    while (ranges >> first >> dash >> last) {
      std::fill(good.begin() + static_cast<ptrdiff_t>(first),
                good.begin() + static_cast<ptrdiff_t>(last) + 1, true);
    }
    for (size_t length = 0; length <= tar.size(); ++length) {
      EventRecorder events;
      const Status status =
          parse_in_pieces(std::string_view(tar).substr(0, length), kWhole, events);
      ASSERT_EQ(status.ok(), good[length]) << path << " cut to " << length;
      if (!status.ok()) {
        ASSERT_TRUE(status.error().message().starts_with("unexpected EOF"))
            << status.error().message();
      }
    }
  }
}

TEST(Parser, EveryFlippedByteReadsAsInGo) {
  for (const auto& path : test_files("expected", ".flips")) {
    std::string tar = read_test_file(path.stem().string() + ".tar");
    std::istringstream expected(read_test_file(path));
    for (size_t block = 0; block < tar.size(); block += kBlockBytes) {
      Crc64 crc;
      for (size_t i = block; i < std::min(block + kBlockBytes, tar.size()); ++i) {
        for (char bit : {'\x01', '\x80'}) {
          tar[i] ^= bit;
          crc.update(as_bytes(bare_dump(tar)));
          tar[i] ^= bit;
        }
      }
      std::string line;
      std::getline(expected, line);
      ASSERT_EQ(fmt::format("{:016x}", crc.value()), line) << path << " block at " << block;
    }
  }
}

// A block as a writer would make it; the type and the size are what matters.
std::string header_block(char type, uint64_t size_bytes) {
  std::string text(kBlockBytes, '\0');
  const MutableBlock block(reinterpret_cast<std::byte*>(text.data()), kBlockBytes);
  put_text(block, kNameField, "name");
  put_octal(block, kSizeField, static_cast<int64_t>(size_bytes));
  block[kTypeField.offset] = static_cast<std::byte>(type);
  seal_ustar(block);
  return text;
}

TEST(Parser, TakesPaxHeaderOfTheLimitAndRefusesOneByteMore) {
  const size_t value_bytes = kMaxMetaBytes - std::string_view("1048576 comment=\n").size();
  const std::string records = pax_record("comment", std::string(value_bytes, 'c'));
  ASSERT_EQ(records.size(), kMaxMetaBytes);
  EventRecorder events;
  EXPECT_TRUE(parse_in_pieces(header_block('x', kMaxMetaBytes) + records, 4096, events).ok());

  const Status status = parse_in_pieces(header_block('x', kMaxMetaBytes + 1), 4096, events);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(),
            "archive/tar: header field too long: 1048577 bytes of type 'x', the limit is 1048576");
}

TEST(Parser, RefusesSparseMapBeyondTheLimit) {
  const std::string records =
      pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0");
  std::string tar = header_block('x', records.size()) + records;
  tar.resize(2 * kBlockBytes);
  tar += header_block('0', uint64_t{1} << 32) + "9000000000\n";
  tar.resize(5 * kBlockBytes);
  EventRecorder events;
  const Status status = parse_in_pieces(tar, kWhole, events);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("archive/tar: sparse map too long"), std::string::npos)
      << status.error().message();
}

TEST(Parser, KeepsItsErrorWhateverIsFedAfterwards) {
  EventRecorder events;
  Parser parser;
  const std::string text(600, 'x');
  const Status first = parser.feed(as_bytes(text), events);
  ASSERT_FALSE(first.ok());
  const Status second = parser.feed(as_bytes(read_test_file("gnu-ustar.tar")), events);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().message(), first.error().message());
  EXPECT_FALSE(parser.finish().ok());
}

TEST(Parser, HandsOnTheErrorOfAnEvent) {
  struct Refusing final : ParserEvents {
    Status on_raw(ByteSpan) override { return {}; }
    Status on_member(const Member&) override { return Error(ErrorCode::kNoSpace, "full"); }
    Status on_payload(ByteSpan, uint64_t) override { return {}; }
    Status on_member_end() override { return {}; }
  } events;
  const Status status = parse_in_pieces(read_test_file("gnu-ustar.tar"), kWhole, events);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(status.error().message(), "full");
}

TEST(Parser, TellsWhereTheEndIs) {
  EventRecorder events;
  Parser parser;
  const std::string tar = read_test_file("odd-garbage-after-end.tar");
  ASSERT_TRUE(parser.feed(as_bytes(tar).first(2048 - 1), events).ok());
  EXPECT_FALSE(parser.at_end());
  ASSERT_TRUE(parser.feed(as_bytes(tar).subspan(2048 - 1), events).ok());
  EXPECT_TRUE(parser.at_end());
  EXPECT_EQ(parser.offset_bytes(), tar.size());
}

TEST(PaxRecords, KeepsEmptyXattrThatDocker28Sets) {
  PaxRecords records;
  ASSERT_TRUE(records.parse(pax_record("SCHILY.xattr.user.e", "")).ok());
  EXPECT_EQ(records.xattrs.count("user.e"), 1u);
}

TEST(HeaderNumbers, ReadOctalAndBase256) {
  EXPECT_EQ(parse_number("0000644"), 0644);
  EXPECT_EQ(parse_number(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xfe", 8)), -2);
  EXPECT_EQ(parse_number(std::string_view("\x80\0\0\0\0\0\x01\0", 8)), 256);
  EXPECT_EQ(parse_number("12 34"), std::nullopt);
  EXPECT_EQ(parse_number("-7"), std::nullopt);
  EXPECT_EQ(parse_decimal("+12"), 12);
  EXPECT_EQ(parse_decimal("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_decimal("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_decimal(""), std::nullopt);
  EXPECT_EQ(parse_decimal("+-1"), std::nullopt);
  EXPECT_EQ(parse_decimal(" 1"), std::nullopt);
}

}  // namespace
}  // namespace strata::tar
