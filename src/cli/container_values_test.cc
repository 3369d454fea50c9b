// SPDX-License-Identifier: Apache-2.0
#include "cli/container_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace strata::cli {
namespace {

using ::testing::ElementsAre;

template <typename T>
std::string failure(const Result<T>& result) {
  return result.ok() ? "" : result.error().message();
}

TEST(ContainerValues, SizesCountInUnitsOf1024) {
  EXPECT_EQ(*parse_size("1024"), 1024);
  EXPECT_EQ(*parse_size("64m"), 64 << 20);
  EXPECT_EQ(*parse_size("1.5kB"), 1536);
  EXPECT_EQ(*parse_size("2 GiB"), int64_t{2} << 30);
  for (const char* text : {"", "x", "1x", "-1", "1kk", "1e99p"}) {
    EXPECT_EQ(failure(parse_size(text)), fmt::format("invalid size: '{}'", text));
  }
}

TEST(ContainerValues, UlimitsHaveASoftAndAHardValue) {
  EXPECT_EQ(parse_ulimit("nofile=1:2")->hard, 2u);
  EXPECT_EQ(parse_ulimit("nproc=5")->soft, 5u);
  EXPECT_TRUE(parse_ulimit("core=0:-1").ok());
  EXPECT_EQ(failure(parse_ulimit("foo=1")), "invalid ulimit type: foo");
  EXPECT_EQ(failure(parse_ulimit("nofile=5:1")),
            "ulimit soft limit must be less than or equal to hard limit: 5 > 1");
  EXPECT_EQ(failure(parse_ulimit("nofile")), "invalid ulimit argument: nofile");
  EXPECT_FALSE(parse_ulimit("nofile=x").ok());
}

TEST(ContainerValues, MountsAreFields) {
  runtime::MountSpec mount =
      *parse_mount("type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave");
  EXPECT_EQ(mount.type, "bind");
  EXPECT_TRUE(mount.read_only);
  EXPECT_EQ(mount.propagation, "rslave");
  EXPECT_EQ(parse_mount("dst=/x")->type, "volume");
  EXPECT_EQ(parse_mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770")->tmpfs_mode, 01770u);
  EXPECT_EQ(parse_mount("\"src=/a,b\",type=bind,dst=/x")->source, "/a,b");
}

TEST(ContainerValues, MountsFailInDockersWords) {
  EXPECT_EQ(failure(parse_mount("src=/x")), "target is required");
  EXPECT_EQ(failure(parse_mount("foo,dst=/x")), "invalid field 'foo' must be a key=value pair");
  EXPECT_EQ(failure(parse_mount("foo=1,dst=/x")), "unexpected key 'foo' in 'foo=1'");
  EXPECT_EQ(failure(parse_mount("type=volume,dst=/x,bind-propagation=rslave")),
            "cannot mix 'bind-*' options with mount type 'volume'");
  EXPECT_EQ(failure(parse_mount("type=bind,src=/a,dst=/x,tmpfs-size=1")),
            "cannot mix 'tmpfs-*' options with mount type 'bind'");
}

TEST(ContainerValues, DevicesMayHaveAnotherPlaceAndRights) {
  EXPECT_EQ(parse_device("/dev/x")->target, "/dev/x");
  EXPECT_EQ(parse_device("/dev/x:r")->access, "r");
  EXPECT_EQ(parse_device("/dev/x:/dev/y")->target, "/dev/y");
  EXPECT_EQ(parse_device("/dev/x:/dev/y:rw")->access, "rw");
  EXPECT_EQ(failure(parse_device("/dev/x:/dev/y:q")), "bad mode specified: q");
}

TEST(ContainerValues, ProcessorsAreBillionths) {
  EXPECT_EQ(*parse_cpus("1.5"), 1'500'000'000);
  EXPECT_EQ(*parse_cpus("-1"), -1'000'000'000);  // refused later, in docker's words
  EXPECT_FALSE(parse_cpus("many").ok());
}

TEST(ContainerValues, NumbersThatAreTooLargeAreRefused) {
  EXPECT_EQ(*parse_integer("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(failure(parse_integer("9223372036854775808")),
            "strconv.ParseInt: parsing \"9223372036854775808\": value out of range");
  EXPECT_EQ(failure(parse_integer("9223372036854775808x")),
            "strconv.ParseInt: parsing \"9223372036854775808x\": invalid syntax");
  EXPECT_EQ(failure(parse_cpus("99999999999")),
            "failed to parse 99999999999 as a rational number: value out of range");
}

TEST(ContainerValues, CsvFieldsMayBeQuoted) {
  EXPECT_THAT(csv_fields("a,\"b,c\",\"d\"\"e\","), ElementsAre("a", "b,c", "d\"e", ""));
}

}  // namespace
}  // namespace strata::cli
