// SPDX-License-Identifier: Apache-2.0
// What the tests of contexts share: a temporary folder that is filled in a few words.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/fs_at.h"

namespace strata::build {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = testing::TempDir() + "strata-build-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    top_ = std::move(open_path(path_, O_RDONLY | O_DIRECTORY)).value();
  }
  ~TestFolder() { EXPECT_TRUE(remove_tree_at(Fd(), path_).ok()); }
  TestFolder(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  const Fd& top() const { return top_; }
  Fd reopened() const { return std::move(open_path(path_, O_RDONLY | O_DIRECTORY)).value(); }

  TestFolder& folder(const std::string& name, mode_t mode = 0755) {
    EXPECT_TRUE(ensure_dirs_at(top_, name, 0755).ok()) << name;
    ::fchmodat(top_.get(), name.c_str(), mode, 0);
    return *this;
  }
  TestFolder& file(const std::string& name, std::string_view content = "", mode_t mode = 0644) {
    if (name.find('/') != std::string::npos) {
      EXPECT_TRUE(ensure_dirs_at(top_, name.substr(0, name.rfind('/')), 0755).ok()) << name;
    }
    EXPECT_TRUE(write_file_at(top_, name, content, mode).ok()) << name;
    return *this;
  }
  TestFolder& link(const std::string& name, const std::string& target) {
    EXPECT_TRUE(symlink_at(target, top_, name).ok()) << name;
    return *this;
  }
  TestFolder& hard_link(const std::string& name, const std::string& target) {
    EXPECT_EQ(::linkat(top_.get(), target.c_str(), top_.get(), name.c_str(), 0), 0) << name;
    return *this;
  }
  TestFolder& age(const std::string& name, int64_t seconds) {
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    EXPECT_EQ(::utimensat(top_.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << name;
    return *this;
  }

  std::string text(const std::string& name) const {
    Result<std::string> content = read_file_at(top_, name);
    return content.ok() ? *content : "(" + content.error().message() + ")";
  }
  struct stat info(const std::string& name) const {
    Result<struct stat> found = lstat_at(top_, name);
    EXPECT_TRUE(found.ok()) << name;
    return found.ok() ? *found : (struct stat){};
  }
  bool has(const std::string& name) const { return lstat_at(top_, name).ok(); }
  // All below, one "path" (folders with a '/') each.
  std::vector<std::string> all(const std::string& folder = ".") const {
    std::vector<std::string> paths;
    Result<std::vector<DirEntry>> entries = list_dir_at(top_, folder);
    EXPECT_TRUE(entries.ok()) << folder;
    if (!entries.ok()) return paths;
    for (const DirEntry& entry : *entries) {
      const std::string path = folder == "." ? entry.name : folder + "/" + entry.name;
      const bool is_folder = S_ISDIR(info(path).st_mode);
      paths.push_back(is_folder ? path + "/" : path);
      if (!is_folder) continue;
      for (std::string& inner : all(path)) paths.push_back(std::move(inner));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

 private:
  std::string path_;
  Fd top_;
};

}  // namespace strata::build
