// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include "store/layer_hold.h"
#include "store/list_images.h"
#include "store/resolve.h"
#include "store/test_store.h"

namespace strata::store {
namespace {

Result<Store> open_store(const std::string& root, Access access, bool create = false,
                         const std::string& driver = "") {
  return Store::open(
      {.root = root, .driver = driver, .access = access, .create = create, .on_step = {}});
}

TEST(Store, NewRootIsLaidOutAsDockerdDoes) {
  TempRoot root;
  Store store = root.writer();
  // FORMATS sections 1.1 and 1.2.
  for (auto [path, mode] :
       std::vector<std::pair<std::string, mode_t>>{{".", 0710},
                                                   {"image", 0700},
                                                   {"image/overlay2", 0700},
                                                   {"image/overlay2/imagedb/content/sha256", 0700},
                                                   {"image/overlay2/imagedb/metadata/sha256", 0700},
                                                   {"image/overlay2/layerdb", 0700},
                                                   {"image/overlay2/layerdb/sha256", 0755},
                                                   {"image/overlay2/layerdb/tmp", 0755},
                                                   {"image/overlay2/layerdb/mounts", 0755},
                                                   {"image/overlay2/repositories.json", 0600},
                                                   {"overlay2", 0710},
                                                   {"overlay2/l", 0700},
                                                   {"volumes", 0701},
                                                   {"volumes/metadata.db", 0600}}) {
    EXPECT_EQ(must(lstat_at(store.root(), path)).st_mode & 07777, mode) << path;
  }
  EXPECT_EQ(must(read_file_at(store.root(), "image/overlay2/repositories.json")),
            R"({"Repositories":{}})");
  EXPECT_EQ(must(lstat_at(store.root(), "volumes/metadata.db")).st_size, 0);
}

TEST(Store, ReadingChangesNothing) {
  TempRoot root;
  must(mkdir_at(Fd(), root.path(), 0755));
  Store store = must(open_store(root.path(), Access::kRead));
  Pool pool(1);
  EXPECT_TRUE(must(list_images(store, pool)).rows.empty());
  EXPECT_TRUE(must(store.layers().list()).empty());
  EXPECT_TRUE(must(store.containers()).empty());
  EXPECT_EQ(must(store.references()).to_json(), R"({"Repositories":{}})");
  EXPECT_FALSE(resolve(store, "x").ok());
  EXPECT_TRUE(tree_of(store, ".").empty());
  EXPECT_EQ(store.begin().error().code(), ErrorCode::kPermission);
}

TEST(Store, RootThatIsNotThereIsAnError) {
  TempRoot root;
  Result<Store> store = open_store(root.path(), Access::kRead);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store.error().message(),
            "no image store at " + root.path() + ": the folder does not exist");
  EXPECT_EQ(open_store(root.path(), Access::kWrite).error().code(), ErrorCode::kNotFound);
}

TEST(Store, RunningDockerdKeepsWritersOutAndReadersIn) {
  TempRoot root;
  { Store store = root.writer(); }
  Fd file = must(open_path(root.path() + "/volumes/metadata.db", O_RDWR));
  FileLock daemon = must(FileLock::acquire(std::move(file), FileLock::Mode::kExclusive));
  Result<Store> writer = open_store(root.path(), Access::kWrite);
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().code(), ErrorCode::kBusy);
  EXPECT_NE(writer.error().message().find("a dockerd is running on this root"), std::string::npos);
  EXPECT_TRUE(open_store(root.path(), Access::kRead).ok());
}

TEST(Store, WritersWorkSideBySideAndKeepDockerdOut) {
  TempRoot root;
  Store one = root.writer();
  Store two = root.writer();
  Fd file = must(open_path(root.path() + "/volumes/metadata.db", O_RDWR));
  EXPECT_FALSE(
      must(FileLock::try_acquire(std::move(file), FileLock::Mode::kExclusive)).has_value());
}

TEST(Store, FindsTheDriverOfTheRoot) {
  TempRoot root;
  { Store store = root.writer({}, "vfs"); }
  EXPECT_EQ(root.reader().driver().name(), "vfs");
  { Store store = root.writer({}, "overlay2"); }
  EXPECT_EQ(root.reader().driver().name(), "overlay2");
  Result<Store> unknown = open_store(root.path(), Access::kRead, false, "btrfs");
  EXPECT_EQ(unknown.error().code(), ErrorCode::kUnsupported);
}

TEST(Store, RefusesARootOfAnotherDriver) {
  TempRoot root;
  must(ensure_dirs_at(Fd(), root.path() + "/image/btrfs", 0700));
  Result<Store> store = open_store(root.path(), Access::kRead);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code(), ErrorCode::kUnsupported);
}

TEST(Store, ConfigThatIsNotItsNameIsCorrupt) {
  TempRoot root;
  Store store = root.writer();
  Transaction txn = must(store.begin());
  add_test_layer(txn, nullptr, "base");
  std::string config = test_config({"base"});
  ImageId image = must(txn.add_image(config));
  must(txn.commit());
  must(write_file_at(store.root(), store.images().content_path(image.hex()), config + " ", 0600));
  Result<std::string> read = store.images().read_config(image);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(read.error().message(),
            fmt::format("image {}: the config's digest is {}, expected {}", image.short_hex(),
                        Digest::of(config + " "), image));
  Pool pool(2);
  ImageList list = must(list_images(store, pool));
  EXPECT_TRUE(list.rows.empty());
  EXPECT_EQ(list.skipped, std::vector<std::string>{read.error().message()});

  // Adding it again mends it.
  Transaction again = must(store.begin());
  must(again.add_image(config));
  must(again.commit());
  EXPECT_EQ(must(store.images().read_config(image)), config);
}

TEST(Store, LayerWithoutFilesIsLoadedAgain) {
  TempRoot root;
  Store store = root.writer();
  auto load = [&] {
    Transaction txn = must(store.begin());
    ChainId base = add_test_layer(txn, nullptr, "base");
    must(txn.commit());
    return base;
  };
  ChainId base = load();
  must(remove_tree_at(store.root(), "overlay2/" + must(store.layers().read(base)).cache.name()));
  EXPECT_FALSE(must(store.has_layer(base)));
  EXPECT_EQ(must(store.count_present({&base, 1})), 0u);
  load();
  EXPECT_TRUE(must(store.has_layer(base)));
  EXPECT_EQ(must(list_dir_at(store.root(), "overlay2/l")).size(), 1u);
}

TEST(Store, LayerDepthHasDockersLimit) {
  TempRoot root;
  Store store = root.writer();
  Transaction txn = must(store.begin());
  ChainId top = add_test_layer(txn, nullptr, "0");
  for (size_t i = 1; i < driver::kMaxLayers; ++i)
    top = add_test_layer(txn, &top, fmt::format("{}", i));
  must(txn.commit());
  Transaction more = must(store.begin());
  StagedLayer staged = must(more.stage_layer());
  must(write_file_at(staged.metadata, "tar-split.json.gz", "", 0644));
  Result<ChainId> added = more.add_layer(std::move(staged), &top, diff_named("one too many"), 0);
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().message(), "max depth exceeded");
}

class Removal : public ::testing::Test {
 protected:
  Removal() : store_(root_.writer()) {
    Transaction txn = must(store_.begin());
    base_ = add_test_layer(txn, nullptr, "base");
    middle_ = add_test_layer(txn, &base_, "middle");
    top_ = add_test_layer(txn, &middle_, "top");
    other_ = add_test_layer(txn, &base_, "other");
    must(txn.commit());
  }
  std::vector<ChainId> release(const ChainId& chain) { return must(release_layers(store_, chain)); }

  TempRoot root_;
  Store store_;
  ChainId base_, middle_, top_, other_;
};

TEST_F(Removal, GoesDownToTheFirstLayerThatIsUsed) {
  EXPECT_EQ(release(top_), (std::vector<ChainId>{top_, middle_}));
  EXPECT_EQ(release(base_), std::vector<ChainId>());
  EXPECT_EQ(release(other_), (std::vector<ChainId>{other_, base_}));
  EXPECT_TRUE(must(store_.driver().list()).empty());
  EXPECT_TRUE(must(list_dir_at(store_.root(), "overlay2/l")).empty());
  EXPECT_TRUE(must(list_dir_at(store_.root(), "strata/staging")).empty());
}

TEST_F(Removal, SeveralTopsAreDecidedTogether) {
  std::vector<ChainId> tops = {other_, top_};
  EXPECT_EQ(must(release_layers(store_, tops)),
            (std::vector<std::vector<ChainId>>{{other_}, {top_, middle_, base_}}));
}

TEST_F(Removal, KeepsWhatAnImageHas) {
  Transaction txn = must(store_.begin());
  must(txn.add_image(test_config({"base", "middle"})));
  must(txn.commit());
  EXPECT_EQ(release(top_), std::vector<ChainId>{top_});
}

TEST_F(Removal, KeepsWhatAContainerHas) {
  std::string mount = "image/overlay2/layerdb/mounts/c1";
  must(mkdir_at(store_.root(), mount, 0755));
  must(write_file_at(store_.root(), mount + "/parent", top_.to_string(), 0644));
  EXPECT_EQ(release(top_), std::vector<ChainId>());
}

TEST_F(Removal, KeepsWhatATransactionHoldsAndNoLonger) {
  {
    Transaction txn = must(store_.begin());
    must(txn.hold_layers({&middle_, 1}));
    EXPECT_EQ(release(top_), std::vector<ChainId>{top_});
    EXPECT_EQ(release(middle_), std::vector<ChainId>());
  }
  EXPECT_EQ(release(middle_), std::vector<ChainId>{middle_});
}

TEST_F(Removal, WhatATransactionHeldGoesWithTheNextWriter) {
  {
    Transaction txn = must(store_.begin());
    must(txn.hold_layers({&middle_, 1}));
    EXPECT_EQ(release(top_), std::vector<ChainId>{top_});
    Store meanwhile = root_.writer();
    EXPECT_TRUE(must(meanwhile.has_layer(middle_)));
  }
  Store next = root_.writer();
  EXPECT_FALSE(must(next.has_layer(middle_)));
  EXPECT_TRUE(must(next.has_layer(base_)));
  EXPECT_TRUE(must(list_dir_at(next.root(), "strata/staging")).empty());
}

TEST_F(Removal, WhatIsReadGoesWithTheNextWriter) {
  {
    LayerHold first = must(LayerHold::take(store_, top_));
    LayerHold second = must(LayerHold::take(store_, top_));
    EXPECT_EQ(release(top_), std::vector<ChainId>());
    { LayerHold ended = std::move(first); }
    Store meanwhile = root_.writer();
    EXPECT_TRUE(must(meanwhile.has_layer(top_)));
    EXPECT_EQ(must(list_dir_at(meanwhile.root(), "strata/staging")).size(), 2u);  // folder and lock
  }
  Store next = root_.writer();
  EXPECT_FALSE(must(next.has_layer(middle_)));
  EXPECT_TRUE(must(next.has_layer(base_)));
  EXPECT_TRUE(must(list_dir_at(next.root(), "strata/staging")).empty());
}

TEST_F(Removal, WhatIsReadStaysForWhoeverNeedsItAgain) {
  {
    LayerHold hold = must(LayerHold::take(store_, top_));
    EXPECT_EQ(release(top_), std::vector<ChainId>());
    Transaction txn = must(store_.begin());
    must(txn.add_image(test_config({"base", "middle"})));
    must(txn.commit());
  }
  Store next = root_.writer();
  EXPECT_FALSE(must(next.has_layer(top_)));
  EXPECT_TRUE(must(next.has_layer(middle_)));
  EXPECT_TRUE(must(list_dir_at(next.root(), "strata/staging")).empty());
}

TEST_F(Removal, MoreLayersThanAreLockedAtOnce) {
  std::vector<ChainId> tops = {top_};
  Transaction txn = must(store_.begin());
  for (int i = 0; i < 530; ++i) {
    tops.push_back(add_test_layer(txn, &middle_, fmt::format("many {}", i)));
  }
  must(txn.commit());
  std::vector<std::vector<ChainId>> removed = must(release_layers(store_, tops));
  ASSERT_EQ(removed.size(), tops.size());
  EXPECT_EQ(removed.front(), std::vector<ChainId>{top_});
  EXPECT_EQ(removed.back(), (std::vector<ChainId>{tops.back(), middle_}));
  EXPECT_TRUE(must(list_dir_at(store_.root(), "strata/staging")).empty());
}

TEST_F(Removal, ReadingWhatIsGoneFails) {
  EXPECT_EQ(release(other_), std::vector<ChainId>{other_});
  EXPECT_EQ(LayerHold::take(store_, other_).error().code(), ErrorCode::kNotFound);
}

TEST_F(Removal, HoldingWhatIsGoneFails) {
  ChainId gone = chain_id(nullptr, diff_named("gone"));
  Transaction txn = must(store_.begin());
  std::vector<ChainId> wanted = {other_, gone};
  Status held = txn.hold_layers(wanted);
  ASSERT_FALSE(held.ok());
  EXPECT_EQ(held.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(release(other_), std::vector<ChainId>{other_});
}

}  // namespace
}  // namespace strata::store
