// SPDX-License-Identifier: Apache-2.0
// Files of tests/data/build for the unit tests of this folder; its README says where they are from.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace strata::build {

inline std::string test_data(const std::string& name) {
  std::ifstream file("tests/data/build/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name << ": run from the project's folder";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The pairs of a file of "input\n----\nexpected\n====\n"; what comes before the first "====" is its
// heading.
inline std::vector<std::pair<std::string, std::string>> test_pairs(const std::string& name) {
  std::string rest = test_data(name);
  rest.erase(0, rest.find("====\n") + 5);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t end; (end = rest.find("\n====\n")) != std::string::npos; rest.erase(0, end + 6)) {
    const size_t middle = rest.find("\n----\n");
    EXPECT_LT(middle, end) << name << ": a case without ----";
    if (middle >= end) break;
    const size_t expected = std::min(middle + 6, end);
    pairs.emplace_back(rest.substr(0, middle), rest.substr(expected, end - expected));
  }
  EXPECT_FALSE(pairs.empty()) << name;
  return pairs;
}

}  // namespace strata::build
