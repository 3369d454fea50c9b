// SPDX-License-Identifier: Apache-2.0
// What the store's tests share: a root that goes away with the test, and verbs on it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "base/test_support.h"
#include "driver/split_recorder.h"
#include "store/remove_layers.h"
#include "store/store.h"
#include "store/transaction.h"

namespace strata::store {

class TempRoot {
 public:
  TempRoot() {
    std::string pattern = ::testing::TempDir() + "/strata-store-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    EXPECT_FALSE(folder_.empty());
  }
  ~TempRoot() { EXPECT_TRUE(remove_tree_at(Fd(), folder_).ok()); }
  TempRoot(const TempRoot&) = delete;

  const std::string& folder() const { return folder_; }
  std::string path() const { return folder_ + "/root"; }

  Store writer(std::function<void(std::string_view)> on_step = {},
               const std::string& driver = "") const {
    Result<Store> store = Store::open({.root = path(),
                                       .driver = driver,
                                       .access = Access::kWrite,
                                       .create = true,
                                       .on_step = on_step});
    if (!store.ok()) ADD_FAILURE() << store.error().message();
    return std::move(store).value();
  }
  Store reader() const {
    Result<Store> store = Store::open(
        {.root = path(), .driver = "", .access = Access::kRead, .create = false, .on_step = {}});
    if (!store.ok()) ADD_FAILURE() << store.error().message();
    return std::move(store).value();
  }

 private:
  std::string folder_;
};

inline DiffId diff_named(std::string_view name) { return DiffId(Digest::of(name)); }

// A layer with one file `name` that holds `name`; its record is sound, its diffID made up.
inline ChainId add_test_layer(Transaction& txn, const ChainId* parent, const std::string& name) {
  StagedLayer staged = must(txn.stage_layer());
  must(write_file_at(staged.diff, name, name, 0644));
  driver::SplitRecorder split;
  must(split.begin(staged.metadata));
  split.file(name, name.size(), {});
  must(must(split.finish()).close());
  return must(txn.add_layer(std::move(staged), parent, diff_named(name), name.size()));
}

// A config over layers that add_test_layer made of these names.
inline std::string test_config(const std::vector<std::string>& layers,
                               std::string_view comment = "") {
  std::string diffs;
  for (const std::string& name : layers) {
    diffs += fmt::format("{}\"{}\"", diffs.empty() ? "" : ",", diff_named(name));
  }
  return fmt::format(
      R"({{"architecture":"amd64","comment":"{}","config":{{}},"created":"2024-01-01T00:00:00Z",)"
      R"("os":"linux","rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
      comment, diffs);
}

// Every path below `path` of the root, sorted: to tell what an operation left.
std::vector<std::string> tree_of(const Store& store, const std::string& path);

}  // namespace strata::store
