// SPDX-License-Identifier: Apache-2.0
#include "runtime/host_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs_at.h"
#include "runtime/volumes.h"

namespace strata::runtime {
namespace {

using ::testing::ElementsAre;

// What dockerd 20.10 wrote for `docker create` with most of the options that strata has.
std::string dockers_text() {
  Result<std::string> text = read_file_at(Fd(), "tests/data/runtime/hostconfig.json");
  EXPECT_TRUE(text.ok());
  return text.ok() ? *text : "";
}

TEST(HostConfig, IsWrittenAsDockerDoes) {
  const std::string text = dockers_text();
  Result<HostConfig> host = HostConfig::parse(text);
  ASSERT_TRUE(host.ok()) << host.error().message();
  EXPECT_EQ(host->to_text(), text);
}

TEST(HostConfig, HasWhatItIsRunWith) {
  HostConfig host = *HostConfig::parse(dockers_text());
  EXPECT_EQ(host.network_mode, "none");
  EXPECT_THAT(host.cap_add, ElementsAre("SYS_TIME"));
  EXPECT_THAT(host.extra_hosts, ElementsAre("a:1.2.3.4"));
  EXPECT_EQ(host.tmpfs.at("/tm"), "size=5m");
  ASSERT_EQ(host.ulimits.size(), 1u);
  EXPECT_EQ(host.ulimits[0].hard, 200u);
  ASSERT_EQ(host.mounts.size(), 3u);
  EXPECT_EQ(host.mounts[1].tmpfs_mode, 01770u);
  EXPECT_TRUE(host.init.value_or(false));
}

TEST(HostConfig, WrongTypesAreRefused) {
  EXPECT_FALSE(HostConfig::parse("[]").ok());
  EXPECT_FALSE(HostConfig::parse("{").ok());
  EXPECT_FALSE(HostConfig::parse(R"({"CapAdd":"x"})").ok());
  EXPECT_FALSE(HostConfig::parse(R"({"Mounts":[1]})").ok());
  EXPECT_FALSE(HostConfig::parse(R"({"Ulimits":[{"Name":1}]})").ok());
}

TEST(HostConfig, NullsAreNothing) {
  Result<HostConfig> host =
      HostConfig::parse(R"({"Binds":null,"Tmpfs":null,"Mounts":null,"Init":null})");
  ASSERT_TRUE(host.ok());
  EXPECT_FALSE(host->init.has_value());
}

MountPoint bind(const std::string& text) {
  Result<MountPoint> point = parse_bind(text);
  EXPECT_TRUE(point.ok()) << text << (point.ok() ? "" : ": " + point.error().message());
  return point.ok() ? *point : MountPoint{};
}

std::string refusal(const std::string& text) {
  Result<MountPoint> point = parse_bind(text);
  return point.ok() ? "" : point.error().message();
}

TEST(Binds, SourceThatIsAPathIsABindMount) {
  MountPoint point = bind("/src/../data/:/target//x/.");
  EXPECT_EQ(point.type, "bind");
  EXPECT_EQ(point.source, "/data");
  EXPECT_EQ(point.destination, "/target/x");
  EXPECT_TRUE(point.writable);
  EXPECT_EQ(point.propagation, "rprivate");
}

TEST(Binds, OtherSourceIsAVolume) {
  MountPoint point = bind("data:/x:ro,nocopy");
  EXPECT_EQ(point.type, "volume");
  EXPECT_EQ(point.name, "data");
  EXPECT_FALSE(point.writable);
  EXPECT_TRUE(point.spec.no_copy);
  EXPECT_EQ(point.mode, "ro,nocopy");
}

TEST(Binds, PropagationAndRelabelsAreTaken) {
  EXPECT_EQ(bind("/a:/b:rslave,z").propagation, "rslave");
  EXPECT_FALSE(bind("/a:/b:cached,ro").writable);
}

TEST(Binds, FailInDockersWords) {
  EXPECT_EQ(refusal("/a:/b:foo"), "invalid mode: foo");
  EXPECT_EQ(refusal("data:/b:rslave"),
            "invalid volume specification: 'data:/b:rslave': invalid mount config for type "
            "\"volume\": field BindOptions must not be specified");
  EXPECT_EQ(refusal("/a:/b:ro,rw"), "invalid mode: ro,rw");
  EXPECT_EQ(refusal("/a:b"),
            "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid "
            "mount path: 'b' mount path must be absolute");
  EXPECT_EQ(refusal("v1:/"),
            "invalid volume specification: 'v1:/': invalid mount config for type \"volume\": "
            "invalid specification: destination can't be '/'");
  EXPECT_EQ(refusal("/a:/b:ro:x"), "invalid volume specification: '/a:/b:ro:x'");
  EXPECT_EQ(refusal("/a:"), "invalid volume specification: '/a:'");
  EXPECT_NE(refusal("../x:/b").find("includes invalid characters for a local volume name"),
            std::string::npos);
  EXPECT_NE(refusal("a/../../b:/b").find("includes invalid characters"), std::string::npos);
}

TEST(MountPoints, SameTargetTwiceIsRefused) {
  HostConfig host;
  host.binds = {"/a:/x", "/b:/x/"};
  Result<std::vector<MountPoint>> points = plan_mount_points(host, {});
  ASSERT_FALSE(points.ok());
  EXPECT_EQ(points.error().message(), "Duplicate mount point: /x");
}

TEST(MountPoints, VolumesOfTheImageGiveWayToOptions) {
  HostConfig host;
  host.binds = {"/a:/x"};
  host.tmpfs["/t"] = "";
  std::vector<MountPoint> points = *plan_mount_points(host, {"/x", "/t", "/y"});
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].type, "bind");
  EXPECT_EQ(points[1].destination, "/y");
  EXPECT_TRUE(points[1].anonymous);
  EXPECT_EQ(points[1].name.size(), 64u);
}

TEST(MountPoints, ComeBackFromTheirJson) {
  for (const char* text : {"/a:/x:ro", "data:/y"}) {
    MountPoint point = bind(text);
    Result<MountPoint> again = MountPoint::parse(point.to_json());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->to_json(), point.to_json());
    EXPECT_FALSE(again->anonymous);
  }
  EXPECT_TRUE(MountPoint::parse(anonymous_volume("/z").to_json())->anonymous);
}

}  // namespace
}  // namespace strata::runtime
