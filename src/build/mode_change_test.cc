// SPDX-License-Identifier: Apache-2.0
// The expected modes are what GNU chmod makes under a umask of 0.
#include "build/mode_change.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace strata::build {
namespace {

mode_t changed(std::string_view change, mode_t mode) {
  Result<ModeChange> parsed = ModeChange::parse(change);
  EXPECT_TRUE(parsed.ok()) << change;
  return parsed.ok() ? parsed->apply(mode) : 0xFFFF;
}

TEST(ModeChange, OctalReplacesAllBits) {
  EXPECT_EQ(changed("755", S_IFREG | 04600), 0755u);
  EXPECT_EQ(changed("0644", S_IFDIR | 0777), 0644u);
  EXPECT_EQ(changed("4755", S_IFREG | 0644), 04755u);
  EXPECT_EQ(changed("0", S_IFREG | 0644), 0u);
  EXPECT_EQ(changed("07777", S_IFREG), 07777u);
}

TEST(ModeChange, SymbolicChangesWhatItNames) {
  EXPECT_EQ(changed("u+x", S_IFREG | 0644), 0744u);
  EXPECT_EQ(changed("+x", S_IFREG | 0644), 0755u);
  EXPECT_EQ(changed("go-w", S_IFREG | 0666), 0644u);
  EXPECT_EQ(changed("a=r", S_IFREG | 0777), 0444u);
  EXPECT_EQ(changed("u=rwx,go=rx", S_IFREG | 0), 0755u);
  EXPECT_EQ(changed("u+s,+t", S_IFREG | 0755), 05755u);
  EXPECT_EQ(changed("g+s", S_IFREG | 0755), 02755u);
  EXPECT_EQ(changed("o+s", S_IFREG | 0755), 0755u);
  EXPECT_EQ(changed("u+x-r", S_IFREG | 0644), 0344u);
  EXPECT_EQ(changed("go=u", S_IFREG | 0640), 0666u);
  EXPECT_EQ(changed("go=u-w", S_IFREG | 0640), 0644u);
  EXPECT_EQ(changed("go=", S_IFREG | 0755), 0700u);
}

TEST(ModeChange, CapitalXIsForFoldersAndWhatCanBeExecuted) {
  EXPECT_EQ(changed("a+X", S_IFREG | 0644), 0644u);
  EXPECT_EQ(changed("a+X", S_IFREG | 0744), 0755u);
  EXPECT_EQ(changed("a+X", S_IFDIR | 0600), 0711u);
  EXPECT_EQ(changed("u=rwX,go=rX", S_IFDIR | 0), 0755u);
  EXPECT_EQ(changed("u=rwX,go=rX", S_IFREG | 0), 0644u);
}

TEST(ModeChange, RejectsWhatIsNoMode) {
  for (std::string_view text :
       {"", "10000", "8", "0x1", "u", "u+q", "x", "u+x,", ",u+x", "-1 ", "rwx"}) {
    Result<ModeChange> parsed = ModeChange::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().message(),
              fmt::format("invalid chmod parameter: '{}'. it should be octal string and between 0 "
                          "and 07777",
                          text));
  }
}

}  // namespace
}  // namespace strata::build
