// SPDX-License-Identifier: Apache-2.0
// What the tests beside docker (tests/compat/test_copy_files.py) do not cover: ignore files of a Dockerfile's own, git, hostile places.
#include "build/context.h"

#include <map>

#include "build/build_test_folder.h"
#include "build/git_source.h"

namespace strata::build {
namespace {

using Paths = std::vector<std::string>;

class BuildContextTest : public testing::Test {
 protected:
  BuildContextTest() { root_.folder("strata/staging"); }

  // The paths of the context, or the error.
  Paths open(const std::string& dockerfile = "") {
    ContextOptions options{folder_.path(), dockerfile, &root_.top()};
    Result<std::unique_ptr<BuildContext>> context = BuildContext::open(options, pool_);
    if (!context.ok()) return {context.error().message()};
    text_ = (*context)->dockerfile_text();
    name_ = (*context)->dockerfile_name();
    Result<std::shared_ptr<const SourceList>> list = (*context)->tree().list(".", pool_);
    Paths paths;
    for (size_t i = 1; list.ok() && i < (*list)->size(); ++i) paths.push_back((*list)->path(i));
    return paths;
  }

  TestFolder folder_, root_;
  Pool pool_{2};
  std::string text_, name_;
};

TEST_F(BuildContextTest, IgnoreFileOfTheDockerfileComesFirst) {
  folder_.file("Dockerfile", "1").file("a").file("b").file(".dockerignore", "a\n");
  EXPECT_EQ(open(), (Paths{".dockerignore", "Dockerfile", "b"}));
  folder_.file("Dockerfile.dockerignore", "b\n.dockerignore\n*.dockerignore\n");
  EXPECT_EQ(open(), (Paths{"Dockerfile", "a"}));
  folder_.file("sub/x", "2").file("sub/x.dockerignore", "*\n!b\n");
  EXPECT_EQ(open(folder_.path() + "/sub/x"), (Paths{"b", "sub"}));
  EXPECT_EQ(text_, "2");
  EXPECT_EQ(name_, "sub/x");
}

TEST_F(BuildContextTest, DockerfileFromElsewhereBringsItsIgnoreFile) {
  TestFolder other;
  other.file("D", "other").file("D.dockerignore", "a\n");
  folder_.file("a").file("b");
  EXPECT_EQ(open(other.path() + "/D"), Paths{"b"});
  EXPECT_EQ(text_, "other");
  EXPECT_EQ(name_, other.path() + "/D");
}

TEST_F(BuildContextTest, DockerfileMustBeAFile) {
  folder_.folder("Dockerfile");
  EXPECT_EQ(open(), Paths{"unexpected error reading Dockerfile: read " + folder_.path() +
                          "/Dockerfile: is a directory"});
  ASSERT_EQ(::mkfifo((folder_.path() + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(open(folder_.path() + "/fifo"), Paths{"unexpected error reading Dockerfile: read " +
                                                  folder_.path() + "/fifo: not a regular file"});
}

TEST_F(BuildContextTest, NamedContextNeedsNoDockerfile) {
  folder_.file("a").file("b").file(".dockerignore", "a\n");
  ContextOptions options{folder_.path(), "", &root_.top()};
  Result<std::unique_ptr<BuildContext>> context = BuildContext::open_named(options, pool_);
  ASSERT_TRUE(context.ok());
  EXPECT_EQ((*(*context)->tree().list(".", pool_))->size(), 3u);
}

GitReference parsed(const std::string& text) {
  Result<std::optional<GitReference>> reference = GitReference::parse(text);
  EXPECT_TRUE(reference.ok() && *reference) << text;
  return reference.ok() && *reference ? **reference : GitReference{"none"};
}

TEST(GitReference, KnowsWhatIsARepository) {
  for (const std::string text :
       {"git@host:path", "git://h/p", "ssh://h/p", "github.com/a/b", "https://h/p.git",
        "http://h/p.git#ref", "https://h/p.git?ref=x"}) {
    EXPECT_TRUE(GitReference::parse(text).value()) << text;
  }
  for (const std::string text : {"", "a", "./a.git", "https://h/p", "https://h/p.tar.gz",
                                 "https://h/p.git/x", "git", "ftp://h/p.git", "-x"}) {
    EXPECT_FALSE(GitReference::parse(text).value()) << text;
  }
}

TEST(GitReference, TakesTheFragmentApart) {
  GitReference reference = parsed("https://h/p.git#v1:sub/folder");
  EXPECT_EQ(reference.remote, "https://h/p.git");
  EXPECT_EQ(reference.ref, "v1");
  EXPECT_EQ(reference.folder, "sub/folder");
  reference = parsed("git@h:p#:sub");
  EXPECT_EQ(reference.ref, "");
  EXPECT_EQ(reference.folder, "sub");
  EXPECT_EQ(parsed("github.com/a/b").remote, "https://github.com/a/b");
}

TEST(GitReference, TakesTheQueryApart) {
  GitReference reference =
      parsed("https://h/p.git?tag=v1&subdir=s/t&commit=abc&keep-git-dir&submodules=false");
  EXPECT_EQ(reference.remote, "https://h/p.git");
  EXPECT_EQ(reference.ref, "refs/tags/v1");
  EXPECT_EQ(reference.folder, "s/t");
  EXPECT_EQ(reference.commit, "abc");
  EXPECT_EQ(reference.keep_git_dir, true);
  EXPECT_FALSE(reference.submodules);
  EXPECT_EQ(parsed("https://h/p.git?branch=main#:s").ref, "refs/heads/main");
  EXPECT_EQ(parsed("https://h/p.git?ref=a#a").ref, "a");
}

TEST(GitReference, RefusesQueriesThatMakeNoSense) {
  const std::map<std::string, std::string> wrong = {
      {"x=1", "unexpected query \"x\""},
      {"ref=", "query \"ref\" has no value"},
      {"tag=a&branch=b", "ref conflicts: \"refs/tags/a\" vs \"refs/heads/b\""},
      {"ref=a#b", "ref conflicts: \"b\" vs \"a\""},
      {"submodules=maybe", "invalid submodules value: \"maybe\""}};
  for (const auto& [query, message] : wrong) {
    Result<std::optional<GitReference>> reference = GitReference::parse("https://h/p.git?" + query);
    ASSERT_FALSE(reference.ok()) << query;
    EXPECT_EQ(reference.error().message(), message);
  }
}

TEST(GitReference, RefThatGitWouldTakeForAnOptionIsRefused) {
  TestFolder folder;
  const GitReference reference{"https://h/p.git", "--upload-pack=touch x"};
  EXPECT_EQ(fetch_git(reference, folder.top()).error().message(),
            "invalid refspec: --upload-pack=touch x");
  EXPECT_TRUE(folder.all().empty());
}

}  // namespace
}  // namespace strata::build
