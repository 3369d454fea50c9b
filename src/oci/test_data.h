// SPDX-License-Identifier: Apache-2.0
// Files of tests/data/oci for the unit tests of this folder; its README says where they are from.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace strata::oci {

inline std::string test_data(const std::string& name) {
  std::ifstream file("tests/data/oci/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name << ": run from the project's folder";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The configs that real tools wrote.
inline const std::string kConfigs[] = {"docker-20.10/config.json", "docker-28.5/config.json",
                                       "docker-28.5-buildkit/config.json",
                                       "skopeo-zstd/config.json"};

}  // namespace strata::oci
