// SPDX-License-Identifier: Apache-2.0
#include "base/fs_at.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/test_support.h"

namespace strata {
namespace {

TEST(RemoveTree, EndsWhatAProcessOfTheSameNumberBegan) {
  std::string pattern = "/tmp/strata-fs-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  // What remove_tree_at leaves when it is killed: a folder that lay deeper, under a name with its process in it.
  const std::string parked = fmt::format("{}/.strata-remove-{}-0/d", pattern, ::getpid());
  must(ensure_dirs_at(Fd(), parked, 0700));
  must(write_file_at(Fd(), parked + "/file", "x", 0600));
  must(remove_tree_at(Fd(), pattern));
  EXPECT_FALSE(must(exists_at(Fd(), pattern)));
}

TEST(ErrnoError, TellsWhatTheMachineHasNoMoreOf) {
  for (int value : {ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM})
    EXPECT_EQ(errno_error(value, "x").code(), ErrorCode::kNoSpace);
  EXPECT_EQ(errno_error(EIO, "x").code(), ErrorCode::kIo);
}

}  // namespace
}  // namespace strata
