// SPDX-License-Identifier: Apache-2.0
// What dockerd does in the same cases is compared by tests/compat/test_rmi.py and
// test_tag_prune_df.py; the texts here are docker's (FORMATS section 10).
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "store/prune.h"
#include "store/remove_image.h"
#include "store/test_store.h"
#include "store/usage.h"

namespace strata::store {
namespace {

// A root with the images base <- child (one layer each, the child on the base), and names.
class Images {
 public:
  Images() : Images(std::make_unique<TempRoot>()) {}
  explicit Images(const TempRoot& root) : store_(root.writer()) {
    Transaction txn = must(store_.begin());
    base_chain = add_test_layer(txn, nullptr, "base");
    child_chain = add_test_layer(txn, &base_chain, "child");
    base = must(txn.add_image(test_config({"base"})));
    child = must(txn.add_image(test_config({"base", "child"})));
    must(txn.set_parent(child, base));
    must(txn.set_reference("c:1", child));
    must(txn.commit());
  }

  Store& store() { return store_; }
  void tag(const std::string& key, const ImageId& image) {
    must(store_.reference_file().update([&](References& references) -> Status {
      references.set(key, image);
      return {};
    }));
  }
  void add_container(const std::string& id, const ImageId& image, bool running) {
    std::string folder = "containers/" + id;
    must(ensure_dirs_at(store_.root(), folder, 0700));
    must(write_file_at(
        store_.root(), folder + "/config.v2.json",
        fmt::format(R"({{"ID":"{}","Image":"{}","State":{{"Running":{}}}}})", id, image, running),
        0600));
  }

  // The events as docker prints them, or the error.
  std::vector<std::string> rmi(const std::string& name, const RemoveOptions& options = {}) {
    return printed(remove_image(store_, name, options));
  }
  std::vector<std::string> prune(const PruneOptions& options) {
    Pool pool(1);
    Result<PruneReport> report = prune_images(store_, pool, options);
    if (!report.ok()) return {report.error().message()};
    reclaimed_bytes = report->reclaimed_bytes;
    return printed(std::move(report->events));
  }

  static std::vector<std::string> printed(Result<std::vector<RemovalEvent>> events) {
    if (!events.ok()) return {events.error().message()};
    std::vector<std::string> lines;
    for (const RemovalEvent& event : *events) {
      bool untagged = event.kind == RemovalEvent::Kind::kUntagged;
      lines.push_back((untagged ? "Untagged: " : "Deleted: ") + event.what);
    }
    return lines;
  }

  std::string deleted(const auto& id) const { return "Deleted: " + id.to_string(); }
  std::vector<std::string> all_gone(const std::string& key) const {
    return {"Untagged: " + key, deleted(child), deleted(child_chain), deleted(base),
            deleted(base_chain)};
  }

  ChainId base_chain, child_chain;
  ImageId base, child;
  uint64_t reclaimed_bytes = 0;

 private:
  explicit Images(std::unique_ptr<TempRoot> root) : Images(*root) { root_ = std::move(root); }

  std::unique_ptr<TempRoot> root_;  // where the test did not bring one
  Store store_;
};

using Lines = std::vector<std::string>;

TEST(RemoveImage, TakesLayersAndUntaggedParents) {
  Images images;
  EXPECT_EQ(images.rmi("c:1"), images.all_gone("c:1"));
  EXPECT_TRUE(must(images.store().images().list()).empty());
  EXPECT_TRUE(must(images.store().layers().list()).empty());
  EXPECT_EQ(must(images.store().references()).to_json(), R"({"Repositories":{}})");
  EXPECT_TRUE(must(list_dir_at(images.store().root(), "strata/staging")).empty());
}

TEST(RemoveImage, KeepsParentsWhenTold) {
  Images images;
  EXPECT_EQ(
      images.rmi("c:1", {.force = false, .prune_parents = false}),
      (Lines{"Untagged: c:1", images.deleted(images.child), images.deleted(images.child_chain)}));
  EXPECT_EQ(must(images.store().images().list()), std::vector<ImageId>{images.base});
}

TEST(RemoveImage, UntagsOnlyWhileNamesAreLeft) {
  Images images;
  images.tag("d:1", images.child);
  EXPECT_EQ(images.rmi("c:1"), Lines{"Untagged: c:1"});
  EXPECT_EQ(images.rmi("d:1"), images.all_gone("d:1"));
}

TEST(RemoveImage, TakesTheDigestsOfARepositoryWithItsLastTag) {
  Images images;
  std::string digest = "c@" + Digest::of("").to_string();
  images.tag(digest, images.child);
  Lines expected = images.all_gone("c:1");
  expected.insert(expected.begin() + 1, "Untagged: " + digest);
  EXPECT_EQ(images.rmi("c:1"), expected);
}

TEST(RemoveImage, RefusesAnIdWithNamesInSeveralRepositories) {
  Images images;
  images.tag("d:1", images.child);
  std::string id = images.child.short_hex();
  EXPECT_EQ(images.rmi(id),
            Lines{"conflict: unable to delete " + id +
                  " (must be forced) - image is referenced in multiple repositories"});
  Lines expected = images.all_gone("c:1");
  expected.insert(expected.begin() + 1, "Untagged: d:1");
  EXPECT_EQ(images.rmi(id, {.force = true}), expected);
}

TEST(RemoveImage, RefusesWhatHasChildren) {
  Images images;
  std::string id = images.base.short_hex();
  for (bool force : {false, true}) {
    EXPECT_EQ(images.rmi(id, {.force = force}),
              Lines{"conflict: unable to delete " + id +
                    " (cannot be forced) - image has dependent child images"});
  }
}

TEST(RemoveImage, RefusesWhatContainersUse) {
  Images images;
  std::string id = images.child.short_hex();
  images.add_container("207596f1e8cc0000", images.child, false);
  EXPECT_EQ(images.rmi("c:1"),
            Lines{"conflict: unable to remove repository reference \"c:1\" (must force) - "
                  "container 207596f1e8cc is using its referenced image " +
                  id});
  EXPECT_EQ(images.rmi(id), Lines{"conflict: unable to delete " + id +
                                  " (must be forced) - image is being used by stopped container "
                                  "207596f1e8cc"});
  images.add_container("307596f1e8cc0000", images.child, true);
  EXPECT_EQ(images.rmi(id, {.force = true}),
            Lines{"conflict: unable to delete " + id +
                  " (cannot be forced) - image is being used by running container 307596f1e8cc"});
  EXPECT_EQ(images.rmi("c:1", {.force = true}), Lines{"Untagged: c:1"});
}

TEST(RemoveImage, NamesWhatIsUnknown) {
  Images images;
  EXPECT_EQ(images.rmi("nope"), Lines{"No such image: nope:latest"});
}

// Images, layers, references and what lies in the staging folder.
std::string state_of(const Store& store) {
  return fmt::format(
      "{} images, {} layers, {} folders, {} staged, {}", must(store.images().list()).size(),
      must(store.layers().list()).size(), must(store.driver().list()).size(),
      must(list_dir_at(store.root(), "strata/staging")).size(), must(store.references()).to_json());
}

TEST(RemoveImage, IsAllOrNothingWhereverItIsKilled) {
  constexpr int kKilled = 9;
  std::set<std::string> states;
  bool reached = true;
  for (int fatal_step = 0; reached; ++fatal_step) {
    TempRoot root;
    { Images images(root); }
    pid_t child = ::fork();
    if (child == 0) {
      int steps = 0;
      Store store = root.writer([&](std::string_view) {
        if (steps++ == fatal_step) ::_exit(kKilled);
      });
      ::_exit(remove_image(store, "c:1", {}).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    reached = WEXITSTATUS(status) == kKilled;
    EXPECT_TRUE(reached || WEXITSTATUS(status) == 0);
    // Opening recovers.
    states.insert(state_of(root.writer()));
  }
  EXPECT_EQ(states, (std::set<std::string>{
                        "0 images, 0 layers, 0 folders, 0 staged, {\"Repositories\":{}}",
                        fmt::format("2 images, 2 layers, 2 folders, 0 staged, "
                                    "{{\"Repositories\":{{\"c\":{{\"c:1\":\"{}\"}}}}}}",
                                    ImageId(Digest::of(test_config({"base", "child"}))))}));
}

TEST(Prune, TakesOnlyWhatHasNoName) {
  Images images;
  EXPECT_EQ(images.prune({}), Lines{});
  must(images.store().reference_file().write(must(References::parse("{}"))));
  PruneOptions dry{.dry_run = true};
  Lines expected{images.deleted(images.child), images.deleted(images.child_chain),
                 images.deleted(images.base), images.deleted(images.base_chain)};
  EXPECT_EQ(images.prune(dry), expected);
  EXPECT_EQ(images.reclaimed_bytes, 9u);  // "base" and "child"
  EXPECT_EQ(must(images.store().images().list()).size(), 2u);
  EXPECT_EQ(images.prune({}), expected);
  EXPECT_EQ(images.reclaimed_bytes, 9u);
  EXPECT_TRUE(must(images.store().images().list()).empty());
}

TEST(Prune, TakesAllThatIsNotUsed) {
  Images images;
  EXPECT_EQ(images.prune({.all = true}), images.all_gone("c:1"));
}

TEST(Prune, LeavesWhatContainersUse) {
  Images images;
  images.add_container("207596f1e8cc0000", images.child, false);
  EXPECT_EQ(images.prune({.all = true}), Lines{});
  EXPECT_EQ(must(images.store().images().list()).size(), 2u);
}

TEST(Prune, LooksAtTimeAndLabels) {
  Images images;  // created 2024-01-01, without labels
  EXPECT_EQ(images.prune({.all = true, .until = must(oci::parse_time("2023-12-31T00:00:00Z"))}),
            Lines{});
  EXPECT_EQ(images.prune({.all = true, .labels = {"a"}}), Lines{});
  EXPECT_EQ(images.prune({.all = true,
                          .until = must(oci::parse_time("2024-01-01T00:00:00Z")),
                          .without_labels = {"a=b"}}),
            images.all_gone("c:1"));
}

TEST(Usage, CountsEachLayerOnce) {
  Images images;
  images.tag("b:1", images.base);
  images.add_container("207596f1e8cc0000", images.child, false);
  Pool pool(1);
  DiskUsage usage = must(disk_usage(images.store(), pool));
  ASSERT_EQ(usage.images.size(), 2u);
  EXPECT_EQ(usage.layer_bytes, 9u);
  for (const ImageUsage& image : usage.images) {
    EXPECT_EQ(image.shared_bytes, 4u);
    EXPECT_EQ(image.unique_bytes(), image.row.id == images.child ? 5u : 0u);
  }
  EXPECT_EQ(usage.active_images(), 1u);
  EXPECT_EQ(usage.reclaimable_image_bytes(), 4u);
  EXPECT_EQ(usage.containers.size(), 1u);
  EXPECT_EQ(usage.active_containers(), 0u);
}

}  // namespace
}  // namespace strata::store
