// SPDX-License-Identifier: Apache-2.0
// The expected JSON is what dockerd wrote: tests/data/tar/make_docker.py.
#include "tar/split.h"

#include <gtest/gtest.h>

#include <random>

#include "hash/crc64.h"
#include "tar/parser.h"
#include "tar/test_files.h"

namespace strata::tar {
namespace {

// Writes the tar-split of a tar, as unpacking a layer does.
class Splitter final : public ParserEvents {
 public:
  explicit Splitter(SplitWriter& writer) : writer_(writer) {}
  Status on_raw(ByteSpan bytes) override { return writer_.raw(bytes); }
  Status on_member(const Member& member) override {
    name_ = member.name;
    size_bytes_ = member.size_bytes;
    crc_ = Crc64();
    return {};
  }
  Status on_payload(ByteSpan bytes, uint64_t) override {
    crc_.update(bytes);
    return {};
  }
  Status on_member_end() override { return writer_.file(name_, size_bytes_, crc_.big_endian()); }

 private:
  SplitWriter& writer_;
  std::string name_;
  uint64_t size_bytes_ = 0;
  Crc64 crc_;
};

std::string split_of(std::string_view tar) {
  std::string json;
  StringSink sink(json);
  SplitWriter writer(sink);
  Splitter splitter(writer);
  Parser parser;
  EXPECT_TRUE(parser.feed(as_bytes(tar), splitter).ok());
  EXPECT_TRUE(parser.finish().ok());
  EXPECT_TRUE(writer.finish().ok());
  return json;
}

// Gives at most `piece_bytes` at a time.
class DripSource final : public ByteSource {
 public:
  DripSource(std::string_view text, size_t piece_bytes) : text_(text), piece_bytes_(piece_bytes) {}
  Result<size_t> read(MutableByteSpan buffer) override {
    const size_t count = std::min({buffer.size(), piece_bytes_, text_.size()});
    std::copy_n(as_bytes(text_).begin(), count, buffer.begin());
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
  size_t piece_bytes_;
};

// The entries as text, successive segments joined; or the error.
std::string read_all(std::string_view json, size_t piece_bytes = SIZE_MAX) {
  DripSource source(json, piece_bytes);
  SplitReader reader(source);
  SplitEntry entry;
  std::string text;
  bool in_segment = false;
  while (true) {
    const auto more = reader.next(entry);
    if (!more.ok()) return more.error().message();
    if (!*more) return text;
    EXPECT_LE(entry.payload.size(), kMaxSegmentBytes + 2);
    if (entry.kind == SplitEntry::kSegment) {
      if (!in_segment) text += "|";
      text += as_text(entry.payload);
    } else {
      text += fmt::format("[{} {} {:02x}]", entry.name, entry.size_bytes, fmt::join(entry.crc, ""));
    }
    in_segment = entry.kind == SplitEntry::kSegment;
  }
}

TEST(SplitWriter, WritesWhatDockerdWrites) {
  for (const auto& path : test_files("", ".json")) {
    const std::string ours = split_of(read_test_file(path.stem().string() + ".tar"));
    // dockerd 20.10 ends with one more, empty, segment (FORMATS section 4).
    const auto entries = std::count(ours.begin(), ours.end(), '\n');
    EXPECT_EQ(ours + fmt::format("{{\"type\":2,\"payload\":\"\",\"position\":{}}}\n", entries),
              read_test_file(path));
  }
}

TEST(SplitReader, ReadsWhatDockerdWrote) {
  for (const auto& path : test_files("", ".json")) {
    const std::string ours = split_of(read_test_file(path.stem().string() + ".tar"));
    EXPECT_EQ(read_all(read_test_file(path)), read_all(ours));
  }
}

TEST(SplitWriter, EscapesNamesAsGo) {
  std::string json;
  StringSink sink(json);
  SplitWriter writer(sink);
  for (std::string_view name : {"<a>&\"\\", "\u2028\u2029\u2030", "\n\r\t\b\f\x1f\x7f", "caf\xe9",
                                "\xed\xa0\x80", "\xf4\x90\x80\x80", "", "utf8-é-名"}) {
    ASSERT_TRUE(writer.file(name, 0, {}).ok());
  }
  ASSERT_TRUE(writer.file("f", 5, {0x3c, 0x3e, 0xee, 0xe2, 0xd8, 0x10, 0, 0}).ok());
  ASSERT_TRUE(writer.finish().ok());
  // As printed by Go 1.19's encoding/json for the struct that tar-split writes.
  EXPECT_EQ(json, R"({"type":1,"name":"\u003ca\u003e\u0026\"\\","payload":null,"position":0}
{"type":1,"name":"\u2028\u2029‰","payload":null,"position":1}
{"type":1,"name":"\n\r\t\u0008\u000c\u001f)"
                  "\x7f"
                  R"(","payload":null,"position":2}
{"type":1,"name_raw":"Y2Fm6Q==","payload":null,"position":3}
{"type":1,"name_raw":"7aCA","payload":null,"position":4}
{"type":1,"name_raw":"9JCAgA==","payload":null,"position":5}
{"type":1,"payload":null,"position":6}
{"type":1,"name":"utf8-é-名","payload":null,"position":7}
{"type":1,"name":"f","size":5,"payload":"PD7u4tgQAAA=","position":8}
)");
  EXPECT_EQ(read_all(json),
            "[<a>&\"\\ 0 0000000000000000][\u2028\u2029\u2030 0 0000000000000000]"
            "[\n\r\t\b\f\x1f\x7f 0 0000000000000000][caf\xe9 0 0000000000000000]"
            "[\xed\xa0\x80 0 0000000000000000][\xf4\x90\x80\x80 0 0000000000000000]"
            "[ 0 0000000000000000][utf8-é-名 0 0000000000000000][f 5 3c3eeee2d8100000]");
}

TEST(SplitWriter, CutsSegmentsAtTheLimit) {
  std::string json;
  StringSink sink(json);
  SplitWriter writer(sink);
  std::string bytes(2 * kMaxSegmentBytes + 10, '\0');
  std::mt19937 random(1);
  for (char& c : bytes) c = static_cast<char>(random());
  for (size_t at = 0; at < bytes.size(); at += 1001) {
    ASSERT_TRUE(
        writer.raw(as_bytes(bytes).subspan(at, std::min<size_t>(1001, bytes.size() - at))).ok());
  }
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 3);
  for (size_t piece_bytes : {1000, 4096, 1 << 20}) {
    EXPECT_EQ(read_all(json, piece_bytes), "|" + bytes) << piece_bytes;
  }
}

TEST(SplitWriter, WritesNothingForAnEmptyTar) { EXPECT_EQ(split_of(""), ""); }

TEST(SplitReader, GivesALongSegmentInParts) {
  std::string base64;
  for (size_t i = 0; i < 3 * kMaxSegmentBytes / 3; ++i) base64 += "YWJj";
  const std::string json =
      R"({"type":2,"payload":")" + base64 + R"(","position":0}{"type":2,"payload":"eA=="})";
  SpanSource source(as_bytes(json));
  SplitReader reader(source);
  SplitEntry entry;
  size_t total = 0;
  int parts = 0;
  while (true) {
    const auto more = reader.next(entry);
    ASSERT_TRUE(more.ok()) << more.error().message();
    if (!*more) break;
    EXPECT_EQ(entry.kind, SplitEntry::kSegment);
    total += entry.payload.size();
    ++parts;
  }
  EXPECT_EQ(total, 3 * kMaxSegmentBytes + 1);
  EXPECT_EQ(parts, 4);
}

TEST(SplitReader, TakesSpaceAnyOrderAndUnknownFields) {
  EXPECT_EQ(
      read_all("  { \"payload\" : \"aGk=\" ,\n\"later\":{\"a\":[1,-2.5e3,true,null,\"\\u00e9\"],"
               "\"b\":{}}, \"position\":7,\"type\":2}\t{\"position\":0,\"payload\":null,"
               "\"name\":\"\\ud83d\\ude00\\ud800\\/\",\"size\":0,\"type\":1}\r\n"),
      "|hi[\U0001F600\ufffd/ 0 0000000000000000]");
}

TEST(SplitReader, TakesNegativeSizeOfAHeaderThatClaimsOne) {
  EXPECT_EQ(read_all(R"({"type":1,"name":"d/","size":-5,"payload":null,"position":1})"),
            "[d/ 0 0000000000000000]");
}

TEST(SplitReader, RefusesBadText) {
  const std::pair<const char*, const char*> cases[] = {
      {"x", "byte 0: expected '{', found 'x'"},
      {"{", "byte 1: the text is cut off"},
      {"{}", "byte 1: expected '\"', found '}'"},
      {R"({"type":1 "name":"a"})", "byte 10: expected '}', found '\"'"},
      {R"({"payload":""})", "byte 14: an entry without a type"},
      {R"({"type":3})", "byte 9: an entry of type 3"},
      {R"({"type":"1"})", "byte 8: expected an integer, found \"\""},
      {R"({"type":1.0})", "byte 11: expected an integer, found \"1.0\""},
      {R"({"type":01})", "byte 10: expected an integer, found \"01\""},
      {R"({"type":1,"name":5})", "byte 17: expected '\"', found '5'"},
      {R"({"type":1,"size":9223372036854775808})",
       "byte 36: expected an integer, found \"9223372036854775808\""},
      {R"({"type":1,"name":"a","name":"b"})", "byte 28: \"name\" stands twice in an entry"},
      {R"({"type":1,"name":"a","size":1,"payload":null})",
       "byte 45: file \"a\" has a checksum of 0 bytes, expected 8"},
      {R"({"type":1,"name":"a","size":1,"payload":"AAAA"})",
       "byte 47: file \"a\" has a checksum of 3 bytes, expected 8"},
      {R"({"type":2,"payload":"AA"})", "byte 23: a payload that is not base64"},
      {R"({"type":2,"payload":"AA==AA=="})", "byte 29: a payload that is not base64"},
      {R"({"type":2,"payload":"A-_A"})", "byte 25: a payload that is not base64"},
      {R"({"type":2,"payload":"AAA)", "byte 24: the text is cut off"},
      {R"({"type":2,"payload":7})", "byte 20: expected '\"', found '7'"},
      {R"({"type":2,"position":"0"})", "byte 21: expected an integer, found \"\""},
      {R"({"type":1,"name":"\x"})", "byte 20: an unknown escape in a string"},
      {R"({"type":1,"name":"\u00g0"})", "byte 23: an escape that is not four hex digits"},
      {"{\"type\":1,\"name\":\"\xff\"}", "byte 20: a string that is not UTF-8"},
      {"{\"type\":1,\"name\":\"\n\"}", "byte 19: a control character in a string"},
      {R"({"type":1,"name_raw":"!"})", "byte 24: a name_raw that is not base64"},
      {R"({"type":2,"x":tru})", "byte 18: expected true"},
      {R"({"type":2,"x":?})", "byte 14: expected a value"},
  };
  for (const auto& [json, message] : cases) {
    EXPECT_EQ(read_all(json), std::string("tar-split JSON, ") + message);
    // In pieces a fault in base64 may be seen earlier.
    const std::string what = std::string(message).substr(std::string_view(message).find(':'));
    EXPECT_TRUE(read_all(json, 1).ends_with(what)) << read_all(json, 1) << "\nexpected " << what;
  }
  const std::string deep = R"({"type":2,"x":)" + std::string(70, '[');
  EXPECT_EQ(read_all(deep), "tar-split JSON, byte 79: values nested too deep");
}

TEST(SplitReader, EveryTruncationIsAnErrorOrWholeEntries) {
  const std::string json = read_test_file(test_files("", ".json").front());
  const std::string whole = read_all(json);
  for (size_t length = 0; length < json.size(); length += 1 + length / 500) {
    const std::string got = read_all(std::string_view(json).substr(0, length));
    const bool border = length == 0 || json[length - 1] == '\n' || json[length] == '\n';
    if (border) {
      EXPECT_EQ(got, whole.substr(0, got.size())) << length;
    } else {
      EXPECT_TRUE(got.starts_with("tar-split JSON, byte")) << length << " " << got;
    }
  }
}

}  // namespace
}  // namespace strata::tar
