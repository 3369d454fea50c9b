// SPDX-License-Identifier: Apache-2.0
#include "build/sum_cache.h"

#include "build/build_test_folder.h"

namespace strata::build {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr char kCacheFolder[] = "strata/context-sums";

class SumCacheTest : public testing::Test {
 protected:
  std::unique_ptr<SumCache> open() { return SumCache::open(root_.top(), root_.info(".")); }
  static SumCache::Key key(uint64_t number) {
    return {1, number, 100, 5 * kSecond + 1, 5 * kSecond + 1, number * 7};
  }
  static Digest digest(uint64_t number) { return Digest::of(fmt::format("{}", number)); }
  void fill(uint64_t first, uint64_t end) {
    std::unique_ptr<SumCache> cache = open();
    for (uint64_t i = first; i < end; ++i) cache->add(key(i), 10 * kSecond, digest(i));
    EXPECT_TRUE(cache->save().ok());
  }
  std::string file() {
    for (const std::string& path : root_.all(kCacheFolder)) {
      if (!path.ends_with("/lock")) return path;
    }
    return "";
  }

  TestFolder root_;
};

TEST_F(SumCacheTest, GivesBackWhatWasAdded) {
  fill(0, 1000);
  std::unique_ptr<SumCache> cache = open();
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(cache->look_up(key(i)), digest(i));
  EXPECT_EQ(cache->look_up(key(1000)), std::nullopt);
}

TEST_F(SumCacheTest, EveryFieldOfTheKeyCounts) {
  fill(1, 2);
  std::unique_ptr<SumCache> cache = open();
  for (uint64_t SumCache::Key::*field : {&SumCache::Key::device, &SumCache::Key::inode,
                                         &SumCache::Key::size_bytes, &SumCache::Key::header}) {
    SumCache::Key other = key(1);
    other.*field += 1;
    EXPECT_EQ(cache->look_up(other), std::nullopt);
  }
  for (int64_t SumCache::Key::*field : {&SumCache::Key::mtime_ns, &SumCache::Key::ctime_ns}) {
    SumCache::Key other = key(1);
    other.*field += 1;
    EXPECT_EQ(cache->look_up(other), std::nullopt);
  }
}

TEST_F(SumCacheTest, FileThatMayChangeWithoutANewTimeIsNotKept) {
  std::unique_ptr<SumCache> cache = open();
  cache->add(key(1), 5 * kSecond + 2, digest(1));        // within a tick
  cache->add(key(2), 5 * kSecond - kSecond, digest(2));  // from the future
  SumCache::Key whole = key(3);
  whole.mtime_ns = whole.ctime_ns = 5 * kSecond;  // a file system that keeps no more
  cache->add(whole, 6 * kSecond, digest(3));
  EXPECT_TRUE(cache->save().ok());
  EXPECT_FALSE(root_.has(kCacheFolder));
}

TEST_F(SumCacheTest, EveryTruncationCountsAsEmpty) {
  fill(0, 3);
  const std::string path = file();
  const std::string whole = root_.text(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    root_.file(path, whole.substr(0, size));
    EXPECT_EQ(open()->look_up(key(1)), std::nullopt) << size;
  }
  root_.file(path, whole);
  EXPECT_EQ(open()->look_up(key(1)), digest(1));
}

TEST_F(SumCacheTest, EveryFlippedByteCountsAsEmpty) {
  fill(0, 3);
  const std::string path = file();
  const std::string whole = root_.text(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    root_.file(path, bad);
    EXPECT_EQ(open()->look_up(key(1)), std::nullopt) << at;
  }
}

TEST_F(SumCacheTest, WhatNobodyAsksForGoesWhenItIsTheMost) {
  fill(0, 100);
  {
    std::unique_ptr<SumCache> cache = open();
    for (uint64_t i = 0; i < 10; ++i) EXPECT_TRUE(cache->look_up(key(i)));
    cache->add(key(500), 10 * kSecond, digest(500));
    EXPECT_TRUE(cache->save().ok());
  }
  std::unique_ptr<SumCache> cache = open();
  EXPECT_TRUE(cache->look_up(key(9)));
  EXPECT_TRUE(cache->look_up(key(500)));
  EXPECT_FALSE(cache->look_up(key(50)));
}

TEST_F(SumCacheTest, OldestContextsAreForgotten) {
  fill(0, 1);
  const std::string own = file();
  for (size_t i = 0; i < SumCache::kMaxFiles + 5; ++i) {
    const std::string path = fmt::format("{}/{:032x}", kCacheFolder, i);
    root_.file(path, "old").age(path, static_cast<int64_t>(1000 + i));
  }
  fill(1, 2);
  EXPECT_EQ(root_.all(kCacheFolder).size(), SumCache::kMaxFiles + 1);  // and the lock
  EXPECT_FALSE(root_.has(fmt::format("{}/{:032x}", kCacheFolder, 0)));
  EXPECT_TRUE(root_.has(own));
}

}  // namespace
}  // namespace strata::build
