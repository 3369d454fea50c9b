// SPDX-License-Identifier: Apache-2.0
#include "store/transaction.h"

#include <sys/stat.h>

#include "store/parts.h"
#include "store/test_store.h"

namespace strata::store {
namespace {

struct Loaded {
  ChainId base, top;
  ImageId image;
};

Loaded load_two_layers(Store& store, const std::string& key,
                       std::vector<MovedReference>* moved = nullptr,
                       const std::string& comment = "") {
  Transaction txn = must(store.begin());
  Loaded loaded;
  loaded.base = add_test_layer(txn, nullptr, "base");
  loaded.top = add_test_layer(txn, &loaded.base, "top");
  loaded.image = must(txn.add_image(test_config({"base", "top"}, comment)));
  if (!key.empty()) must(txn.set_reference(key, loaded.image));
  must(txn.commit());
  if (moved != nullptr) *moved = txn.moved();
  return loaded;
}

mode_t mode_of(const Store& store, const std::string& path) {
  return must(lstat_at(store.root(), path)).st_mode & 07777;
}

TEST(Transaction, PublishesWhatDockerdExpects) {
  TempRoot root;
  Store store = root.writer();
  Loaded loaded = load_two_layers(store, "a/b:1");

  std::string record = "image/overlay2/layerdb/sha256/" + loaded.top.hex();
  EXPECT_EQ(must(read_file_at(store.root(), record + "/diff")), diff_named("top").to_string());
  EXPECT_EQ(must(read_file_at(store.root(), record + "/parent")), loaded.base.to_string());
  EXPECT_EQ(must(read_file_at(store.root(), record + "/size")), "3");
  EXPECT_EQ(mode_of(store, record), 0700u);
  EXPECT_EQ(mode_of(store, record + "/size"), 0644u);
  EXPECT_FALSE(must(
      exists_at(store.root(), "image/overlay2/layerdb/sha256/" + loaded.base.hex() + "/parent")));

  std::string top = "overlay2/" + must(read_file_at(store.root(), record + "/cache-id"));
  std::string base = "overlay2/" + must(store.layers().read(loaded.base)).cache.name();
  std::string base_link = must(read_file_at(store.root(), base + "/link"));
  EXPECT_EQ(base_link.size(), 26u);
  EXPECT_EQ(must(read_file_at(store.root(), top + "/lower")), "l/" + base_link);
  EXPECT_EQ(must(readlink_at(store.root(), "overlay2/l/" + base_link)),
            "../" + base.substr(9) + "/diff");
  EXPECT_EQ(must(read_file_at(store.root(), top + "/diff/top")), "top");
  EXPECT_EQ(mode_of(store, top), 0710u);
  EXPECT_EQ(mode_of(store, top + "/diff"), 0755u);
  EXPECT_EQ(mode_of(store, top + "/work"), 0700u);
  EXPECT_EQ(mode_of(store, top + "/link"), 0644u);
  EXPECT_EQ(mode_of(store, top + "/committed"), 0600u);
  EXPECT_FALSE(must(exists_at(store.root(), base + "/lower")));
  EXPECT_FALSE(must(exists_at(store.root(), base + "/work")));

  EXPECT_EQ(must(read_file_at(store.root(), "image/overlay2/repositories.json")),
            R"({"Repositories":{"a/b":{"a/b:1":")" + loaded.image.to_string() + R"("}}})");
  EXPECT_EQ(mode_of(store, "image/overlay2/imagedb/content/sha256/" + loaded.image.hex()), 0600u);
  EXPECT_EQ(must(store.images().read_config(loaded.image)), test_config({"base", "top"}));
}

TEST(Transaction, LeavesNothingBehind) {
  TempRoot root;
  Store store = root.writer();
  must(lock_layers(store.root(), FileLock::Mode::kShared));  // makes the file, which stays
  std::vector<std::string> before = tree_of(store, ".");
  {
    Transaction txn = must(store.begin());
    ChainId base = add_test_layer(txn, nullptr, "base");
    EXPECT_FALSE(must(store.has_layer(base)));
  }
  EXPECT_EQ(tree_of(store, "."), before);
  load_two_layers(store, "a:1");
  EXPECT_EQ(tree_of(store, "strata/staging"), std::vector<std::string>());
}

TEST(Transaction, ReportsMovedReferences) {
  TempRoot root;
  Store store = root.writer();
  std::vector<MovedReference> moved;
  Loaded first = load_two_layers(store, "a:1", &moved);
  EXPECT_TRUE(moved.empty());
  Loaded second = load_two_layers(store, "a:1", &moved, "other");
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0].key, "a:1");
  EXPECT_EQ(moved[0].from, first.image);
  EXPECT_EQ(moved[0].to, second.image);
  EXPECT_TRUE(must(store.images().exists(first.image)));
}

TEST(Transaction, StoresALayerOnce) {
  TempRoot root;
  Store store = root.writer();
  Loaded first = load_two_layers(store, "a:1");
  std::vector<CacheId> before = must(store.driver().list());
  load_two_layers(store, "b:1");
  EXPECT_EQ(must(store.driver().list()), before);
  EXPECT_EQ(before.size(), 2u);
  EXPECT_TRUE(must(store.has_layer(first.top)));
}

TEST(Transaction, WinnerOfARaceIsKeptAndBuiltUpon) {
  TempRoot root;
  Store store = root.writer();
  Transaction slow = must(store.begin());
  ChainId base = add_test_layer(slow, nullptr, "base");
  ChainId third = add_test_layer(slow, &base, "third");
  load_two_layers(store, "quick:1");
  must(slow.commit());
  Layer winner = must(store.layers().read(base));
  EXPECT_EQ(must(store.driver().list()).size(), 3u);
  std::string link = must(read_file_at(store.root(), "overlay2/" + winner.cache.name() + "/link"));
  Layer upper = must(store.layers().read(third));
  EXPECT_EQ(must(read_file_at(store.root(), "overlay2/" + upper.cache.name() + "/lower")),
            "l/" + link);
}

}  // namespace
}  // namespace strata::store
