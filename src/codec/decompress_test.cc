// SPDX-License-Identifier: Apache-2.0
// The judges are files made by gzip, pigz, igzip, zlib, bzip2, xz and zstd (tests/data/codec).
#include "codec/decompress.h"

#include "codec/test_support.h"

namespace strata::codec {
namespace {

bool starts_with_word(const std::string& name, std::string_view word) {
  return name.substr(0, name.find('-')) == word;
}

TEST(DetectCompression, KnowsTheMagicBytesOfEachFormat) {
  auto detect = [](std::string_view head) { return detect_compression(as_bytes(head)); };
  EXPECT_EQ(detect("\x1f\x8b\x08"), Compression::kGzip);
  EXPECT_EQ(detect("BZh9"), Compression::kBzip2);
  EXPECT_EQ(detect(std::string_view("\xfd"
                                    "7zXZ\0",
                                    6)),
            Compression::kXz);
  EXPECT_EQ(detect("\x28\xb5\x2f\xfd"), Compression::kZstd);
  EXPECT_EQ(detect("\x50\x2a\x4d\x18"), Compression::kZstd);
  EXPECT_EQ(detect("\x5f\x2a\x4d\x18"), Compression::kZstd);
}

TEST(DetectCompression, SaysNoneForEverythingElse) {
  auto detect = [](std::string_view head) { return detect_compression(as_bytes(head)); };
  for (std::string_view head :
       {"", "\x1f\x8b", "\x1f\x8b\x07", "BZ",
        "\xfd"
        "7zXZ",
        "\x28\xb5\x2f", "\x60\x2a\x4d\x18", "\x50\x2a\x4d", "manifest.json"}) {
    EXPECT_EQ(detect(head), Compression::kNone) << head;
  }
}

TEST(PeekSource, ShowsWhatReadWillReturn) {
  PieceSource from("abcdefgh", 3);
  PeekSource source(from);
  EXPECT_EQ(as_text(*source.peek(5)), "abcde");
  EXPECT_EQ(as_text(*source.peek(2)), "ab");
  std::byte two[2];
  ASSERT_EQ(*source.read(two), 2u);
  EXPECT_EQ(as_text(two), "ab");
  EXPECT_EQ(as_text(*source.peek(4)), "cdef");
  EXPECT_EQ(read_all(source, 3).content, "cdefgh");
}

TEST(PeekSource, ShowsFewerBytesAtTheEnd) {
  PieceSource from("abc", 2);
  PeekSource source(from);
  EXPECT_EQ(as_text(*source.peek(100)), "abc");
  EXPECT_EQ(read_all(source).content, "abc");
  EXPECT_EQ(source.peek(1)->size(), 0u);
}

TEST(PeekSource, KeepsWhatItGotBeforeAnError) {
  FailingSource from("abc");
  PeekSource source(from);
  EXPECT_EQ(source.peek(2)->size(), 2u);
  EXPECT_EQ(source.peek(4).error().message(), "the disk is gone");
  EXPECT_EQ(as_text(*source.peek(2)), "ab");
}

TEST(Decompressor, ReadsWhatTheRealProgramsWrite) {
  for (const std::string& name : data_files("good")) {
    std::string file = data_file("good/" + name);
    for (size_t piece : {1u, 7u, 4096u, 65536u}) {
      Outcome outcome = decode(kind_by_suffix(name), file, piece);
      EXPECT_EQ(outcome.error, "") << name;
      EXPECT_TRUE(outcome.content == expected_content(name)) << name << " in pieces of " << piece;
    }
  }
}

TEST(Decompressor, GivesTheSameForEverySizeOfCall) {
  for (const std::string& name : data_files("good")) {
    std::string file = data_file("good/" + name);
    for (size_t call : {1u, 13u, 4096u, 1u << 20}) {
      Outcome outcome = decode(kind_by_suffix(name), file, 4096, call);
      EXPECT_TRUE(outcome.error.empty() && outcome.content == expected_content(name))
          << name << " in calls of " << call << ": " << outcome.error;
    }
  }
}

TEST(Decompressor, ReportsEveryTruncationWithItsPlace) {
  for (const std::string& name : data_files("good")) {
    if (!starts_with_word(name, "one") && !starts_with_word(name, "empty")) continue;
    Compression kind = kind_by_suffix(name);
    std::string file = data_file("good/" + name);
    for (size_t size = 0; size < file.size(); ++size) {
      Outcome outcome = decode(kind, file.substr(0, size));
      ASSERT_EQ(outcome.error,
                std::string(to_string(kind)) + ": unexpected EOF at byte " + std::to_string(size))
          << name;
      ASSERT_EQ(outcome.code, ErrorCode::kCorrupt);
      ASSERT_TRUE(expected_content(name).starts_with(outcome.content)) << name;
    }
  }
}

// Where one member ends, a file of two ends well; everywhere else it is truncated.
TEST(Decompressor, AcceptsATruncationOnlyBetweenMembers) {
  for (const char* name : {"two-gzip.gz", "two-bzip2.bz2", "two-xz.xz", "two-zstd.zst"}) {
    std::string file = data_file(std::string("good/") + name);
    for (size_t size = file.size() / 2; size < file.size(); ++size) {
      Outcome outcome = decode(kind_by_suffix(name), file.substr(0, size));
      ASSERT_EQ(outcome.error.empty(), size == file.size() / 2) << name << " at " << size;
      ASSERT_TRUE(outcome.content.starts_with(numbers()));
    }
  }
}

TEST(Decompressor, NeverGivesOtherContentWhenAByteIsFlipped) {
  for (const std::string& name : data_files("good")) {
    if (!starts_with_word(name, "one") || name == "one-zstd-jobs.zst") continue;
    std::string file = data_file("good/" + name);
    int accepted = 0;
    for (size_t at = 0; at < file.size(); ++at) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      Outcome outcome = decode(kind_by_suffix(name), damaged);
      if (!outcome.error.empty()) continue;
      ASSERT_TRUE(outcome.content == numbers()) << name << ", byte " << at;
      ++accepted;
    }
    // What nothing protects: time, name and system in a gzip header, unused bits in the others.
    EXPECT_LT(accepted, 30) << name;
  }
}

TEST(Decompressor, GivesTheExactErrorForEachBadFile) {
  int count = 0;
  for (const std::string& name : data_files("bad")) {
    if (name.ends_with(".error")) continue;
    std::string expected = data_file("bad/" + name + ".error");
    for (size_t piece : {1u, 65536u}) {
      Outcome outcome = decode(kind_by_suffix(name), data_file("bad/" + name), piece);
      EXPECT_EQ(outcome.error + "\n", expected) << name;
      bool unsupported = name.starts_with("big-") || name.starts_with("dictionary");
      EXPECT_EQ(outcome.code, unsupported ? ErrorCode::kUnsupported : ErrorCode::kCorrupt) << name;
    }
    ++count;
  }
  EXPECT_GE(count, 20);
}

TEST(Decompressor, RepeatsItsError) {
  std::string file = data_file("bad/crc.gz");
  SpanSource source(as_bytes(file));
  auto content = make_decompressor(Compression::kGzip, source);
  std::string first = read_all(*content).error;
  EXPECT_NE(first, "");
  EXPECT_EQ(read_all(*content).error, first);
}

TEST(Decompressor, StaysAtItsEnd) {
  std::string file = data_file("good/one-zstd.zst");
  SpanSource source(as_bytes(file));
  auto content = make_decompressor(Compression::kZstd, source);
  EXPECT_EQ(read_all(*content).content.size(), numbers().size());
  std::byte more[1];
  EXPECT_EQ(*content->read(more), 0u);
}

TEST(Decompressor, PassesTheErrorsOfItsSourceOn) {
  for (const std::string& name : data_files("good")) {
    std::string file = data_file("good/" + name);
    FailingSource source(std::string_view(file).substr(0, file.size() / 2));
    Outcome outcome = read_all(*make_decompressor(kind_by_suffix(name), source));
    EXPECT_EQ(outcome.error, "the disk is gone") << name;
    EXPECT_EQ(outcome.code, ErrorCode::kIo);
  }
}

TEST(Decompressor, PassesPlainContentThrough) {
  EXPECT_EQ(decode(Compression::kNone, "plain", 2).content, "plain");
  EXPECT_EQ(decode(Compression::kNone, "").error, "");
}

TEST(DecompressingSource, FindsOutWhatItReads) {
  for (const std::string& name : data_files("good")) {
    std::string file = data_file("good/" + name);
    PieceSource from(file, 5);
    auto source = DecompressingSource::open(from);
    ASSERT_TRUE(source.ok());
    EXPECT_EQ((*source)->kind(), kind_by_suffix(name)) << name;
    EXPECT_TRUE(read_all(**source).content == expected_content(name)) << name;
  }
}

TEST(DecompressingSource, TakesUnknownAndShortContentAsPlain) {
  for (std::string_view text : {"", "B", "plain text", "\x1f\x8b"}) {
    PieceSource from(text, 1);
    auto source = open_decompressed(from);
    ASSERT_TRUE(source.ok());
    EXPECT_EQ(read_all(**source).content, text);
  }
}

TEST(DecompressingSource, FailsWhenTheFirstBytesCannotBeRead) {
  FailingSource from("");
  EXPECT_EQ(open_decompressed(from).error().message(), "the disk is gone");
}

}  // namespace
}  // namespace strata::codec
