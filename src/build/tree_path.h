// SPDX-License-Identifier: Apache-2.0
// Clean paths below the top of a tree, which is ".": taken apart and put together.
// Threads: functions of their arguments.
#pragma once

#include <string>
#include <string_view>

namespace strata::build {

// "a/b/c" is "c" in "a/b"; "a" is "a" in ".".
struct SplitPath {
  std::string folder;
  std::string name;
};

inline SplitPath split_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {".", std::string(path)};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

inline std::string join_path(std::string_view folder, std::string_view name) {
  if (folder == ".") return std::string(name);
  return std::string(folder).append("/").append(name);
}

}  // namespace strata::build
