// SPDX-License-Identifier: Apache-2.0
// What COPY does to a plain folder. Most of it is compared with docker in tests/compat/test_copy_files.py; here is what docker's classic
// builder does not know, and what must never happen.
#include "build/copy_files.h"

#include "build/build_test_folder.h"

namespace strata::build {
namespace {

using Paths = std::vector<std::string>;

class CopyFilesTest : public testing::Test {
 protected:
  static Copy request(std::vector<std::string> words) {
    Copy copy;
    copy.destination = words.back();
    words.pop_back();
    copy.sources = std::move(words);
    return copy;
  }
  // Empty: it worked.
  std::string copy(const Copy& request, const CopyTarget& target) {
    SourceTree tree(from_.reopened(), SourceTree::Kind::kContext);
    CopyOrigin origin;
    origin.tree = &tree;
    origin.root = &root_.top();
    Result<CopyPlan> plan = plan_copy(request, origin, pool_);
    if (!plan.ok()) return plan.error().message();
    sum_ = plan->sum();
    Status done = copy_files(*plan, "/w", target, pool_);
    return done.ok() ? "" : done.error().message();
  }
  std::string copy(const Copy& request) { return copy(request, {&into_.top()}); }
  mode_t mode(const std::string& path) const { return into_.info(path).st_mode & 07777; }

  TestFolder from_, into_, root_;
  Pool pool_{3};
  std::string sum_;
};

TEST_F(CopyFilesTest, ContentModesTimesAndLinks) {
  from_.file("d/a", "aaa", 0640)
      .age("d/a", 1000)
      .folder("d/s", 0700)
      .file("d/s/b", "b")
      .link("d/l", "a");
  from_.hard_link("d/s/h", "d/a").age("d/s", 2000);
  EXPECT_EQ(copy(request({"d", "x/y"})), "");
  EXPECT_EQ(into_.all(), (Paths{"w/", "w/x/", "w/x/y/", "w/x/y/a", "w/x/y/l", "w/x/y/s/",
                                "w/x/y/s/b", "w/x/y/s/h"}));
  EXPECT_EQ(into_.text("w/x/y/a"), "aaa");
  EXPECT_EQ(mode("w/x/y/a"), 0640u);
  EXPECT_EQ(mode("w/x/y/s"), 0700u);
  EXPECT_EQ(into_.info("w/x/y/a").st_mtim.tv_sec, 1000);
  EXPECT_EQ(into_.info("w/x/y/s").st_mtim.tv_sec, 2000);
  EXPECT_EQ(into_.info("w/x/y/a").st_ino, into_.info("w/x/y/s/h").st_ino);
}

TEST_F(CopyFilesTest, LargeFilesAndHoles) {
  std::string content(3 << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 >> 3);
  from_.file("large", content).file("sparse", "head");
  ASSERT_EQ(::truncate((from_.path() + "/sparse").c_str(), off_t{8} << 30), 0);
  Copy sparse = request({"large", "/n/"});
  EXPECT_EQ(copy(sparse), "");
  EXPECT_TRUE(into_.text("n/large") == content);
  SourceTree tree(from_.reopened(), SourceTree::Kind::kContext);
  Result<SourceTree::Place> place = tree.find("sparse", pool_);
  ASSERT_TRUE(place.ok());
  EXPECT_TRUE(TreeCopier(tree, {&into_.top()}, {}, pool_).copy_file(*place, "n/sparse").ok());
  EXPECT_EQ(into_.info("n/sparse").st_size, off_t{8} << 30);
  EXPECT_LT(into_.info("n/sparse").st_blocks, 1000);
}

TEST_F(CopyFilesTest, NothingLeavesTheTarget) {
  TestFolder canary;
  canary.file("untouched", "x");
  into_.link("out", canary.path()).folder("d").link("d/out", canary.path());
  from_.file("f", "f").file("d/out/f", "f").file("up/x", "x");
  EXPECT_EQ(copy(request({"f", "/out/"})), "");
  EXPECT_EQ(copy(request({"f", "/out/../../../../" + canary.path() + "/g"})), "");
  EXPECT_EQ(copy(request({"d", "/d"})), "");
  EXPECT_EQ(copy(request({"up", "../../.."})), "");
  EXPECT_EQ(canary.all(), Paths{"untouched"});
  EXPECT_EQ(into_.text("d/out/f"), "f");  // the link has made room for a folder
  EXPECT_EQ(into_.text("x"), "x");
}

TEST_F(CopyFilesTest, NothingIsReadFromOutsideOfTheContext) {
  TestFolder secrets;
  secrets.file("secret", "s");
  from_.link("abs", secrets.path()).link("up", "../../../../../../.." + secrets.path()).folder("d");
  from_.link("d/inner", secrets.path() + "/secret");
  for (const std::string source : {"abs/secret", "up/secret", "d/inner", "../secret", "abs"}) {
    EXPECT_NE(copy(request({source, "/n/"})), "") << source;
  }
  EXPECT_EQ(copy(request({"d", "/n/"})), "");  // the link itself
  EXPECT_EQ(into_.all("n"), Paths{"n/inner"});
}

TEST_F(CopyFilesTest, ChmodIsForAllThatIsCopied) {
  from_.file("d/f", "", 0600).folder("d/s", 0711).link("d/l", "f").file("x", "", 0755);
  Copy octal = request({"d", "/n/m"});
  octal.chmod = "0604";
  EXPECT_EQ(copy(octal), "");
  EXPECT_EQ(mode("n/m"), 0755u);
  EXPECT_EQ(mode("n/m/f"), 0604u);
  EXPECT_EQ(mode("n/m/s"), 0604u);
  Copy symbolic = request({"d", "x", "/o/"});
  symbolic.chmod = "u=rwX,go=rX";
  EXPECT_EQ(copy(symbolic), "");
  EXPECT_EQ(mode("o/f"), 0644u);
  EXPECT_EQ(mode("o/s"), 0755u);
  EXPECT_EQ(mode("o/x"), 0755u);
  Copy bad = request({"d", "/p"});
  bad.chmod = "999";
  EXPECT_EQ(copy(bad),
            "invalid chmod parameter: '999'. it should be octal string and between 0 and 07777");
}

TEST_F(CopyFilesTest, HeredocsBecomeFiles) {
  from_.file("f");
  Copy copy_text = request({"/n/"});
  copy_text.heredocs = {{"script", "#!/bin/sh\n"}, {"other", "\ttext\n", true, true}};
  copy_text.chmod = "755";
  EXPECT_EQ(copy(copy_text), "");
  EXPECT_EQ(into_.text("n/script"), "#!/bin/sh\n");
  EXPECT_EQ(into_.text("n/other"), "text\n");
  EXPECT_EQ(mode("n/script"), 0755u);
  const std::string first = sum_;
  copy_text.heredocs[0].content = "#!/bin/sh -e\n";
  EXPECT_EQ(copy(copy_text), "");
  EXPECT_NE(sum_, first);
}

TEST_F(CopyFilesTest, ParentsKeepTheirFolders) {
  from_.file("x/a.txt").file("y/z/b.txt").file("y/z/c.md").file("y/q/d.txt").folder("y", 0711);
  Copy parents = request({"x/a.txt", "./y/z", "/n"});
  parents.parents = true;
  EXPECT_EQ(copy(parents), "");
  EXPECT_EQ(into_.all("n"),
            (Paths{"n/x/", "n/x/a.txt", "n/y/", "n/y/z/", "n/y/z/b.txt", "n/y/z/c.md"}));
  EXPECT_EQ(mode("n/y"), 0711u);
  parents = request({"./y/./*/*.txt", "**/a.txt", "/m/"});
  parents.parents = true;
  EXPECT_EQ(copy(parents), "");
  EXPECT_EQ(into_.all("m"), (Paths{"m/q/", "m/q/d.txt", "m/x/", "m/x/a.txt", "m/z/", "m/z/b.txt"}));
  parents = request({"y/nothing", "/m/"});
  parents.parents = true;
  EXPECT_NE(copy(parents), "");
}

TEST_F(CopyFilesTest, ExcludesAreRelativeToEachSource) {
  from_.file("one/a.txt")
      .file("one/b.md")
      .file("one/d/c.txt")
      .file("two/a.txt")
      .file("a.txt")
      .file("b.md");
  Copy without = request({"one", "/n"});
  without.excludes = {"*.txt"};
  EXPECT_EQ(copy(without), "");
  EXPECT_EQ(into_.all("n"), (Paths{"n/b.md", "n/d/", "n/d/c.txt"}));
  const std::string first = sum_;
  without = request({"*", "/m/"});
  without.excludes = {"**/*.txt", "!d/c.txt"};
  EXPECT_EQ(copy(without), "");
  EXPECT_EQ(into_.all("m"), (Paths{"m/b.md", "m/d/", "m/d/c.txt"}));
  without = request({"one", "/o"});
  without.excludes = {"*.txt", "d"};
  EXPECT_EQ(copy(without), "");
  EXPECT_EQ(into_.all("o"), Paths{"o/b.md"});
  EXPECT_NE(sum_, first);
}

TEST_F(CopyFilesTest, LinkIgnoresWhatLiesBelow) {
  // The lower tree has a link where the destination goes; the upper folder knows nothing of it.
  TestFolder upper;
  into_.folder("real").link("dir", "real");
  from_.file("f", "f");
  Copy linked = request({"f", "/dir/"});
  linked.link = true;
  EXPECT_EQ(copy(linked, {&into_.top(), &upper.top()}), "");
  EXPECT_EQ(upper.all(), (Paths{"dir/", "dir/f"}));
  EXPECT_EQ(into_.all(), (Paths{"dir", "real/"}));
}

TEST_F(CopyFilesTest, CopyTakesNoUrls) {
  EXPECT_EQ(copy(request({"https://example.invalid/x", "/n/"})),
            "COPY failed: source can't be a URL for COPY");
  EXPECT_EQ(copy(request({"git@example.invalid:x", "/n/"})),
            "COPY failed: source can't be a URL for COPY");
}

TEST_F(CopyFilesTest, CancelledCopyStops) {
  for (int i = 0; i < 300; ++i) from_.file(fmt::format("d/f{}", i));
  pool_.cancel();
  EXPECT_NE(copy(request({"d", "/n"})).find("interrupted"), std::string::npos);
}

}  // namespace
}  // namespace strata::build
