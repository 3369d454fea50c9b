// SPDX-License-Identifier: Apache-2.0
// For tests: the files of tests/data/tar.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace strata::tar {

inline const std::filesystem::path kTestData = "tests/data/tar";  // tests run in the source folder

inline std::string read_test_file(const std::filesystem::path& path) {
  std::ifstream in(kTestData / path, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// The paths of the files with that ending in a folder of tests/data/tar, sorted.
inline std::vector<std::filesystem::path> test_files(const std::filesystem::path& folder,
                                                     const std::string& ending) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kTestData / folder)) {
    if (entry.path().extension() == ending) paths.push_back(folder / entry.path().filename());
  }
  std::sort(paths.begin(), paths.end());
  EXPECT_FALSE(paths.empty()) << folder;
  return paths;
}

}  // namespace strata::tar
