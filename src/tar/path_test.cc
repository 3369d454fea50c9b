// SPDX-License-Identifier: Apache-2.0
#include "tar/path.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tar/test_files.h"

namespace strata::tar {
namespace {

// tests/data/tar/expected/paths.txt: name TAB path.Clean("/" + name) as Go has it, without the '/'.
TEST(CleanPath, CleansAsGo) {
  std::istringstream lines(read_test_file("expected/paths.txt"));
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    const size_t tab = line.find('\t');
    const std::string expected = line.substr(tab + 1);
    EXPECT_EQ(clean_path(line.substr(0, tab)), expected.empty() ? "." : expected) << line;
    ++count;
  }
  EXPECT_GT(count, 300);
}

TEST(LeavesRoot, SeesDotDotAtTheRootOnly) {
  for (const char* name : {"..", "../x", "/../x", "a/../../y", "./../x", "a/b/../../../b"}) {
    EXPECT_TRUE(leaves_root(name)) << name;
  }
  for (const char* name :
       {"", "/", ".", "a", "a/..", "a/../b", "..a", "a/b/../..", "...", "/abs"}) {
    EXPECT_FALSE(leaves_root(name)) << name;
  }
}

}  // namespace
}  // namespace strata::tar
