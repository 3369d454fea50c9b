// SPDX-License-Identifier: Apache-2.0
#include "tar/path.h"

namespace strata::tar {
namespace {

// Cleans `name` into `path` (empty for the root); returns how often ".." met the root.
size_t clean(std::string_view name, std::string& path) {
  size_t clamped = 0;
  while (!name.empty()) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (path.empty()) ++clamped;
      const size_t parent = path.rfind('/');
      path.resize(parent == std::string::npos ? 0 : parent);
      continue;
    }
    if (!path.empty()) path += '/';
    path += part;
  }
  return clamped;
}

}  // namespace

std::string clean_path(std::string_view name) {
  std::string path;
  clean(name, path);
  return path.empty() ? "." : path;
}

bool leaves_root(std::string_view name) {
  std::string path;
  return clean(name, path) > 0;
}

}  // namespace strata::tar
