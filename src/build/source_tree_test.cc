// SPDX-License-Identifier: Apache-2.0
#include "build/source_tree.h"

#include "build/build_test_folder.h"

namespace strata::build {
namespace {

IgnoreMatcher matcher(std::string_view text) {
  return IgnoreMatcher::make(read_ignore_file(text).value()).value();
}

std::vector<std::string> paths_of(const SourceList& list) {
  std::vector<std::string> paths;
  for (size_t i = 0; i < list.size(); ++i) {
    paths.push_back(list.path(i) + (list[i].is_folder() ? "/" : "") + (list[i].implied ? "?" : ""));
  }
  return paths;
}

class SourceTreeTest : public testing::Test {
 protected:
  std::vector<std::string> scan(const std::string& ignore, const std::string& kept = "") {
    SourceTree tree(folder_.reopened(), SourceTree::Kind::kContext, matcher(ignore), kept);
    Result<std::shared_ptr<const SourceList>> list = tree.list(".", pool_);
    EXPECT_TRUE(list.ok());
    return list.ok() ? paths_of(**list) : std::vector<std::string>();
  }

  TestFolder folder_;
  Pool pool_{3};
};

using Paths = std::vector<std::string>;

TEST_F(SourceTreeTest, ListsInDockersOrder) {
  folder_.file("b").file("a/z").file("a-b").file("a/b/c").file("B").folder("e");
  EXPECT_EQ(scan(""), (Paths{"./", "B", "a/", "a/b/", "a/b/c", "a/z", "a-b", "b", "e/"}));
}

TEST_F(SourceTreeTest, LargeFoldersAreReadInPieces) {
  Paths expected{"./"};
  for (int i = 0; i < 1000; ++i) {
    const std::string name = fmt::format("f{:04}", i);
    folder_.file(name);
    expected.push_back(name);
  }
  EXPECT_EQ(scan(""), expected);
}

TEST_F(SourceTreeTest, DeepFoldersCostNoDescriptors) {
  std::string path = "d";
  for (int i = 0; i < 300; ++i) path += "/d";
  folder_.file(path + "/f");
  EXPECT_EQ(scan("").size(), 303u);
}

TEST_F(SourceTreeTest, LeavesOutAndKeepsWhatHoldsExceptions) {
  folder_.file("a/x").file("a/b/c").file("d/y").file("n");
  EXPECT_EQ(scan("a\nd\n!a/b\n"), (Paths{"./", "a/?", "a/b/", "a/b/c", "n"}));
  EXPECT_EQ(scan("a\n!a/nothing\n"), (Paths{"./", "d/", "d/y", "n"}));
}

TEST_F(SourceTreeTest, FolderOfTheDockerfileStays) {
  folder_.file("s/t/Dockerfile").file("s/u").file("n");
  EXPECT_EQ(scan("s\n", "s/t"), (Paths{"./", "n", "s/?", "s/t/?"}));
}

TEST_F(SourceTreeTest, FindsThroughLinksThatCannotLeave) {
  folder_.file("d/f")
      .link("l", "d")
      .link("up", "../../../d/f")
      .link("top", "/")
      .link("abs", "/d/f");
  folder_.link("loop", "loop").link("gone", "d/nothing/x").link("d/back", "../l/f");
  SourceTree tree(folder_.reopened(), SourceTree::Kind::kStage);
  const std::map<std::string, std::string> expected = {
      {"l/f", "d/f"}, {"up", "d/f"}, {"top", "."},      {"top/l/../d/f", "d/f"}, {"abs", "d/f"},
      {"", "."},      {"/", "."},    {"d/back", "d/f"}, {"../../d/f", "d/f"}};
  for (const auto& [path, real] : expected) {
    Result<SourceTree::Place> place = tree.find(path, pool_);
    ASSERT_TRUE(place.ok()) << path;
    EXPECT_TRUE(place->exists) << path;
    EXPECT_EQ(place->path, real) << path;
  }
  EXPECT_FALSE(tree.find("gone", pool_)->exists);
  EXPECT_EQ(tree.find("gone", pool_)->path, "d/nothing/x");
  EXPECT_FALSE(tree.find("loop", pool_).ok());
  EXPECT_EQ(tree.find("d/f/x", pool_).error().message(), "lstat d/f/x: not a directory");
}

TEST_F(SourceTreeTest, WhatIsLeftOutIsNotFound) {
  folder_.file("in").file("out").link("l", "out");
  SourceTree tree(folder_.reopened(), SourceTree::Kind::kContext, matcher("out\n"));
  EXPECT_TRUE(tree.find("in", pool_)->exists);
  EXPECT_FALSE(tree.find("out", pool_)->exists);
  EXPECT_FALSE(tree.find("l", pool_)->exists);
}

TEST_F(SourceTreeTest, OfAStageOnlyTheFolderIsRead) {
  folder_.file("a/b/c").file("z");
  SourceTree tree(folder_.reopened(), SourceTree::Kind::kStage);
  auto list = tree.list("a", pool_);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(paths_of(**list), (Paths{"a/", "a/b/", "a/b/c"}));
  EXPECT_EQ((*list)->find("a/b/c"), std::optional<size_t>(2));
  EXPECT_EQ((*list)->find("z"), std::nullopt);
  EXPECT_EQ((*list)->find("a/b/c/d"), std::nullopt);
}

}  // namespace
}  // namespace strata::build
