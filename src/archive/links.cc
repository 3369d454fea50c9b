// SPDX-License-Identifier: Apache-2.0
#include "archive/links.h"

#include <vector>

namespace strata::archive {
namespace {

constexpr int kMaxLinks = 255;  // as docker's symlink scope evaluation
// Names come from outside and links multiply them. No system opens a longer path (PATH_MAX).
constexpr size_t kMaxPathBytes = 4096;
// Memory for names, and what a name costs besides its bytes.
constexpr size_t kMaxNamesBytes = 32u << 20;
constexpr size_t kNameBytes = 96;

// Pushes the components of `path` in reverse, so that the first is on top.
void push_components(std::vector<std::string>& stack, const std::string& path) {
  size_t end = path.size();
  while (true) {
    size_t slash = end == 0 ? std::string::npos : path.rfind('/', end - 1);
    size_t begin = slash == std::string::npos ? 0 : slash + 1;
    if (end > begin) stack.push_back(path.substr(begin, end - begin));
    if (slash == std::string::npos) return;
    end = slash;
  }
}

}  // namespace

Status Links::add_member(const std::string& name, const std::string& link_target) {
  ++members_;
  names_bytes_ += kNameBytes + name.size() + link_target.size();
  if (names_bytes_ <= kMaxNamesBytes) return {};
  return error(ErrorCode::kUnsupported, "the archive has too many files: \"{}\" is number {}",
               name.substr(0, 200), members_);
}

Result<std::string> Links::resolve(const std::string& name) const {
  auto leaves = [&](std::string_view how) {
    return error(ErrorCode::kInvalid, "invalid path \"{}\": it points outside of the archive{}",
                 name, how);
  };
  auto too_long = [&] {
    return error(ErrorCode::kInvalid, "invalid path \"{}\": longer than {} bytes",
                 name.substr(0, 200), kMaxPathBytes);
  };
  if (name.starts_with('/')) return leaves(" (absolute)");
  if (name.size() > kMaxPathBytes) return too_long();
  std::vector<std::string> todo;
  push_components(todo, name);
  std::string done;
  int links_left = kMaxLinks;
  while (!todo.empty()) {
    std::string component = std::move(todo.back());
    todo.pop_back();
    if (component == ".") continue;
    if (component == "..") {
      if (done.empty()) return leaves("");
      size_t slash = done.rfind('/');
      done.resize(slash == std::string::npos ? 0 : slash);
      continue;
    }
    std::string next = done.empty() ? component : done + "/" + component;
    auto link = symlinks_.find(next);
    if (link == symlinks_.end()) {
      done = std::move(next);
      continue;
    }
    if (link->second.starts_with('/')) return leaves(" through the link \"" + next + "\"");
    if (--links_left == 0) {
      return error(ErrorCode::kInvalid, "invalid path \"{}\": too many links in the archive", name);
    }
    if (link->second.size() > kMaxPathBytes || todo.size() > kMaxPathBytes) return too_long();
    push_components(todo, link->second);
  }
  return done;
}

}  // namespace strata::archive
