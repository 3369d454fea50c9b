// SPDX-License-Identifier: Apache-2.0
#include "runtime/check_host_config.h"

#include <gtest/gtest.h>

namespace strata::runtime {
namespace {

std::string refusal(const HostConfig& host) {
  Status status = check_host_config(host);
  return status.ok() ? "" : status.error().message();
}

HostConfig with_limits(const Resources& limits) {
  HostConfig host;
  host.resources = limits;
  return host;
}

TEST(CheckHostConfig, NothingIsWrongWithDefaults) { EXPECT_EQ(refusal(HostConfig()), ""); }

TEST(CheckHostConfig, LimitsFailInDockersWords) {
  EXPECT_EQ(refusal(with_limits({.memory_bytes = 1024})), "Minimum memory limit allowed is 6MB");
  EXPECT_EQ(refusal(with_limits({.memory_bytes = 64 << 20, .memory_swap_bytes = -1})), "");
  EXPECT_EQ(refusal(with_limits({.nano_cpus = 1'000'000'000, .cpu_quota = 5000})),
            "Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
  EXPECT_EQ(refusal(with_limits({.cpuset_cpus = "0-3,5"})), "");
  EXPECT_EQ(refusal(with_limits({.cpuset_cpus = "0-3,,5"})),
            "Invalid value 0-3,,5 for cpuset cpus: invalid format: 0-3,,5");
  EXPECT_EQ(refusal(with_limits({.cpuset_mems = "3-1"})),
            "Invalid value 3-1 for cpuset mems: invalid format: 3-1");
}

TEST(CheckHostConfig, SecurityOptionsAreThoseThatDockerKnows) {
  HostConfig host;
  host.security_opt = {"seccomp=unconfined", "label:disable", "no-new-privileges",
                       "no-new-privileges:false", "apparmor=x=y"};
  EXPECT_EQ(refusal(host), "");
  host.security_opt = {"odd"};
  EXPECT_EQ(refusal(host), "invalid --security-opt 1: \"odd\"");
  host.security_opt = {"odd=1"};
  EXPECT_EQ(refusal(host), "invalid --security-opt 2: \"odd=1\"");
}

TEST(CheckHostConfig, FileSystemsInMemory) {
  HostConfig host;
  host.tmpfs = {{"/x", "size=1m,mode=700,exec,mpol=default"}};
  EXPECT_EQ(refusal(host), "");
  host.tmpfs = {{"/x", "exec,odd=1"}};
  EXPECT_EQ(refusal(host), "invalid tmpfs option [\"odd\" \"1\"]");
  host.tmpfs = {{"/x/..", ""}};
  EXPECT_EQ(refusal(host), "invalid specification: destination can't be '/'");
}

}  // namespace
}  // namespace strata::runtime
