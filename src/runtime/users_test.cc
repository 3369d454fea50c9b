// SPDX-License-Identifier: Apache-2.0
#include "runtime/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::runtime {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment\n"
    "broken:x:one:2::/:/bin/sh\n"
    "app:x:1000:1001:app:/home/app:/bin/sh\n"
    "nohome:x:1002:1002:::\n"
    "1000:x:5:5::/five:/bin/sh\n"
    "huge:x:3000000000:0::/:/bin/sh";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "wheel:x:10:app,root\n"
    "broken:x:ten:app\n"
    "app:x:1001:app\n"
    "extra:x:50:other,app\n";

User resolve(const std::string& user, const std::vector<std::string>& more = {}) {
  Result<User> result = resolve_user(kPasswd, kGroup, user, more);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  return result.ok() ? *result : User{};
}

std::string failure(const std::string& user, const std::vector<std::string>& more = {}) {
  Result<User> result = resolve_user(kPasswd, kGroup, user, more);
  return result.ok() ? "" : result.error().message();
}

TEST(Users, NumbersMayHaveASign) {
  EXPECT_EQ(failure("-1"), "uids and gids must be in range 0-2147483647");
  EXPECT_EQ(resolve("+1000").gid, 1001u);
}

TEST(Users, MoreGroupsFailInWordsOfTheirOwn) {
  EXPECT_EQ(failure("app:nope"), "unable to find group nope: no matching entries in group file");
  EXPECT_EQ(failure("", {"nope"}), "Unable to find group nope: no matching entries in group file");
}

TEST(Users, NothingNamedIsRootWithItsGroups) {
  User user = resolve("");
  EXPECT_EQ(user.uid, 0u);
  EXPECT_EQ(user.home, "/root");
  EXPECT_THAT(user.groups, ElementsAre(0, 10));
}

TEST(Users, NameHasItsPrimaryGroupFirst) {
  User user = resolve("app");
  EXPECT_EQ(user.uid, 1000u);
  EXPECT_EQ(user.gid, 1001u);
  EXPECT_EQ(user.home, "/home/app");
  EXPECT_THAT(user.groups, ElementsAre(1001, 10, 50));
}

TEST(Users, NumberIsNeverAName) { EXPECT_EQ(resolve("1000").uid, 1000u); }

TEST(Users, GroupThatIsNamedIsTheOnlyOne) {
  User user = resolve("app:wheel");
  EXPECT_EQ(user.gid, 10u);
  EXPECT_THAT(user.groups, ElementsAre(10));
}

TEST(Users, NumbersNeedNoEntries) {
  User user = resolve("77:88");
  EXPECT_EQ(user.uid, 77u);
  EXPECT_EQ(user.gid, 88u);
  EXPECT_EQ(user.home, "/");
}

TEST(Users, UnknownNumberHasGroupZero) { EXPECT_THAT(resolve("77").groups, ElementsAre(0)); }

TEST(Users, EmptyHomeIsTheRootFolder) { EXPECT_EQ(resolve("nohome").home, "/"); }

TEST(Users, MoreGroupsByNameAndNumber) {
  EXPECT_THAT(resolve("77", {"5", "wheel", "5"}).groups, ElementsAre(0, 5, 10));
}

TEST(Users, FailsInDockersWords) {
  EXPECT_EQ(failure("nope"), "unable to find user nope: no matching entries in passwd file");
  EXPECT_EQ(failure("broken"), "unable to find user broken: no matching entries in passwd file");
  EXPECT_EQ(failure("app:nope"), "unable to find group nope: no matching entries in group file");
  EXPECT_EQ(failure("3000000000"), "uids and gids must be in range 0-2147483647");
  EXPECT_EQ(failure("99999999999999999999"), "uids and gids must be in range 0-2147483647");
  EXPECT_EQ(failure("huge"), "uids and gids must be in range 0-2147483647");
}

}  // namespace
}  // namespace strata::runtime
