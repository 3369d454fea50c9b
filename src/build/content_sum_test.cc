// SPDX-License-Identifier: Apache-2.0
// The sums were written by docker: the clients 20.10 and 28 with a daemon 20.10.
#include "build/content_sum.h"

#include "build/build_test_folder.h"

namespace strata::build {
namespace {

class ContentSumTest : public testing::Test {
 protected:
  std::string sum(const std::string& path, SumForm form = SumForm::kDocker20,
                  SumCache* cache = nullptr) {
    SourceTree tree(folder_.reopened(), SourceTree::Kind::kContext);
    Result<SourceTree::Place> place = tree.find(path, pool_);
    EXPECT_TRUE(place.ok() && place->exists) << path;
    Result<std::string> found = ContentSums(tree, form, cache, pool_).sum(*place, {});
    return found.ok() ? *found : found.error().message();
  }
  static std::string digest(std::string_view text) { return Digest::of(text).hex(); }

  TestFolder folder_;
  Pool pool_{2};
};

TEST_F(ContentSumTest, FileIsWhatDockerWrote) {
  folder_.file("a.txt", "hello\n");
  EXPECT_EQ(sum("a.txt"), "file:679c43c79a56cffbb3b002bda3050542c152a2f09757a0f1a9578871f7cda00d");
  EXPECT_EQ(sum("a.txt", SumForm::kDocker25).substr(0, 13), "file:00ec1633");
}

TEST_F(ContentSumTest, FieldsStandOneBehindTheOther) {
  SumFields fields{"d/", 040755, 1, 2, 3};
  fields.type = '5';
  fields.link_name = "l";
  fields.user_name = "u";
  fields.group_name = "g";
  fields.dev_major = 4;
  fields.dev_minor = 5;
  EXPECT_EQ(fields.to_text(),
            "named/mode16877uid1gid2size3typeflag5linknamelunameugnamegdevmajor4devminor5");
}

TEST_F(ContentSumTest, TimeDoesNotCountAndModeDoes) {
  folder_.file("f", "x");
  const std::string before = sum("f");
  folder_.age("f", 1000);
  EXPECT_EQ(sum("f"), before);
  folder_.file("f", "x", 0600);
  EXPECT_NE(sum("f"), before);
}

TEST_F(ContentSumTest, FolderJoinsItsSortedSums) {
  folder_.file("d/x", "1").file("d/y", "2");
  const std::string own =
      digest("named/mode16877uid0gid0size0typeflag5linknameunamegnamedevmajor0devminor0");
  std::vector<std::string> sums = {own, sum("d/x").substr(5), sum("d/y").substr(5)};
  std::sort(sums.begin(), sums.end());
  EXPECT_EQ(sum("d"), "dir:" + digest(fmt::format("{}", fmt::join(sums, ","))));
}

TEST_F(ContentSumTest, FurtherNameOfAFileCountsAsALink) {
  folder_.file("a", "x").hard_link("b", "a");
  EXPECT_EQ(sum("b"), "file:" + digest("namebmode33188uid0gid0size0typeflag1linknameaunamegname"
                                       "devmajor0devminor0"));
  EXPECT_EQ(sum("a"), "file:" + digest("nameamode33188uid0gid0size1typeflag0linknameunamegname"
                                       "devmajor0devminor0x"));
}

TEST_F(ContentSumTest, LinkInAFolderCountsAsWhatItLeadsTo) {
  folder_.file("d/a", "x").link("d/l", "a").link("d/nowhere", "gone").link("d/loop", "loop");
  const std::string own =
      digest("named/mode16877uid0gid0size0typeflag5linknameunamegnamedevmajor0devminor0");
  const std::string file = sum("d/a").substr(5);
  std::vector<std::string> sums = {own, file, file, "d/nowhere"};
  std::sort(sums.begin(), sums.end());
  EXPECT_EQ(sum("d"), "dir:" + digest(fmt::format("{}", fmt::join(sums, ","))));
}

TEST_F(ContentSumTest, SeveralAreJoinedInOrder) {
  EXPECT_EQ(join_sums({"file:1"}), "file:1");
  EXPECT_EQ(join_sums({"file:2", "dir:1"}), "multi:" + digest("file:2,dir:1"));
}

TEST_F(ContentSumTest, RememberedSumIsTakenUntilTheFileChanges) {
  TestFolder root;
  folder_.file("f", "one").age("f", 1000);
  const std::string first = sum("f");
  ::usleep(100'000);  // or the file is too young to be remembered
  {
    std::unique_ptr<SumCache> cache = SumCache::open(root.top(), folder_.info("."));
    EXPECT_EQ(sum("f", SumForm::kDocker20, cache.get()), first);
    EXPECT_TRUE(cache->save().ok());
  }
  std::unique_ptr<SumCache> cache = SumCache::open(root.top(), folder_.info("."));
  EXPECT_EQ(sum("f", SumForm::kDocker20, cache.get()), first);
  folder_.file("f", "two");
  const std::string second = sum("f");
  EXPECT_NE(second, first);
  EXPECT_EQ(sum("f", SumForm::kDocker20, cache.get()), second);
  folder_.age("f", 1000);  // the same size and time, but another ctime
  EXPECT_EQ(sum("f", SumForm::kDocker20, cache.get()), second);
}

TEST_F(ContentSumTest, RememberedFileIsNotOpened) {
  TestFolder root;
  folder_.file("f", "one");
  ::usleep(100'000);
  std::unique_ptr<SumCache> cache = SumCache::open(root.top(), folder_.info("."));
  const std::string first = sum("f", SumForm::kDocker20, cache.get());
  EXPECT_TRUE(cache->save().ok());
  for (const bool remembered : {true, false}) {
    cache = SumCache::open(root.top(), folder_.info("."));
    SourceTree tree(folder_.reopened(), SourceTree::Kind::kContext);
    Result<SourceTree::Place> place = tree.find("f", pool_);
    ASSERT_TRUE(place.ok());
    EXPECT_EQ(::rename((folder_.path() + "/f").c_str(), (folder_.path() + "/away").c_str()), 0);
    ContentSums sums(tree, SumForm::kDocker20, remembered ? cache.get() : nullptr, pool_);
    EXPECT_EQ(sums.sum(*place, {}).ok(), remembered);
    EXPECT_EQ(::rename((folder_.path() + "/away").c_str(), (folder_.path() + "/f").c_str()), 0);
  }
  EXPECT_EQ(sum("f"), first);
}

}  // namespace
}  // namespace strata::build
