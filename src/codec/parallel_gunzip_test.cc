// SPDX-License-Identifier: Apache-2.0
// The judges: libdeflate, which made the streams, and the sequential decoder (ISA-L), which says
// what the error is.
#include "codec/parallel_gunzip.h"

#include <isa-l/crc.h>
#include <libdeflate.h>

#include <thread>

#include "codec/ahead_chunk.h"
#include "codec/crc32_join.h"
#include "codec/gzip_sink.h"
#include "codec/test_support.h"

namespace strata::codec {
namespace {

// Small, so that small streams have many pieces.
constexpr GunzipSizes kTiny = {4096, 0};

std::string deflated(std::string_view content, int level) {
  std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(level), &libdeflate_free_compressor);
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), content.size()), '\0');
  out.resize(libdeflate_gzip_compress(compressor.get(), content.data(), content.size(), out.data(),
                                      out.size()));
  return out;
}

std::string random_bytes(size_t size_bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size_bytes, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string words(size_t size_bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size_bytes) {
    text += "word" + std::to_string(random() % (1 + random() % 5000)) + (random() % 9 ? " " : "\n");
  }
  return text.substr(0, size_bytes);
}

// Stretches of all kinds, as in a tar.
std::string mixture(size_t size_bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size_bytes) {
    size_t length = 1 + random() % 60000;
    switch (random() % 4) {
      case 0:
        text += random_bytes(length, random());
        break;
      case 1:
        text += words(length, random());
        break;
      case 2:
        text.append(length * 3, static_cast<char>(random() % 3));
        break;
      case 3:
        text += sample(length, random());
        break;
    }
  }
  return text.substr(0, size_bytes);
}

struct Kind {
  const char* name;
  std::string content;
};

std::vector<Kind> kinds(size_t size_bytes, unsigned seed) {
  return {{"sample", sample(size_bytes, seed)},
          {"random", random_bytes(size_bytes, seed)},
          {"words", words(size_bytes, seed)},
          {"zeros", std::string(size_bytes * 4, '\0')},
          {"mixture", mixture(size_bytes, seed)}};
}

// The content in members of `member_bytes`.
std::string in_members(std::string_view content, size_t member_bytes, int level) {
  std::string stream;
  for (size_t at = 0; at < content.size(); at += member_bytes) {
    stream += deflated(content.substr(at, member_bytes), level);
  }
  return stream;
}

class ParallelGunzip : public testing::Test {
 protected:
  Outcome inflate(std::string_view stream, const GunzipSizes& sizes = kTiny, size_t piece = 65536,
                  size_t call_bytes = 65536) {
    PieceSource from(stream, piece);
    return read_all(*make_parallel_gunzip(from, helpers_, sizes), call_bytes);
  }

  // Same content, or same error behind the same beginning.
  void expect_same_as_sequential(std::string_view stream, const std::string& what,
                                 const GunzipSizes& sizes = kTiny) {
    Outcome expected = decode(Compression::kGzip, stream);
    Outcome found = inflate(stream, sizes);
    ASSERT_EQ(found.error, expected.error) << what;
    ASSERT_EQ(found.code, expected.code) << what;
    size_t common = std::min(found.content.size(), expected.content.size());
    ASSERT_TRUE(expected.content.compare(0, common, found.content, 0, common) == 0) << what;
    if (expected.error.empty()) {
      ASSERT_EQ(found.content.size(), expected.content.size()) << what;
    }
  }

  Pool pool_{4};
  GunzipHelpers helpers_{pool_};
};

TEST_F(ParallelGunzip, GivesTheContentAtEveryLevelAndSizeOfPiece) {
  for (const Kind& kind : kinds(700'000, 1)) {
    for (int level : {0, 1, 6, 9, 12}) {
      std::string stream = deflated(kind.content, level);
      for (size_t piece : {2048u, 8192u, 65536u}) {
        Outcome outcome = inflate(stream, {piece, 0});
        ASSERT_EQ(outcome.error, "") << kind.name << " -" << level << " in " << piece;
        ASSERT_TRUE(outcome.content == kind.content) << kind.name << " -" << level;
      }
    }
  }
}

TEST_F(ParallelGunzip, GivesTheContentWithTheUsualSizes) {
  std::string content = mixture(12'000'000, 2);
  for (int level : {1, 6}) {
    Outcome outcome = inflate(deflated(content, level), {});
    EXPECT_EQ(outcome.error, "");
    EXPECT_TRUE(outcome.content == content) << level;
  }
}

TEST_F(ParallelGunzip, DoesNotDependOnTheSizesOfReads) {
  std::string content = mixture(300'000, 3);
  std::string stream = deflated(content, 6);
  for (size_t piece : {1u, 977u, 4096u}) {
    for (size_t call : {1u, 4095u, 1u << 20}) {
      EXPECT_TRUE(inflate(stream, kTiny, piece, call).content == content) << piece << " " << call;
    }
  }
}

TEST_F(ParallelGunzip, ReadsManyMembersAndTheZerosBehindThem) {
  std::mt19937 random(4);
  std::string content, stream;
  for (int i = 0; i < 60; ++i) {
    std::string part = mixture(random() % 40000, random());
    content += part;
    stream += deflated(part, 1 + static_cast<int>(random() % 9));
  }
  EXPECT_TRUE(inflate(stream).content == content);
  EXPECT_EQ(inflate(stream + std::string(100'000, '\0')).error, "");
  expect_same_as_sequential(stream + std::string(20'000, '\0') + "x", "garbage behind zeros");
  expect_same_as_sequential(stream + "garbage", "garbage");
}

TEST_F(ParallelGunzip, ReadsMembersThatEndWithinAPiece) {
  for (const Kind& kind : kinds(400'000, 22)) {
    for (size_t member_bytes : {3'000u, 30'000u, 100'000u}) {
      std::string stream = in_members(kind.content, member_bytes, 6);
      for (size_t piece : {4096u, 32'768u}) {
        Outcome outcome = inflate(stream, {piece, 0});
        ASSERT_EQ(outcome.error, "") << kind.name << " " << member_bytes;
        ASSERT_TRUE(outcome.content == kind.content) << kind.name << " " << member_bytes;
      }
    }
  }
}

TEST_F(ParallelGunzip, ReadsTheFilesOfTheRealPrograms) {
  for (const char* folder : {"good", "bad"}) {
    for (const std::string& name : data_files(folder)) {
      if (!name.ends_with(".gz")) continue;
      std::string file = data_file(std::string(folder) + "/" + name);
      expect_same_as_sequential(file, name, {2048, 0});
      expect_same_as_sequential(file, name, {});
    }
  }
}

TEST_F(ParallelGunzip, ReportsTruncationsAsTheSequentialDecoder) {
  std::mt19937 random(5);
  for (const Kind& kind : kinds(120'000, 6)) {
    for (int level : {0, 1, 6}) {
      std::string stream = deflated(kind.content, level) + deflated(kind.content, level);
      for (int i = 0; i < 12; ++i) {
        size_t size = i < 4 ? stream.size() - static_cast<size_t>(i) * 4 : random() % stream.size();
        expect_same_as_sequential(std::string_view(stream).substr(0, size),
                                  fmt::format("{} -{} cut at {}", kind.name, level, size));
      }
    }
  }
}

TEST_F(ParallelGunzip, ReportsDamageAsTheSequentialDecoder) {
  std::mt19937 random(7);
  for (const Kind& kind : kinds(120'000, 8)) {
    for (int level : {0, 1, 6}) {
      std::string stream = deflated(kind.content, level);
      for (int i = 0; i < 25; ++i) {
        std::string damaged = stream;
        size_t at = random() % stream.size();
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
        expect_same_as_sequential(damaged,
                                  fmt::format("{} -{} damaged at {}", kind.name, level, at));
      }
    }
  }
}

TEST_F(ParallelGunzip, ReportsDamageInAnyOfManyMembers) {
  std::mt19937 random(23);
  std::string content = words(400'000, 24);
  for (size_t member_bytes : {10'000u, 70'000u}) {
    std::string stream = in_members(content, member_bytes, 6);
    for (int i = 0; i < 60; ++i) {
      std::string damaged = stream;
      size_t at = random() % stream.size();
      // Every other time in or near a trailer or a header.
      if (i % 2 == 0) at = stream.find("\x1f\x8b\x08", at) + 4 - random() % 12;
      if (at >= stream.size()) continue;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
      expect_same_as_sequential(damaged, fmt::format("damaged at {}", at), {16'384, 0});
    }
  }
}

// Deflate data inside of stored blocks look like blocks and are none.
TEST_F(ParallelGunzip, IsNotMisledByStreamsWithinTheStream) {
  std::string inner = deflated(words(400'000, 9), 6) + deflated(random_bytes(100'000, 10), 0);
  for (int level : {0, 1, 9}) {
    std::string content = inner + deflated(inner, level) + words(50'000, 11) + inner;
    EXPECT_TRUE(inflate(deflated(content, level)).content == content) << level;
  }
}

TEST_F(ParallelGunzip, PassesTheErrorOfItsSourceOn) {
  std::string content = words(500'000, 12);
  std::string stream = deflated(content, 6);
  for (size_t size : {stream.size() / 2, stream.size()}) {
    FailingSource from(std::string_view(stream).substr(0, size));
    Outcome outcome = read_all(*make_parallel_gunzip(from, helpers_, kTiny));
    EXPECT_EQ(outcome.error, "the disk is gone");
    EXPECT_TRUE(content.starts_with(outcome.content));
    EXPECT_GT(outcome.content.size(), content.size() / 3);
  }
}

TEST_F(ParallelGunzip, RepeatsItsError) {
  std::string stream = deflated(words(300'000, 13), 6);
  stream[stream.size() - 6] ^= 1;
  SpanSource from(as_bytes(stream));
  auto source = make_parallel_gunzip(from, helpers_, kTiny);
  std::string first = read_all(*source).error;
  EXPECT_TRUE(first.starts_with("gzip: content of the member at byte 0: expected CRC-32")) << first;
  EXPECT_EQ(read_all(*source).error, first);
}

TEST_F(ParallelGunzip, CanBeDroppedAtAnyTime) {
  std::string content = mixture(600'000, 14);
  std::string stream = deflated(content, 6);
  for (size_t read_bytes : {1u, 50'000u, 300'000u, 599'999u}) {
    SpanSource from(as_bytes(stream));
    auto source = make_parallel_gunzip(from, helpers_, kTiny);
    std::string part(read_bytes, '\0');
    auto got = read_full(*source, {reinterpret_cast<std::byte*>(part.data()), part.size()});
    ASSERT_TRUE(got.ok());
    EXPECT_TRUE(content.starts_with(part));
  }
  // All memory has come back: as much as ever can be had.
  std::vector<std::unique_ptr<AheadBuffers>> all;
  while (auto buffers = helpers_.try_take()) all.push_back(std::move(buffers));
  EXPECT_EQ(all.size(), GunzipHelpers::kMaxAhead);
}

TEST_F(ParallelGunzip, GoesOnWithoutMemoryForOthers) {
  std::vector<std::unique_ptr<AheadBuffers>> all;
  while (auto buffers = helpers_.try_take()) all.push_back(std::move(buffers));
  std::string content = mixture(400'000, 15);
  EXPECT_TRUE(inflate(deflated(content, 6)).content == content);
}

TEST_F(ParallelGunzip, TakesNoMoreMemoryThanItMay) {
  GunzipHelpers one(pool_, 1);
  auto buffers = one.try_take();
  EXPECT_TRUE(buffers);
  EXPECT_FALSE(one.try_take());
  one.give_back(std::move(buffers));
  EXPECT_TRUE(one.try_take());
  static_assert(AheadBuffers::kOutputBytes + sizeof(SymbolTable) + sizeof(Inflater) +
                    3 * kWindowBytes <
                GunzipHelpers::kBuffersBytes);
}

TEST_F(ParallelGunzip, SharesItsHelpersAmongStreams) {
  std::vector<Kind> all = kinds(400'000, 16);
  std::vector<char> good(all.size(), 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < all.size(); ++i) {
    threads.emplace_back([&, i] {
      std::string stream = deflated(all[i].content, 6);
      good[i] = inflate(stream).content == all[i].content;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(good[i]) << all[i].name;
}

TEST_F(ParallelGunzip, WorksWithASingleWorker) {
  Pool one(1);
  GunzipHelpers helpers(one);
  std::string content = words(300'000, 17);
  std::string stream = deflated(content, 6);
  SpanSource from(as_bytes(stream));
  EXPECT_TRUE(read_all(*make_parallel_gunzip(from, helpers, kTiny)).content == content);
}

TEST_F(ParallelGunzip, IsFoundByOpenDecompressed) {
  std::string content = words(300'000, 18);
  for (const std::string& stream : {deflated(content, 6), content}) {
    SpanSource from(as_bytes(stream));
    auto source = open_decompressed(from, helpers_);
    ASSERT_TRUE(source.ok());
    EXPECT_TRUE(read_all(**source).content == content);
  }
}

TEST(JoinCrc32, EqualsTheCrcOfTheWhole) {
  std::string bytes = random_bytes(100'000, 19);
  auto crc = [](std::string_view text) {
    return crc32_gzip_refl(0, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  std::string_view all = bytes;
  for (size_t cut : {0u, 1u, 7u, 4096u, 65535u, 99'999u, 100'000u}) {
    EXPECT_EQ(join_crc32(crc(all.substr(0, cut)), crc(all.substr(cut)), all.size() - cut), crc(all))
        << cut;
  }
  EXPECT_EQ(crc("123456789"), 0xcbf43926u);  // the check value that all tables of CRCs give
}

TEST(Resolve, PutsTheBytesOfTheWindowInPlace) {
  auto table = std::make_unique<SymbolTable>();
  make_symbol_table(*table);
  std::string window = random_bytes(kWindowBytes, 20);
  std::copy(window.begin(), window.end(), table->begin() + kMarker);
  std::mt19937 random(21);
  std::vector<uint16_t> symbols(10'001);
  std::string expected;
  for (size_t i = 0; i < symbols.size(); ++i) {
    bool marker = i / 500 % 2 == 0 && random() % 2 == 0;
    symbols[i] = static_cast<uint16_t>(marker ? kMarker + random() % kWindowBytes : random() % 256);
    expected += marker ? window[symbols[i] - kMarker] : static_cast<char>(symbols[i]);
  }
  EXPECT_FALSE(all_bytes(symbols));
  EXPECT_TRUE(all_bytes(std::span(symbols).subspan(9500)));
  auto* in_place = reinterpret_cast<uint8_t*>(symbols.data());
  resolve(symbols, *table, in_place);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), reinterpret_cast<char*>(in_place)));
}

}  // namespace
}  // namespace strata::codec
