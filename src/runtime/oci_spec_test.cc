// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "oci/json.h"
#include "runtime/capabilities.h"
#include "runtime/seccomp.h"

namespace strata::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSubsetOf;
using ::testing::Not;

RunSpec spec_of(std::vector<std::string> args = {"true"}) {
  RunSpec spec;
  spec.process.args = std::move(args);
  spec.id = std::string(64, 'a');
  spec.hostname = "aaaaaaaaaaaa";
  spec.rootfs = "/rootfs";
  return spec;
}

boost::json::value json_of(const RunSpec& spec, const User& user = {}) {
  Cgroups cgroups;
  cgroups.writable = true;
  Result<std::string> text = oci_spec(spec, user, cgroups);
  EXPECT_TRUE(text.ok()) << (text.ok() ? "" : text.error().message());
  return text.ok() ? *oci::parse_json(*text) : boost::json::value(boost::json::object());
}

std::vector<std::string> texts(const boost::json::value& array) {
  std::vector<std::string> all;
  for (const auto& text : array.as_array()) all.emplace_back(text.as_string());
  return all;
}

std::vector<std::string> targets(const boost::json::value& config) {
  std::vector<std::string> all;
  for (const auto& mount : config.at("mounts").as_array()) {
    all.emplace_back(mount.at("destination").as_string());
  }
  return all;
}

std::vector<std::string> options_at(const boost::json::value& config, std::string_view target) {
  for (const auto& mount : config.at("mounts").as_array()) {
    if (mount.at("destination").as_string() == target) return texts(mount.at("options"));
  }
  return {};
}

TEST(OciSpec, EnvironmentIsDockersWithTheSpecsOnTop) {
  RunSpec spec = spec_of();
  spec.process.env = {"A=1", "PATH=/bin", "A=2"};
  EXPECT_THAT(environment_of(spec, {.groups = {}, .home = "/root"}),
              ElementsAre("PATH=/bin", "HOSTNAME=aaaaaaaaaaaa", "A=2", "HOME=/root"));
}

TEST(OciSpec, TerminalSetsTermBeforeTheSpecs) {
  RunSpec spec = spec_of();
  spec.process.terminal = true;
  EXPECT_THAT(environment_of(spec, {}), Contains("TERM=xterm"));
  spec.process.env = {"TERM=vt100", "HOME=/h"};
  EXPECT_THAT(environment_of(spec, {}), Contains("TERM=vt100"));
  EXPECT_THAT(environment_of(spec, {}), Not(Contains("HOME=/")));
}

TEST(OciSpec, NameWithoutValueTakesAVariableAway) {
  RunSpec spec = spec_of();
  spec.process.env = {"HOSTNAME"};
  EXPECT_THAT(environment_of(spec, {}), Not(Contains("HOSTNAME=aaaaaaaaaaaa")));
}

TEST(OciSpec, OnlyRootHasEffectiveCapabilities) {
  EXPECT_TRUE(
      json_of(spec_of()).at("process").at("capabilities").as_object().contains("effective"));
  auto caps = json_of(spec_of(), {.uid = 5, .groups = {}, .home = "/"})
                  .at("process")
                  .at("capabilities")
                  .as_object();
  EXPECT_FALSE(caps.contains("effective"));
  EXPECT_TRUE(caps.contains("bounding"));
}

TEST(OciSpec, MountsLieOutsideIn) {
  RunSpec spec = spec_of();
  spec.mounts = {{.source = "/s", .target = "/a/b"}, {.source = "/s", .target = "/a"}};
  EXPECT_THAT(targets(json_of(spec)),
              ElementsAre("/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue",
                          "/dev/shm", "/a", "/a/b"));
}

TEST(OciSpec, MountTakesThePlaceOfTheDefault) {
  RunSpec spec = spec_of();
  spec.mounts = {{.source = "/s", .target = "/dev/shm"}};
  EXPECT_THAT(options_at(json_of(spec), "/dev/shm"), ElementsAre("rbind", "rprivate"));
  spec.mounts = {{.source = "/s", .target = "/dev"}};
  EXPECT_THAT(targets(json_of(spec)), Not(Contains("/dev/pts")));
}

TEST(OciSpec, TmpfsFlagsCanBeTurnedOff) {
  RunSpec spec = spec_of();
  spec.mounts = {
      {.kind = Mount::Kind::kTmpfs, .source = "", .target = "/x"},
      {.kind = Mount::Kind::kTmpfs, .source = "", .target = "/y", .options = {"exec", "size=5m"}}};
  EXPECT_THAT(options_at(json_of(spec), "/x"),
              ElementsAre("noexec", "nosuid", "nodev", "rprivate"));
  EXPECT_THAT(options_at(json_of(spec), "/y"),
              ElementsAre("nosuid", "nodev", "rprivate", "exec", "size=5m"));
}

TEST(OciSpec, PrivilegedHasNoMasksAndNoSeccomp) {
  RunSpec spec = spec_of();
  EXPECT_TRUE(json_of(spec).at("linux").as_object().contains("seccomp"));
  spec.privileged = true;
  auto linux = json_of(spec).at("linux").as_object();
  EXPECT_FALSE(linux.contains("seccomp"));
  EXPECT_FALSE(linux.contains("maskedPaths"));
}

TEST(OciSpec, WithoutCgroupsThereIsNoneInTheConfig) {
  Result<std::string> text = oci_spec(spec_of(), {}, {});
  ASSERT_TRUE(text.ok());
  auto config = *oci::parse_json(*text);
  EXPECT_THAT(targets(config), Not(Contains("/sys/fs/cgroup")));
  EXPECT_FALSE(config.at("linux").as_object().contains("cgroupsPath"));
}

TEST(OciSpec, SeccompAllowsWhatCapabilitiesNeed) {
  auto names = [](const RunSpec& spec) {
    std::vector<std::string> all;
    const boost::json::value config = json_of(spec);
    for (const auto& rule : config.at("linux").at("seccomp").at("syscalls").as_array()) {
      if (rule.at("action").as_string() != "SCMP_ACT_ALLOW") continue;
      for (const std::string& name : texts(rule.at("names"))) all.push_back(name);
    }
    return all;
  };
  RunSpec spec = spec_of();
  EXPECT_THAT(names(spec), Contains("chroot"));
  EXPECT_THAT(names(spec), Not(Contains("mount")));
  EXPECT_THAT(names(spec), Not(Contains("clone3")));
  spec.cap_add = {"sys_admin"};
  EXPECT_THAT(names(spec), Contains("mount"));
  EXPECT_THAT(names(spec), Contains("clone3"));
}

// What is newer than the profile must look as if the kernel did not have it.
TEST(OciSpec, SeccompTellsRefusedCallsFromUnknownOnes) {
  RunSpec spec = spec_of();
  const boost::json::value config = json_of(spec);
  const boost::json::object& profile = config.at("linux").at("seccomp").as_object();
  EXPECT_EQ(profile.at("defaultErrnoRet").as_int64(), ENOSYS);
  std::vector<std::string> refused;
  for (const auto& rule : profile.at("syscalls").as_array()) {
    if (rule.at("action").as_string() != "SCMP_ACT_ERRNO") continue;
    EXPECT_EQ(rule.at("errnoRet").as_int64(), EPERM);
    for (const std::string& name : texts(rule.at("names"))) refused.push_back(name);
  }
  EXPECT_THAT(refused, Contains("mount"));
  EXPECT_THAT(refused, Contains("keyctl"));
  EXPECT_THAT(refused, Contains("clone"));
  EXPECT_THAT(refused, Not(Contains("clone3")));
  EXPECT_THAT(refused, Not(Contains("chroot")));
}

// The filter goes with the profile that it was made of, and with no other.
TEST(OciSpec, OnlyTheDefaultProfileHasAFilter) {
  const auto has_filter = [](const RunSpec& spec) {
    const boost::json::value config = json_of(spec);
    const auto* annotations = config.as_object().if_contains("annotations");
    return annotations != nullptr && annotations->as_object().contains(kFilterAnnotation);
  };
  RunSpec spec = spec_of();
  EXPECT_TRUE(has_filter(spec));
  spec.cap_drop = {"KILL"};  // means nothing to the profile
  EXPECT_TRUE(has_filter(spec));
  spec.cap_drop = {"SYS_CHROOT"};
  EXPECT_FALSE(has_filter(spec));
  spec.cap_drop = {};
  spec.cap_add = {"SYS_ADMIN"};
  EXPECT_FALSE(has_filter(spec));
  spec.cap_add = {};
  spec.seccomp = false;
  EXPECT_FALSE(has_filter(spec));
}

TEST(OciSpec, RelativeWorkingDirectoryIsRefused) {
  RunSpec spec = spec_of();
  spec.process.cwd = "rel";
  Result<std::string> text = oci_spec(spec, {}, {});
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().message(),
            "the working directory 'rel' is invalid, it needs to be an absolute path");
}

TEST(Capabilities, AreAddedAndDropped) {
  RunSpec spec = spec_of();
  spec.cap_drop = {"MKNOD", "cap_kill"};
  spec.cap_add = {"SYS_TIME"};
  auto names = *capabilities_of(spec);
  EXPECT_THAT(names, Not(Contains("CAP_MKNOD")));
  EXPECT_THAT(names, Not(Contains("CAP_KILL")));
  EXPECT_EQ(names.back(), "CAP_SYS_TIME");
}

TEST(Capabilities, AllDroppedLeavesTheAdded) {
  RunSpec spec = spec_of();
  spec.cap_drop = {"all"};
  EXPECT_TRUE(capabilities_of(spec)->empty());
  spec.cap_add = {"chown"};
  EXPECT_THAT(*capabilities_of(spec), ElementsAre("CAP_CHOWN"));
}

TEST(Capabilities, AllAddedAreNoMoreThanWeHave) {
  RunSpec spec = spec_of();
  spec.cap_add = {"ALL"};
  spec.cap_drop = {"MKNOD"};
  auto all = *capabilities_of(spec);
  EXPECT_THAT(all, Not(Contains("CAP_MKNOD")));
  spec.privileged = true;
  EXPECT_THAT(all, IsSubsetOf(*capabilities_of(spec)));
}

TEST(Capabilities, UnknownNamesAreRefused) {
  RunSpec spec = spec_of();
  spec.cap_add = {"nope"};
  EXPECT_EQ(capabilities_of(spec).error().message(),
            "invalid CapAdd: unknown capability: \"CAP_NOPE\"");
}

}  // namespace
}  // namespace strata::runtime
