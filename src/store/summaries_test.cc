// SPDX-License-Identifier: Apache-2.0
#include "store/summaries.h"

#include <unistd.h>

#include <array>
#include <cstring>
#include <random>
#include <thread>

#include "hash/crc64.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "store/list_images.h"
#include "store/recover.h"
#include "store/test_store.h"

namespace strata::store {
namespace {

constexpr const char* kPath = "strata/summaries";
constexpr size_t kMany = 300;  // enough to be kept

using Random = std::mt19937;

size_t below(Random& random, size_t count) {
  return std::uniform_int_distribution<size_t>(0, count - 1)(random);
}

std::string random_text(Random& random) {
  static const std::array<std::string, 6> kPieces = {"a", "ü", "\n", "\"", "\\", "0123456789"};
  std::string text;
  for (size_t i = below(random, 6); i > 0; --i) text += kPieces[below(random, kPieces.size())];
  return text;
}

std::string quoted(const std::string& text) {
  std::string out;
  oci::append_go_string(out, text);
  return out;
}

// What one list says, as a text: two lists are the same if their texts are.
std::string text_of(const ImageList& list) {
  std::string text;
  for (const ImageRow& row : list.rows) {
    text += fmt::format("{} {} {} {} {}.{}{:+} {} {} {}", row.id, row.parent.value_or(ImageId()),
                        row.has_children, row.size_bytes, row.config.created.seconds,
                        row.config.created.nanoseconds, row.config.created.offset_seconds,
                        quoted(row.config.os), quoted(row.config.architecture),
                        quoted(row.config.variant));
    for (const auto& [name, value] : row.config.labels) text += quoted(name) + "=" + quoted(value);
    for (const std::string& reference : row.references) text += " " + reference;
    for (const DiffId& diff : row.config.diff_ids) text += " " + diff.hex();
    for (const ChainId& chain : row.chains) text += " " + chain.hex();
    text += "\n";
  }
  for (const std::string& problem : list.skipped) text += problem + "\n";
  return text;
}

// A root of many images over a few layers, none of which is loaded as a real one is: configs are
// just put where they belong.
class ManyImages : public ::testing::Test {
 protected:
  ManyImages() : store_(root_.writer()) {
    Transaction txn = must(store_.begin());
    for (std::string name : {"one", "two"}) {
      ChainId parent = add_test_layer(txn, nullptr, name);
      add_test_layer(txn, &parent, name + "-top");
    }
    must(txn.commit());
  }

  ImageId add(const std::string& config) {
    ImageId image(Digest::of(config));
    must(write_file_at(store_.root(), store_.images().content_path(image.hex()), config, 0600));
    images_.push_back(image);
    return image;
  }

  // Any of what real configs hold, and some that docker would not list.
  void add_random() {
    static const std::array<std::vector<std::string>, 6> kLayers = {
        {{"one"}, {"one", "one-top"}, {"two"}, {"two", "two-top"}, {}, {"one", "not there"}}};
    static const std::array<std::string, 4> kTimes = {
        "2024-02-29T23:59:59.123456789Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.5-12:30",
        "1969-07-20T20:17:40+09:00"};
    std::string diffs, labels;
    for (const std::string& name : kLayers[below(random_, kLayers.size())]) {
      diffs += fmt::format("{}\"{}\"", diffs.empty() ? "" : ",", diff_named(name));
    }
    for (size_t i = below(random_, 4); i > 0; --i) {
      labels += fmt::format("{}{}:{}", labels.empty() ? "" : ",", quoted(random_text(random_)),
                            quoted(random_text(random_)));
    }
    const bool damaged = below(random_, 40) == 0;
    add(fmt::format(R"({{"n":{},"created":"{}","os":{},"architecture":"amd64","variant":{},)"
                    R"("config":{{"Labels":{{{}}}}},"{}":{{"type":"layers","diff_ids":[{}]}}}})",
                    ++number_, kTimes[below(random_, kTimes.size())], quoted(random_text(random_)),
                    quoted(random_text(random_)), labels, damaged ? "no-rootfs" : "rootfs", diffs));
  }
  void add_random(size_t count) {
    for (; count > 0; --count) add_random();
  }

  void remove_random(size_t count) {
    for (; count > 0; --count) {
      size_t which = below(random_, images_.size());
      must(store_.images().remove(images_[which]));
      images_[which] = images_.back();
      images_.pop_back();
    }
  }

  std::string list() {
    Pool pool(3);
    return text_of(must(list_images(store_, pool)));
  }
  std::string kept() { return must(read_file_at(store_.root(), kPath)); }
  void put(const std::string& bytes) { must(write_file_at(store_.root(), kPath, bytes, 0600)); }
  bool has_kept() { return must(exists_at(store_.root(), kPath)); }
  void forget() { must(unlink_at(store_.root(), kPath)); }
  // The list without anything kept, after which the file is as it was.
  std::string list_anew() {
    std::optional<std::string> bytes = must(read_file_if_exists_at(store_.root(), kPath));
    forget();
    std::string listed = list();
    forget();
    if (bytes) put(*bytes);
    return listed;
  }

  TempRoot root_;
  Store store_;
  Random random_{20240229};
  std::vector<ImageId> images_;
  size_t number_ = 0;
};

TEST_F(ManyImages, ListIsTheSameWithKeptSummaries) {
  add_random(kMany);
  const std::string first = list();
  ASSERT_TRUE(has_kept());
  EXPECT_EQ(Summaries::read(store_.root()).size() > kMany * 9 / 10, true);
  EXPECT_EQ(list(), first);
  EXPECT_EQ(list_anew(), first);
  EXPECT_NE(first.find("no RootFS key"), first.npos);
  EXPECT_NE(first.find("layer does not exist"), first.npos);
}

TEST_F(ManyImages, ListIsTheSameWhileImagesComeAndGo) {
  add_random(kMany);
  for (int round = 0; round < 8; ++round) {
    EXPECT_EQ(list(), list_anew()) << round;
    add_random(below(random_, 500));
    remove_random(below(random_, images_.size() / 2));
  }
}

TEST_F(ManyImages, FewImagesAreNotKept) {
  add_random(200);
  list();
  EXPECT_FALSE(has_kept());
}

TEST_F(ManyImages, SummariesOfImagesThatAreGoneAreDropped) {
  add_random(2 * kMany);
  list();
  const size_t before = Summaries::read(store_.root()).size();
  remove_random(kMany);
  list();
  EXPECT_LT(Summaries::read(store_.root()).size(), before - kMany / 2);
}

TEST_F(ManyImages, KeptSummaryOfAMissingConfigIsNotListed) {
  add_random(kMany);
  list();
  const ImageId gone = images_[7];
  must(store_.images().remove(gone));
  EXPECT_EQ(list().find(gone.to_string()), std::string::npos);
}

// As docs/store.md says: what was read once is not read again.
TEST_F(ManyImages, ConfigThatIsDamagedLaterIsStillListed) {
  add_random(kMany);
  const ImageId image = add(test_config({"one"}));
  const std::string before = list();
  must(write_file_at(store_.root(), store_.images().content_path(image.hex()), "{", 0600));
  EXPECT_EQ(list(), before);
  EXPECT_EQ(store_.images().read_config(image).error().code(), ErrorCode::kCorrupt);
  forget();
  EXPECT_NE(list(), before);
}

TEST_F(ManyImages, SummariesOfAnotherRootDoNoHarm) {
  add_random(kMany);
  list();
  const std::string foreign = kept();
  remove_random(images_.size());
  add_random(kMany);
  put(foreign);
  EXPECT_EQ(list(), list_anew());
}

TEST_F(ManyImages, DamagedFileCountsAsNoneAndIsReplaced) {
  add_random(kMany);
  const std::string expected = list();
  const std::string good = kept();
  for (std::string bad : {std::string(), std::string("{}"), good.substr(0, good.size() / 2),
                          good + "x", std::string(good.size(), '\0')}) {
    put(bad);
    EXPECT_EQ(list(), expected);
    EXPECT_EQ(kept(), good);
  }
  std::string other_version = good;
  ++other_version[8];
  put(other_version);
  EXPECT_EQ(list(), expected);
  EXPECT_EQ(kept(), good);
}

TEST_F(ManyImages, FileThatOthersMayHaveWrittenIsNotRead) {
  add_random(kMany);
  list();
  ASSERT_NE(Summaries::read(store_.root()).size(), 0u);
  const std::string path = root_.path() + "/" + kPath;
  ASSERT_EQ(::chmod(path.c_str(), 0660), 0);
  EXPECT_EQ(Summaries::read(store_.root()).size(), 0u);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_NE(Summaries::read(store_.root()).size(), 0u);
  must(rename_at(store_.root(), kPath, store_.root(), "strata/elsewhere", Existing::kKeep));
  must(symlink_at("elsewhere", store_.root(), kPath));
  EXPECT_EQ(Summaries::read(store_.root()).size(), 0u);
}

TEST_F(ManyImages, FileOfAnotherOwnerIsNotRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  add_random(kMany);
  list();
  const std::string path = root_.path() + "/" + kPath;
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  EXPECT_EQ(Summaries::read(store_.root()).size(), 0u);
  ASSERT_EQ(::chown(root_.path().c_str(), 12345, 12345), 0);
  EXPECT_NE(Summaries::read(store_.root()).size(), 0u);
}

TEST_F(ManyImages, NothingIsWrittenBesideADockerd) {
  add_random(kMany);
  store_ = root_.reader();
  Fd file = must(open_path(root_.path() + "/volumes/metadata.db", O_RDWR));
  std::optional<FileLock> daemon =
      must(FileLock::acquire(std::move(file), FileLock::Mode::kExclusive));
  const std::string expected = list();
  EXPECT_FALSE(has_kept());
  daemon.reset();
  EXPECT_EQ(list(), expected);
  EXPECT_TRUE(has_kept());
}

TEST_F(ManyImages, RootThatCannotBeWrittenIsListed) {
  add_random(kMany);
  const std::string expected = list_anew();
  must(remove_tree_at(store_.root(), "strata"));
  must(write_file_at(store_.root(), "strata", "in the way", 0600));
  EXPECT_EQ(list(), expected);
  must(unlink_at(store_.root(), "strata"));
  EXPECT_EQ(list(), expected);  // as of a root that only dockerd has written
  EXPECT_TRUE(has_kept());
}

TEST_F(ManyImages, WritersAtOnceLeaveAWholeFile) {
  add_random(kMany);
  const std::string expected = list();
  const std::string good = kept();
  auto work = [&] {
    Store store = root_.reader();
    Pool pool(2);
    for (int round = 0; round < 10; ++round) {
      EXPECT_TRUE(unlink_at(store.root(), kPath).ok());
      EXPECT_EQ(text_of(must(list_images(store, pool))), expected);
    }
  };
  std::thread other(work);
  work();
  other.join();
  list();
  EXPECT_EQ(kept(), good);
  for (const std::string& path : tree_of(store_, "strata")) {
    EXPECT_EQ(path.find(".new"), path.npos) << path;
  }
}

TEST_F(ManyImages, WhatAKilledWriterLeftIsRemovedByTheNextWriter) {
  must(write_file_at(store_.root(), "strata/summaries.new-123", "half", 0600));
  must(recover(store_.parts()));
  EXPECT_FALSE(must(exists_at(store_.root(), "strata/summaries.new-123")));
}

// A small file, for what is tried at every byte.
std::string small_file() {
  const DiffId base = diff_named("base"), top = diff_named("top");
  std::vector<oci::ConfigSummary> configs(3);
  configs[0] = {{1, 2, 3600}, "linux", "arm64", "v8", {base, top}, {{"a", "b"}, {"a", ""}}};
  configs[1] = {{}, "", "", "", {}, {}};
  configs[2] = {{1700000000, 999'999'999, -60}, "linux", "amd64", "", {base}, {{"b", "linux"}}};
  std::vector<ImageId> images;
  std::vector<std::vector<ChainId>> chains;
  std::vector<Summaries::Entry> entries;
  for (size_t i = 0; i < configs.size(); ++i) {
    std::array<uint8_t, Digest::kBytes> raw{};
    raw[0] = static_cast<uint8_t>(10 * i);
    images.push_back(ImageId(Digest(raw)));
    chains.push_back(oci::chain_ids(configs[i].diff_ids));
  }
  for (size_t i = 0; i < configs.size(); ++i) {
    entries.push_back({&images[i], &configs[i], &chains[i]});
  }
  return must(Summaries::encode(entries));
}

// All that can be asked of a file.
size_t read_all(const Summaries& file) {
  size_t found = file.chains().size();
  Summaries::Walk walk(file, ImageId());
  for (int first = 0; first < 256; ++first) {
    std::array<uint8_t, Digest::kBytes> raw{};
    raw[0] = static_cast<uint8_t>(first);
    oci::ConfigSummary config;
    std::vector<ChainId> chains;
    if (!walk.find(ImageId(Digest(raw)), config, chains)) continue;
    EXPECT_EQ(chains.size(), config.diff_ids.size());
    found += 1 + config.labels.size() + config.os.size();
  }
  return found;
}

TEST(Summaries, GiveBackWhatWasKept) {
  Summaries file = Summaries::decode(small_file());
  ASSERT_EQ(file.size(), 3u);
  std::array<uint8_t, Digest::kBytes> raw{};
  oci::ConfigSummary config;
  std::vector<ChainId> chains;
  const ImageId first{Digest(raw)};
  ASSERT_TRUE(Summaries::Walk(file, first).find(first, config, chains));
  EXPECT_EQ(config.created.seconds, 1);
  EXPECT_EQ(config.created.nanoseconds, 2);
  EXPECT_EQ(config.created.offset_seconds, 3600);
  EXPECT_EQ(config.variant, "v8");
  EXPECT_EQ(config.diff_ids, (std::vector<DiffId>{diff_named("base"), diff_named("top")}));
  EXPECT_EQ(chains, oci::chain_ids(config.diff_ids));
  EXPECT_EQ(config.labels,
            (std::vector<std::pair<std::string, std::string>>{{"a", "b"}, {"a", ""}}));
  raw[0] = 11;
  EXPECT_FALSE(Summaries::Walk(file, first).find(ImageId(Digest(raw)), config, chains));
  raw[0] = 20;
  const ImageId last{Digest(raw)};
  EXPECT_TRUE(Summaries::Walk(file, first).find(last, config, chains));
  EXPECT_TRUE(Summaries::Walk(file, last).find(last, config, chains));
  EXPECT_EQ(config.created.nanoseconds, 999'999'999);
  EXPECT_EQ(file.chains().size(), 2u);
  EXPECT_EQ(Summaries::decode(must(Summaries::encode({}))).size(), 0u);
}

TEST(Summaries, EveryTruncationCountsAsNone) {
  const std::string good = small_file();
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(Summaries::decode(good.substr(0, size)).size(), 0u) << size;
  }
}

TEST(Summaries, EveryFlippedBitCountsAsNone) {
  const std::string good = small_file();
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(Summaries::decode(bad).size(), 0u) << bit;
  }
}

// Behind the checksum every number is still checked: whatever is accepted can be read.
TEST(Summaries, DamageBehindTheChecksumStaysInBounds) {
  const std::string good = small_file();
  const size_t checked = good.size() - sizeof(uint64_t);
  size_t accepted = 0;
  for (size_t bit = 0; bit < checked * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    Crc64 crc;
    crc.update(as_bytes(std::string_view(bad).substr(0, checked)));
    const uint64_t checksum = crc.value();
    std::memcpy(bad.data() + checked, &checksum, sizeof checksum);
    Summaries file = Summaries::decode(bad);
    accepted += file.size() != 0 ? 1 : 0;
    EXPECT_LT(read_all(file), 1000u);
  }
  EXPECT_GT(accepted, 0u);  // digests and texts are what they are
}

}  // namespace
}  // namespace strata::store
