// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_diff.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <random>

namespace strata::driver {
namespace {

using Lines = std::vector<std::string>;

// Two trees, `old` and `now`.
class WholeTrees : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/strata-diff-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    top_ = open_path(path_, O_RDONLY | O_DIRECTORY).value();
    for (const char* name : {"now", "old"}) ASSERT_TRUE(mkdir_at(top_, name, 0755).ok());
  }
  void TearDown() override { EXPECT_TRUE(remove_tree_at(Fd(), path_).ok()); }

  void folder(const std::string& path) { ASSERT_TRUE(ensure_dirs_at(top_, path, 0755).ok()); }
  void file(const std::string& path, std::string_view text = "1", long nanoseconds = 0) {
    ASSERT_TRUE(write_file_at(top_, path, text, 0644).ok());
    const struct timespec times[2] = {{7, 0}, {7, nanoseconds}};
    ASSERT_EQ(::utimensat(top_.get(), path.c_str(), times, 0), 0);
  }
  void both(const std::string& path) {
    for (const char* tree : {"now/", "old/"}) {
      if (path.ends_with('/')) folder(tree + path);
      if (!path.ends_with('/')) file(tree + path);
    }
  }

  Lines lines(std::optional<struct timespec> touched_since = {}) {
    std::vector<Fd> folders(2);
    folders[0] = open_dir_at(top_, "now").value();
    folders[1] = open_dir_at(top_, "old").value();
    ComparedTrees trees = compare_folders(folders, 1, ComparedTrees::Upper::kWhole);
    trees.touched_since = touched_since;
    Lines found;
    Status done = compare_trees(trees, [&](const TreeChange& change) -> Status {
      found.push_back(fmt::format("{} {}", static_cast<char>(change.kind), change.path));
      return {};
    });
    EXPECT_TRUE(done.ok()) << done.error().message();
    return found;
  }

  std::string path_;
  Fd top_;
};

TEST_F(WholeTrees, TellsAFolderBeforeTheNamesThatStandBeforeItsContent) {
  for (const char* path : {"a/", "a/b/", "a/b/c/", "a-/", "a.d/", "a/b/c/old", "a-/old", "a.d/old"})
    both(path);
  for (const char* path : {"now/a/b/c/x", "now/a-/x", "now/a!", "now/a/b-", "now/a0"}) file(path);
  EXPECT_EQ(lines(), (Lines{"C a", "A a!", "C a-", "A a-/x", "C a/b", "A a/b-", "C a/b/c",
                            "A a/b/c/x", "A a0"}));
}

TEST_F(WholeTrees, TellsOfWhatIsGoneTheTopOnly) {
  for (const char* path : {"gone/", "gone/x", "file-now/", "file-now/x", "kept/", "kept/gone"})
    both(path);
  both("folder-now");
  for (const char* path : {"now/gone", "now/file-now", "now/folder-now", "now/kept/gone"})
    ASSERT_TRUE(remove_tree_at(top_, path).ok());
  file("now/file-now");
  folder("now/folder-now");
  file("now/folder-now/x");
  EXPECT_EQ(lines(), (Lines{"C file-now", "C folder-now", "A folder-now/x", "D gone", "C kept",
                            "D kept/gone"}));
}

TEST_F(WholeTrees, TakesASecondWithoutAFractionForAnyOfIt) {
  for (const char* path : {"fraction", "other-fraction", "size"}) both(path);
  file("now/fraction", "2", 5);
  file("old/other-fraction", "1", 3);
  file("now/other-fraction", "1", 4);
  file("now/size", "12");
  both("folder/");
  const struct timespec times[2] = {{9, 0}, {9, 0}};
  ASSERT_EQ(::utimensat(top_.get(), "now/folder", times, 0), 0);
  EXPECT_EQ(lines(), (Lines{"C other-fraction", "C size"}));
}

TEST_F(WholeTrees, ComparesContentsOfWhatWasTouched) {
  for (const char* path : {"content", "rewritten", "untouched"}) both(path);
  for (const char* tree : {"now/link", "old/link"}) ASSERT_TRUE(symlink_at(tree, top_, tree).ok());
  const struct timespec then[2] = {{7, 0}, {7, 0}};
  for (const char* tree : {"now/link", "old/link"})
    ASSERT_EQ(::utimensat(top_.get(), tree, then, AT_SYMLINK_NOFOLLOW), 0);
  file("now/content", "2");
  file("now/rewritten", "1");
  EXPECT_EQ(lines(), Lines{});
  const struct timespec since = lstat_at(top_, "now/content").value().st_ctim;
  struct timespec before = since;
  before.tv_sec -= 1000;
  EXPECT_EQ(lines(before), (Lines{"C content", "C link"}));
  before.tv_sec += 2000;
  EXPECT_EQ(lines(before), Lines{});
}

// Random trees: all is told that a look at each path finds, in the order of the paths.
TEST_F(WholeTrees, AgreesWithALookAtEachPath) {
  std::mt19937 random(20);
  const char* names[] = {"a", "a-", "a.", "a0", "b"};
  std::vector<std::string> paths;
  std::vector<std::string> folders = {""};
  for (size_t i = 0; i < folders.size() && i < 60; ++i) {
    for (const char* name : names) {
      const std::string path = folders[i] + name;
      paths.push_back(path);
      const bool is_folder = random() % 2 == 0;
      if (is_folder) folders.push_back(path + "/");
      if (is_folder) both(path + "/");
      if (!is_folder) both(path);
    }
  }
  std::vector<std::string> expected;
  for (const std::string& path : paths) {
    if (random() % 20 != 0) continue;
    Result<struct stat> info = lstat_at(top_, "now/" + path);
    if (!info.ok()) continue;
    if (random() % 2 == 0) {
      ASSERT_TRUE(remove_tree_at(top_, "now/" + path).ok());
    } else if (S_ISREG(info->st_mode)) {
      file("now/" + path, "other");
    }
  }
  auto parent_of = [](const std::string& path) { return path.substr(0, path.rfind('/')); };
  std::map<std::string, char> found;
  for (const std::string& path : paths) {
    Result<struct stat> now = lstat_at(top_, "now/" + path), old = lstat_at(top_, "old/" + path);
    const bool parent =
        path.find('/') == path.npos || lstat_at(top_, "now/" + parent_of(path)).ok();
    char kind = 0;
    if (!now.ok() && parent) kind = 'D';
    if (now.ok() && S_ISREG(now->st_mode) && now->st_size != old->st_size) kind = 'C';
    if (kind == 0) continue;
    found[path] = kind;
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      found[path.substr(0, slash)] = 'C';
  }
  for (const auto& [path, kind] : found) expected.push_back(fmt::format("{} {}", kind, path));
  ASSERT_GT(expected.size(), 10u);
  EXPECT_EQ(lines(), expected);
}

}  // namespace
}  // namespace strata::driver
