// SPDX-License-Identifier: Apache-2.0
#include "build/ignore.h"

#include <gtest/gtest.h>

namespace strata::build {
namespace {

IgnoreMatcher matcher(std::string_view text) {
  Result<std::vector<std::string>> patterns = read_ignore_file(text);
  EXPECT_TRUE(patterns.ok());
  Result<IgnoreMatcher> made = IgnoreMatcher::make(*patterns);
  EXPECT_TRUE(made.ok()) << text;
  return made.ok() ? std::move(*made) : IgnoreMatcher();
}

TEST(IgnoreFile, DropsCommentsSpacesAndEmptyLines) {
  Result<std::vector<std::string>> patterns = read_ignore_file(
      "\xEF\xBB\xBF# first\n  a  \n\n \t\n #b\n/c/\r\n!  d//e \n./f/../g\n!\n/\nlast");
  ASSERT_TRUE(patterns.ok());
  EXPECT_EQ(*patterns, (std::vector<std::string>{"a", "#b", "c", "!d/e", "g", "!", "/", "last"}));
}

TEST(IgnoreFile, KeepsDotDotThatLeadsOut) {
  EXPECT_EQ(read_ignore_file("../a\n/../b\n").value(), (std::vector<std::string>{"../a", "b"}));
}

TEST(IgnoreFile, RejectsLineThatDockerCannotRead) {
  EXPECT_TRUE(read_ignore_file(std::string(65535, 'a')).ok());
  Result<std::vector<std::string>> patterns = read_ignore_file("x\n" + std::string(65536, 'a'));
  ASSERT_FALSE(patterns.ok());
  EXPECT_EQ(patterns.error().message(),
            "Error reading .dockerignore: bufio.Scanner: token too long");
}

TEST(IgnoreMatcher, RejectsBadPatterns) {
  EXPECT_EQ(IgnoreMatcher::make({"[a"}).error().message(), "syntax error in pattern");
  EXPECT_EQ(IgnoreMatcher::make({"!"}).error().message(), "illegal exclusion pattern: \"!\"");
}

TEST(IgnoreMatcher, LastMatchDecides) {
  const IgnoreMatcher rules = matcher("*.md\n!README*.md\nREADME-secret.md\n");
  EXPECT_TRUE(rules.leaves_out("a.md"));
  EXPECT_FALSE(rules.leaves_out("README.md"));
  EXPECT_TRUE(rules.leaves_out("README-secret.md"));
  EXPECT_FALSE(rules.leaves_out("a.txt"));
  EXPECT_FALSE(rules.leaves_out("sub/a.md"));
}

TEST(IgnoreMatcher, FolderTakesWithItWhatItHolds) {
  const IgnoreMatcher rules = matcher("a/b\n");
  EXPECT_TRUE(rules.leaves_out("a/b/c/d"));
  EXPECT_FALSE(rules.leaves_out("a"));
  EXPECT_FALSE(rules.leaves_out("a/bc"));
  EXPECT_FALSE(rules.leaves_out("x/a/b"));
}

TEST(IgnoreMatcher, ExceptionInsideOfAFolderThatIsOut) {
  const IgnoreMatcher rules = matcher("a\n!a/b/c\n");
  EXPECT_TRUE(rules.leaves_out("a"));
  EXPECT_TRUE(rules.leaves_out("a/b"));
  EXPECT_FALSE(rules.leaves_out("a/b/c"));
  EXPECT_FALSE(rules.leaves_out("a/b/c/d"));
  EXPECT_TRUE(rules.leaves_out("a/b/x"));
  EXPECT_TRUE(rules.holds_exceptions("a"));
  EXPECT_TRUE(rules.holds_exceptions("a/b"));
  EXPECT_FALSE(rules.holds_exceptions("a/x"));
  EXPECT_FALSE(rules.holds_exceptions("a/b/cc"));
}

TEST(IgnoreMatcher, DoubleStarAlsoCoversFoldersAbove) {
  const IgnoreMatcher rules = matcher("**/node_modules\n!a/node_modules/keep\n");
  EXPECT_TRUE(rules.leaves_out("node_modules/x"));
  EXPECT_TRUE(rules.leaves_out("a/node_modules/x"));
  EXPECT_FALSE(rules.leaves_out("a/node_modules/keep/y"));
}

TEST(IgnoreMatcher, WalkFindsWhatASinglePathFinds) {
  const IgnoreMatcher rules = matcher("a*\n!ab/**/x\n**/y\n!**/z\nab/q/x\n");
  for (const std::string path : {"a/b", "ab/x", "ab/q/x", "ab/c/d/x", "c/y/z", "ab/y/x", "c"}) {
    IgnoreMatcher::FolderState state = rules.top();
    bool out = false;
    for (size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      IgnoreMatcher::FolderState inner;
      out = rules.leaves_out(state, path.substr(0, end), &inner);
      state = std::move(inner);
    }
    EXPECT_EQ(out, rules.leaves_out(path)) << path;
  }
}

}  // namespace
}  // namespace strata::build
