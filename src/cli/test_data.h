// SPDX-License-Identifier: Apache-2.0
// Expectations made by Go and docker's own packages; tests/data/cli/make_vectors.go says how.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <iterator>
#include <string>

namespace strata::cli {

inline boost::json::value expectations(const std::string& name) {
  std::ifstream file("tests/data/cli/" + name);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_FALSE(text.empty()) << "tests/data/cli/" << name << " is not there";
  return boost::json::parse(text);
}

inline std::string text_of(const boost::json::value& value, std::string_view name) {
  return std::string(value.at(name).as_string());
}

}  // namespace strata::cli
