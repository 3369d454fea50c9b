// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "hash/crc64.h"
#include "hash/digest.h"
#include "hash/sha256.h"

namespace strata {
namespace {

// Source: FIPS 180-2, appendix B.1.
constexpr std::string_view kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, MatchesPublishedVector) { EXPECT_EQ(Digest::of("abc").hex(), kAbc); }

TEST(Sha256, BeginsAnewAfterFinish) {
  Sha256 hash;
  hash.update(as_bytes("something else"));
  EXPECT_NE(hash.finish().hex(), kAbc);
  hash.update(as_bytes("a"));
  hash.update(as_bytes("bc"));
  EXPECT_EQ(hash.finish().hex(), kAbc);
}

TEST(Digest, ParsesWhatItPrints) {
  Digest digest = Digest::of("abc");
  EXPECT_EQ(Digest::parse(digest.to_string()).value(), digest);
  EXPECT_EQ(Digest::parse_hex(digest.hex()).value(), digest);
}

TEST(Digest, RejectsOtherShapes) {
  for (std::string text :
       {std::string(), std::string("sha256:"), std::string(kAbc), "sha512:" + std::string(kAbc),
        "sha256:" + std::string(kAbc) + "0", "sha256:A" + std::string(kAbc.substr(1)),
        "sha256:" + std::string(kAbc.substr(1))}) {
    Result<Digest> digest = Digest::parse(text);
    ASSERT_FALSE(digest.ok()) << text;
    EXPECT_EQ(digest.error().code(), ErrorCode::kInvalid);
  }
}

TEST(ChainId, MatchesDockersVector) {
  DiffId a = DiffId::parse_hex(std::string(64, 'a')).value();
  DiffId b = DiffId::parse_hex(std::string(64, 'b')).value();
  ChainId base = chain_id(nullptr, a);
  EXPECT_EQ(base.hex(), a.hex());
  // Source: FORMATS section 3.
  EXPECT_EQ(chain_id(&base, b).to_string(),
            "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c");
}

TEST(CacheId, IsOnePathComponent) {
  EXPECT_TRUE(CacheId::parse("abc-init").ok());
  for (std::string_view name : std::initializer_list<std::string_view>{
           "", ".", "..", "a/b", "/", std::string_view("a\0b", 3)}) {
    EXPECT_FALSE(CacheId::parse(name).ok()) << name;
  }
  EXPECT_EQ(CacheId::random().name().size(), 64u);
  EXPECT_NE(CacheId::random(), CacheId::random());
}

TEST(Crc64, MatchesVectors) {
  // Source: FORMATS section 4 (values that dockerd wrote).
  Crc64 crc;
  EXPECT_EQ(crc.value(), 0u);
  crc.update(as_bytes("12345"));
  crc.update(as_bytes("6789"));
  EXPECT_EQ(crc.value(), 0xb90956c775a41001u);
  EXPECT_EQ(crc.big_endian()[0], 0xb9);
  EXPECT_EQ(crc.big_endian()[7], 0x01);
}

}  // namespace
}  // namespace strata
