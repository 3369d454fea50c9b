// SPDX-License-Identifier: Apache-2.0
// A process is killed at each step of an operation, and again at each step of the recovery from
// that; afterwards the root must be as before the operation or as after it, with nothing over.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "store/container_layers.h"
#include "store/layer_hold.h"
#include "store/test_store.h"

namespace strata::store {
namespace {

constexpr int kKilled = 9;

// Runs `operation` in a process of its own that dies at its step number `fatal_step`. False: there
// was no such step.
bool killed_at(int fatal_step,
               const std::function<void(std::function<void(std::string_view)>)>& operation) {
  pid_t child = ::fork();
  if (child == 0) {
    int steps = 0;
    operation([&](std::string_view) {
      if (steps++ == fatal_step) ::_exit(kKilled);
    });
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kKilled);
  return WEXITSTATUS(status) == kKilled;
}

// All that can be seen of a store but random names, and complaints about what should not be there.
std::string state_of(const Store& store) {
  std::string state;
  for (const Layer& layer : must(store.layers().list())) {
    bool usable = must(store.has_layer(layer.chain));
    state += fmt::format("layer {} {}\n", layer.chain.short_hex(), usable ? "usable" : "BROKEN");
  }
  for (const ImageId& image : must(store.images().list())) {
    std::optional<ImageId> parent = must(store.images().parent(image));
    state += fmt::format("image {} parent {}\n", image.short_hex(),
                         parent ? parent->short_hex() : "none");
  }
  for (const std::string& path : tree_of(store, store.images().metadata_path(""))) {
    if (path.ends_with("/parent")) state += path + "\n";
  }
  state += must(store.references()).to_json() + "\n";
  std::vector<LayerMount> mounts = must(store.layers().mounts());
  for (const Container& container : must(store.containers())) {
    bool mounted = std::any_of(mounts.begin(), mounts.end(), [&](const LayerMount& mount) {
      return mount.container_id == container.id && !mount.init_id.empty();
    });
    state += fmt::format("container {}{}\n", container.name, mounted ? "" : " BROKEN");
  }
  state += fmt::format("{} mounts\n", mounts.size());
  bool has_links = store.driver().name() == "overlay2";
  size_t folders = must(store.driver().list()).size();
  state += fmt::format("{} folders, {} links, {} records, {} staged\n", folders,
                       has_links ? must(list_dir_at(store.root(), "overlay2/l")).size() : folders,
                       must(list_dir_at(store.root(), store.layers().path_of(""))).size(),
                       must(list_dir_at(store.root(), "strata/staging")).size());
  return state;
}

// Kills `operation` at every step, the recovery from it at every step, and looks at what a last
// recovery makes of it. `prepare` makes a root; both are called on fresh roots again and again.
void expect_before_or_after(const std::function<void(Store&)>& prepare,
                            const std::function<void(Store&)>& operation,
                            const std::function<void(const Store&, const std::string&)>& check,
                            const std::string& driver = "overlay2") {
  int killed = 0;
  for (int step = 0;; ++step) {
    bool reached = false;
    for (int recovery_step = -1;; ++recovery_step) {
      TempRoot root;
      {
        Store store = root.writer({}, driver);
        prepare(store);
      }
      reached = killed_at(step, [&](auto on_step) {
        Store store = root.writer(on_step, driver);
        operation(store);
      });
      bool again = reached && recovery_step >= 0 && killed_at(recovery_step, [&](auto on_step) {
                     Store store = root.writer(on_step, driver);
                   });
      Store store = root.writer({}, driver);
      check(store, fmt::format("killed at step {}, recovery at step {}", step, recovery_step));
      if (!reached || (recovery_step >= 0 && !again)) break;
    }
    if (!reached) break;
    ++killed;
  }
  EXPECT_GE(killed, 3);
}

void load_small(Store& store) {
  Transaction txn = must(store.begin());
  add_test_layer(txn, nullptr, "base");
  ImageId image = must(txn.add_image(test_config({"base"})));
  must(txn.set_reference("a:1", image));
  must(txn.commit());
}

void load_large(Store& store, bool tagged) {
  Transaction txn = must(store.begin());
  ChainId base = add_test_layer(txn, nullptr, "base");
  ChainId middle = add_test_layer(txn, &base, "middle");
  add_test_layer(txn, &middle, "top");
  // Grandparent, child, parent: images come in no order.
  ImageId grandparent = must(txn.add_image(test_config({"base", "middle"}, "never tagged")));
  ImageId image = must(txn.add_image(test_config({"base", "middle", "top"})));
  ImageId parent = must(txn.add_image(test_config({"base", "middle"})));
  must(txn.set_parent(image, parent));
  must(txn.set_parent(parent, grandparent));
  must(txn.add_image(test_config({"base", "middle", "top"}, "nobody's")));
  if (tagged) must(txn.set_reference("a:1", image));
  if (tagged) must(txn.set_reference("b:1", parent));
  must(txn.commit());
}

void expect_load_is_atomic(bool tagged, const std::string& driver) {
  TempRoot root;
  Store store = root.writer({}, driver);
  load_small(store);
  std::string before = state_of(store);
  load_large(store, tagged);
  std::string after = state_of(store);
  ASSERT_NE(before, after);
  int seen_before = 0;
  int seen_after = 0;
  expect_before_or_after(
      load_small, [&](Store& s) { load_large(s, tagged); },
      [&](const Store& s, const std::string& when) {
        std::string state = state_of(s);
        EXPECT_TRUE(state == before || state == after) << when << "\n" << state;
        seen_before += state == before;
        seen_after += state == after;
      },
      driver);
  EXPECT_GT(seen_before, 0);
  EXPECT_GT(seen_after, 0);
}

TEST(Crash, LoadIsAllOrNothing) { expect_load_is_atomic(true, "overlay2"); }

TEST(Crash, LoadWithoutNamesIsAllOrNothing) { expect_load_is_atomic(false, "overlay2"); }

TEST(Crash, LoadIntoVfsIsAllOrNothing) { expect_load_is_atomic(true, "vfs"); }

TEST(Crash, ReplacingADamagedLayerEndsWithASoundOneOrNone) {
  auto damage = [](Store& store) {
    load_small(store);
    ChainId base = must(store.layers().list()).at(0).chain;
    // What a power cut leaves of a file that was never synced.
    must(write_file_at(store.root(), store.layers().path_of(base.hex()) + "/cache-id", "", 0644));
  };
  expect_before_or_after(damage, load_small, [](const Store& store, const std::string& when) {
    std::string state = state_of(store);
    EXPECT_EQ(state.find("BROKEN"), std::string::npos) << when << "\n" << state;
    EXPECT_EQ(must(list_dir_at(store.root(), "strata/staging")).size(), 0u) << when;
    std::vector<DirEntry> records =
        must(list_dir_at(store.root(), "image/overlay2/layerdb/sha256"));
    EXPECT_LE(records.size(), 1u) << when;
  });
}

// base <- middle <- top, which no image has.
void load_unneeded(Store& store) {
  load_large(store, false);
  for (const ImageId& image : must(store.images().list())) must(store.images().remove(image));
}

ChainId chain_of_middle() {
  ChainId base = chain_id(nullptr, diff_named("base"));
  return chain_id(&base, diff_named("middle"));
}

ChainId chain_of_top() {
  ChainId middle = chain_of_middle();
  return chain_id(&middle, diff_named("top"));
}

// Whatever was decided is carried out, also by a writer that comes later.
void expect_all_layers_or_none(const Store& store, const std::string& when) {
  const std::string state = state_of(store);
  EXPECT_EQ(state.find("BROKEN"), std::string::npos) << when << "\n" << state;
  const size_t layers = must(store.layers().list()).size();
  EXPECT_TRUE(layers == 0 || layers == 3) << when << "\n" << state;
  EXPECT_NE(state.find(fmt::format("{0} folders, {0} links, {0} records, 0 staged", layers)),
            std::string::npos)
      << when << "\n"
      << state;
}

TEST(Crash, RemovedLayersAreThereOrGone) {
  auto remove = [](Store& store) {
    EXPECT_EQ(must(release_layers(store, chain_of_top())).size(), 3u);
  };
  expect_before_or_after(load_unneeded, remove, expect_all_layers_or_none);
}

TEST(Crash, RemovedLayersThatSomebodyReadsAreThereOrGone) {
  auto remove = [](Store& store) {
    LayerHold hold = must(LayerHold::take(store, chain_of_middle()));
    EXPECT_EQ(must(release_layers(store, chain_of_top())), std::vector<ChainId>{chain_of_top()});
  };
  expect_before_or_after(load_unneeded, remove, expect_all_layers_or_none);
}

const std::string kContainerId(64, 'c');

void create_container(Store& store, const std::string& id = kContainerId) {
  Transaction txn = must(store.begin());
  ImageId image = must(store.images().list()).at(0);
  ChainId base = must(store.layers().list()).at(0).chain;
  StagedContainer staged = must(txn.stage_container(id, "box", &base));
  std::string config = fmt::format(
      R"({{"ID":"{}","Name":"/box","Image":"{}","Config":{{"Image":"a:1"}}}})", id, image);
  must(write_file_at(staged.files, "config.v2.json", config, 0600));
  must(txn.commit());
}

// `before` and `after` as operations on a root with one image.
void expect_container_is_atomic(const std::function<void(Store&)>& before,
                                const std::function<void(Store&)>& operation) {
  TempRoot root;
  Store store = root.writer();
  before(store);
  const std::string state_before = state_of(store);
  operation(store);
  const std::string state_after = state_of(store);
  ASSERT_NE(state_before, state_after);
  expect_before_or_after(before, operation, [&](const Store& s, const std::string& when) {
    std::string state = state_of(s);
    EXPECT_TRUE(state == state_before || state == state_after) << when << "\n" << state;
  });
}

TEST(Crash, ContainerIsMadeWholeOrNotAtAll) {
  expect_container_is_atomic(load_small, [](Store& store) { create_container(store); });
}

TEST(Crash, ContainerIsRemovedWholeOrNotAtAll) {
  expect_container_is_atomic(
      [](Store& store) {
        load_small(store);
        create_container(store);
      },
      [](Store& store) { must(remove_container(store, kContainerId)); });
}

TEST(Crash, ContainerOfTakenNameLeavesTheStoreAsItWas) {
  TempRoot root;
  Store store = root.writer();
  load_small(store);
  create_container(store);
  std::string before = state_of(store);
  Transaction txn = must(store.begin());
  must(txn.stage_container(std::string(64, 'd'), "box", nullptr));
  Status committed = txn.commit();
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(committed.error().message(),
            "Conflict. The container name \"/box\" is already in use by container \"" +
                kContainerId +
                "\". You have to remove (or rename) that container to be able to reuse that name.");
  EXPECT_EQ(state_of(store), before);
}

TEST(Crash, WhatDockerdIsRemovingStays) {
  TempRoot root;
  Store store = root.writer();
  std::string record =
      store.layers().path_of(std::string(64, 'a') + "-" + std::string(64, 'b') + "-removing");
  must(mkdir_at(store.root(), record, 0700));
  Store again = root.writer();
  EXPECT_TRUE(must(exists_at(again.root(), record)));
}

TEST(Crash, FailedCommitLeavesTheStoreAsItWas) {
  TempRoot root;
  Store store = root.writer();
  load_small(store);
  std::string before = state_of(store);
  Transaction txn = must(store.begin());
  ChainId base = add_test_layer(txn, nullptr, "base");
  add_test_layer(txn, &base, "new");
  must(txn.add_image(test_config({"base", "new"})));
  must(txn.set_reference("x:1", ImageId(Digest::of("no such image"))));
  Status committed = txn.commit();
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(state_of(store), before);
}

}  // namespace
}  // namespace strata::store
