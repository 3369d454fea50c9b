// SPDX-License-Identifier: Apache-2.0
// What one library compresses, another one decompresses: FastGzipSink (ISA-L) is judged by
// libdeflate, the gzip members of libdeflate by our decoder (ISA-L). For zstd there is only
// libzstd; its one-shot decompressor at least knows nothing of our streams.
#include "codec/compress.h"

#include <libdeflate.h>
#include <zstd.h>

#include <latch>

#include "codec/gzip_sink.h"
#include "codec/test_support.h"

namespace strata::codec {
namespace {

// The content of the first gzip member of `file`, which must be the only one.
std::string gunzip_with_libdeflate(std::string_view file, size_t size_bytes) {
  std::string text(size_bytes + 1, '\0');
  libdeflate_decompressor* state = libdeflate_alloc_decompressor();
  size_t read_bytes = 0;
  size_t made_bytes = 0;
  auto outcome = libdeflate_gzip_decompress_ex(state, file.data(), file.size(), text.data(),
                                               text.size(), &read_bytes, &made_bytes);
  libdeflate_free_decompressor(state);
  EXPECT_EQ(outcome, LIBDEFLATE_SUCCESS);
  EXPECT_EQ(read_bytes, file.size());
  text.resize(made_bytes);
  return text;
}

std::string unzstd_at_once(std::string_view file, size_t size_bytes) {
  std::string text(size_bytes + 1, '\0');
  size_t made_bytes = ZSTD_decompress(text.data(), text.size(), file.data(), file.size());
  EXPECT_FALSE(ZSTD_isError(made_bytes)) << ZSTD_getErrorName(made_bytes);
  text.resize(made_bytes);
  return text;
}

Status write_in_pieces(ByteSink& sink, std::string_view text, size_t piece) {
  for (size_t at = 0; at < text.size(); at += piece) {
    STRATA_CHECK(sink.write(as_bytes(text.substr(at, piece))));
  }
  return sink.finish();
}

std::string fast_gzip(std::string_view text, size_t piece = 1 << 20, ByteSpan extra = {}) {
  std::string file;
  StringSink to(file);
  FastGzipSink sink(to, extra);
  EXPECT_TRUE(write_in_pieces(sink, text, piece).ok());
  return file;
}

std::string compress(const CompressionSpec& spec, std::string_view text, unsigned jobs,
                     size_t piece = 1 << 20) {
  Pool pool(jobs);
  std::string file;
  StringSink to(file);
  auto sink = make_parallel_compressor(spec, to, pool);
  EXPECT_TRUE(sink.ok());
  EXPECT_TRUE(write_in_pieces(**sink, text, piece).ok());
  return file;
}

TEST(FastGzipSink, WritesOneMemberThatLibdeflateReads) {
  for (size_t size : {0u, 1u, 1000u, 262144u, 262145u, 3000000u}) {
    std::string text = sample(size);
    EXPECT_TRUE(gunzip_with_libdeflate(fast_gzip(text), size) == text) << size;
  }
}

TEST(FastGzipSink, WritesContentThatDoesNotCompress) {
  std::mt19937 random(7);
  std::string text(1000000, '\0');
  for (char& c : text) c = static_cast<char>(random());
  EXPECT_TRUE(gunzip_with_libdeflate(fast_gzip(text), text.size()) == text);
}

// The header of dockerd's own tar-split.json.gz: FORMATS section 4.
TEST(FastGzipSink, WritesTheHeaderThatGoWrites) {
  EXPECT_EQ(fast_gzip("x").substr(0, 10),
            std::string_view("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10));
}

TEST(FastGzipSink, PutsTheExtraFieldIntoTheHeader) {
  std::string_view extra(
      "st\x03\x00"
      "abc",
      7);
  std::string file = fast_gzip("content", 100, as_bytes(extra));
  EXPECT_EQ(file.substr(0, 12),
            std::string_view("\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x07\x00", 12));
  EXPECT_EQ(file.substr(12, 7), extra);
  EXPECT_EQ(gunzip_with_libdeflate(file, 7), "content");
}

TEST(FastGzipSink, RefusesAnExtraFieldThatDoesNotFit) {
  std::string extra(65536, 'x');
  std::string file;
  StringSink to(file);
  FastGzipSink sink(to, as_bytes(extra));
  EXPECT_EQ(sink.finish().error().message(),
            "gzip: extra field of 65536 bytes, at most 65535 are possible");
  EXPECT_EQ(gunzip_with_libdeflate(fast_gzip("x", 1, as_bytes(extra).first(65535)), 1), "x");
}

TEST(FastGzipSink, DoesNotDependOnTheSizesOfTheWrites) {
  std::string text = sample(1000000);
  std::string file = fast_gzip(text);
  for (size_t piece : {1u, 97u, 4096u, 300000u}) EXPECT_TRUE(fast_gzip(text, piece) == file);
}

TEST(FastGzipSink, PassesTheErrorsOfItsTargetOn) {
  FailingSink to(5000);
  FastGzipSink sink(to);
  EXPECT_EQ(write_in_pieces(sink, sample(1000000), 1000).error().code(), ErrorCode::kNoSpace);
}

TEST(CompressionSpec, ParsesWhatTheCommandLineTakes) {
  auto parse = [](std::string_view text) { return *parse_compression_spec(text); };
  EXPECT_EQ(parse("none"), (CompressionSpec{Compression::kNone, {}}));
  EXPECT_EQ(parse("gzip"), (CompressionSpec{Compression::kGzip, {}}));
  EXPECT_EQ(parse("gzip:9"), (CompressionSpec{Compression::kGzip, 9}));
  EXPECT_EQ(parse("zstd"), (CompressionSpec{Compression::kZstd, {}}));
  EXPECT_EQ(parse("zstd:19"), (CompressionSpec{Compression::kZstd, 19}));
}

TEST(CompressionSpec, RefusesEverythingElse) {
  for (std::string_view text :
       {"", "lz4", "GZIP", "gzip:", "gzip:0", "gzip:13", "gzip:6x", "gzip: 6", "gzip:+6", "zstd:23",
        "zstd:-1", "zstd:99999999999", "none:1", "xz", ":3", "gzip:6:7"}) {
    auto spec = parse_compression_spec(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.error().code(), ErrorCode::kInvalid);
    EXPECT_EQ(spec.error().message(),
              "invalid compression \"" + std::string(text) +
                  "\": expected none, gzip, gzip:1 to gzip:12, zstd, or zstd:1 to zstd:22");
  }
}

TEST(CompressionSpec, FollowsTheSuffixOfAFile) {
  for (const char* path : {"a.tar.gz", "dir.zst/a.tgz", ".gz", "a.TAR.GZ", "a.Tgz"}) {
    EXPECT_EQ(spec_for_suffix(path), (CompressionSpec{Compression::kGzip, {}})) << path;
  }
  for (const char* path : {"a.tar.zst", "a.tzst"}) {
    EXPECT_EQ(spec_for_suffix(path), (CompressionSpec{Compression::kZstd, {}})) << path;
  }
  for (const char* path : {"", "a.tar", "gz", "a.gz.tar", "a.GZ.tar", "a.tar.gz/b"}) {
    EXPECT_EQ(spec_for_suffix(path), std::nullopt) << path;
  }
}

TEST(ParallelCompressor, RefusesKindsAndLevelsThatItCannotWrite) {
  Pool pool(1);
  std::string file;
  StringSink to(file);
  auto message = [&](CompressionSpec spec) {
    return make_parallel_compressor(spec, to, pool).error().message();
  };
  EXPECT_EQ(message(*spec_for_suffix("a.tar.xz")),
            "cannot write xz: expected one of gzip, zstd or none, which can be written");
  EXPECT_EQ(message(*spec_for_suffix("a.tbz2")),
            "cannot write bzip2: expected one of gzip, zstd or none, which can be written");
  EXPECT_EQ(message({Compression::kGzip, 13}),
            "invalid compression level 13: expected 1 to 12 for gzip");
  EXPECT_EQ(message({Compression::kZstd, 0}),
            "invalid compression level 0: expected 1 to 22 for zstd");
}

TEST(ParallelCompressor, WritesGzipThatOurDecoderReads) {
  for (size_t size : {0u, 1u, 1048575u, 1048576u, 1048577u, 5000000u}) {
    std::string text = sample(size);
    std::string file = compress({Compression::kGzip, 1}, text, 3);
    Outcome outcome = decode(Compression::kGzip, file);
    EXPECT_EQ(outcome.error, "");
    EXPECT_TRUE(outcome.content == text) << size;
  }
}

TEST(ParallelCompressor, WritesZstdThatLibzstdReads) {
  for (size_t size : {0u, 1u, 2097152u, 2097153u, 9000000u}) {
    std::string text = sample(size);
    EXPECT_TRUE(unzstd_at_once(compress({Compression::kZstd, {}}, text, 3), size) == text) << size;
    EXPECT_TRUE(decode(Compression::kZstd, compress({Compression::kZstd, 10}, text, 2)).content ==
                text);
  }
}

TEST(ParallelCompressor, WritesTheSameWithOneJobAndWithEight) {
  std::string text = sample(20000000);
  for (CompressionSpec spec : {CompressionSpec{Compression::kGzip, 1}, {Compression::kZstd, {}}}) {
    std::string file = compress(spec, text, 1);
    EXPECT_TRUE(compress(spec, text, 8) == file);
    EXPECT_TRUE(compress(spec, text, 8, 777) == file);
    EXPECT_TRUE(compress(spec, text, 2, text.size()) == file);
  }
}

TEST(ParallelCompressor, PassesContentThroughForNone) {
  EXPECT_EQ(compress({}, "plain", 1), "plain");
}

TEST(ParallelCompressor, GoesOnWhileThePoolIsBusyWithOtherThings) {
  std::latch release(1);
  Pool pool(1);
  pool.run([&] { release.wait(); });
  std::string text = sample(8000000);
  std::string file;
  StringSink to(file);
  auto sink = make_parallel_compressor({Compression::kGzip, 1}, to, pool);
  EXPECT_TRUE(write_in_pieces(**sink, text, 100000).ok());
  release.count_down();
  EXPECT_TRUE(decode(Compression::kGzip, file).content == text);
}

TEST(ParallelCompressor, PassesTheErrorsOfItsTargetOn) {
  Pool pool(4);
  FailingSink to(1000000);
  auto sink = make_parallel_compressor({Compression::kGzip, 1}, to, pool);
  Status status = write_in_pieces(**sink, sample(10000000), 100000);
  EXPECT_EQ(status.error().message(), "the disk is full");
}

TEST(ParallelCompressor, StopsWhenThePoolIsCancelled) {
  Pool pool(2);
  std::string file;
  StringSink to(file);
  auto sink = make_parallel_compressor({Compression::kGzip, 1}, to, pool);
  pool.cancel();
  EXPECT_EQ(write_in_pieces(**sink, sample(3000000), 100000).error().code(), ErrorCode::kCancelled);
}

TEST(ParallelCompressor, MayBeDestroyedWithBlocksUnderWay) {
  Pool pool(4);
  std::string file;
  StringSink to(file);
  for (int i = 0; i < 5; ++i) {
    auto sink = make_parallel_compressor({Compression::kGzip, 9}, to, pool);
    EXPECT_TRUE((*sink)->write(as_bytes(sample(4000000))).ok());
  }
}

}  // namespace
}  // namespace strata::codec
