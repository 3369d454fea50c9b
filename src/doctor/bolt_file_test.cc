// SPDX-License-Identifier: Apache-2.0
#include "doctor/bolt_file.h"

#include <cstring>

#include "store/test_store.h"

namespace strata::doctor {
namespace {

constexpr size_t kPage = 4096;

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

template <typename T>
std::string bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string page(uint64_t transaction, uint64_t pages, uint32_t page_bytes = kPage) {
  std::string meta = bytes(uint32_t{0xED0CDAED}) + bytes(uint32_t{2}) + bytes(page_bytes) +
                     bytes(uint32_t{0}) + bytes(uint64_t{3}) + bytes(uint64_t{0}) +
                     bytes(uint64_t{2}) + bytes(pages) + bytes(transaction);
  meta += bytes(fnv1a(meta));
  std::string text = std::string(16, '\0') + meta;
  text.resize(kPage);
  return text;
}

class BoltFile : public ::testing::Test {
 protected:
  std::string trouble(std::string_view text) {
    EXPECT_TRUE(write_file_at(root_, "a.db", text, 0600).ok());
    Result<std::string> found = bolt_trouble(root_, "a.db");
    return found.ok() ? *found : "error: " + found.error().message();
  }
  store::TempRoot folder_;
  const Fd root_ = open_path(folder_.folder(), O_RDONLY | O_DIRECTORY).value();
  const std::string rest_ = std::string(2 * kPage, '\0');
};

TEST_F(BoltFile, OneGoodPageIsEnough) {
  const std::string none(kPage, '\0');
  EXPECT_EQ(trouble(page(1, 4) + page(2, 4) + rest_), "");
  EXPECT_EQ(trouble(none + page(2, 4) + rest_), "");
  EXPECT_EQ(trouble(page(1, 4) + none + rest_), "");
  EXPECT_NE(trouble(none + none + rest_), "");
}

TEST_F(BoltFile, EndsNotBeforeItsPages) {
  const std::string whole = page(1, 4) + page(2, 4) + rest_;
  EXPECT_EQ(trouble(""), "");  // made anew
  for (size_t size = 1; size < whole.size(); size += 61) {
    EXPECT_NE(trouble(whole.substr(0, size)), "") << size;
  }
  EXPECT_EQ(trouble(page(3, 4) + page(2, 9) + rest_), "");  // the newer one counts
  EXPECT_NE(trouble(page(1, 4) + page(2, 9) + rest_), "");
}

// The checksum is right, so nothing else refuses it.
TEST_F(BoltFile, PagesHaveASize) {
  EXPECT_NE(trouble(page(1, 4, 0) + page(2, 4, 0) + rest_), "");
  EXPECT_EQ(trouble(page(3, 4, 0) + page(2, 4) + rest_), "");
}

TEST_F(BoltFile, EveryByteOfAHeadCounts) {
  const std::string none(kPage, '\0');
  for (size_t at = 16; at < 16 + 64; ++at) {
    std::string head = page(1, 4);
    head[at] = static_cast<char>(head[at] ^ 1);
    EXPECT_NE(trouble(head + none + rest_), "") << at;
  }
}

TEST_F(BoltFile, WhatIsNotThereOrNoFile) {
  EXPECT_EQ(*bolt_trouble(root_, "none.db"), "");
  ASSERT_TRUE(mkdir_at(root_, "b.db", 0700).ok());
  EXPECT_EQ(*bolt_trouble(root_, "b.db"), "a directory");
}

}  // namespace
}  // namespace strata::doctor
