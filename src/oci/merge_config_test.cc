// SPDX-License-Identifier: Apache-2.0
#include "oci/merge_config.h"

#include <gtest/gtest.h>

namespace strata::oci {
namespace {

using List = std::vector<std::string>;
using Map = std::map<std::string, std::string>;
using Set = std::set<std::string>;

TEST(MergeConfig, AnEmptyConfigTakesAllButWhatIsTheContainersOwn) {
  ContainerConfig below;
  below.user = "u";
  below.exposed_ports = {"80/tcp"};
  below.env = List{"A=1"};
  below.cmd = List{"c"};
  below.entrypoint = List{"e"};
  below.working_dir = "/w";
  below.volumes = Set{"/v"};
  below.stop_signal = "SIGINT";
  below.labels = Map{{"l", "1"}};
  below.healthcheck = Healthcheck{.test = {"NONE"}};
  ContainerConfig expected = below;
  below.hostname = "h";
  below.on_build = List{"RUN x"};
  below.shell = {"/bin/sh"};
  ContainerConfig config;
  merge_config(config, below);
  EXPECT_EQ(config, expected);
}

TEST(MergeConfig, ListsAndMapsAreJoinedAndOwnEntriesWin) {
  ContainerConfig below, config;
  below.env = List{"A=below", "B=below", "C"};
  config.env = List{"B=own", "D=own"};
  below.labels = Map{{"a", "below"}, {"b", "below"}};
  config.labels = Map{{"b", "own"}};
  below.volumes = Set{"/below"};
  config.volumes = Set{"/own"};
  below.exposed_ports = {"1/tcp"};
  config.exposed_ports = {"2/tcp"};
  merge_config(config, below);
  EXPECT_EQ(config.env, (List{"B=own", "D=own", "A=below", "C"}));
  EXPECT_EQ(config.labels, (Map{{"a", "below"}, {"b", "own"}}));
  EXPECT_EQ(config.volumes, (Set{"/below", "/own"}));
  EXPECT_EQ(config.exposed_ports, (Set{"1/tcp", "2/tcp"}));
}

TEST(MergeConfig, AnEntrypointOfItsOwnLeavesCmdAlone) {
  ContainerConfig below, config;
  below.entrypoint = List{"below"};
  below.cmd = List{"below"};
  config.entrypoint = List{"own"};
  merge_config(config, below);
  EXPECT_EQ(config.entrypoint, List{"own"});
  EXPECT_EQ(config.cmd, Words());
  // An entrypoint that is empty but there keeps that of below away.
  config.entrypoint = List{};
  merge_config(config, below);
  EXPECT_EQ(config.entrypoint, List{});
  EXPECT_EQ(config.cmd, List{"below"});
}

TEST(MergeConfig, LabelsAreNeverNull) {
  ContainerConfig config;
  merge_config(config, {});
  EXPECT_TRUE(config.labels.has_value());
}

}  // namespace
}  // namespace strata::oci
