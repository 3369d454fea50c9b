// SPDX-License-Identifier: Apache-2.0
#include "driver/layer_stack.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "driver/driver.h"
#include "driver/mount.h"
#include "driver/tree_walk.h"

namespace strata::driver {
namespace {

// Folders that lie on each other, "0" the highest.
class LayerStackTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/strata-stack-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    top_ = open_path(path_, O_RDONLY | O_DIRECTORY).value();
    for (const char* name : {"0", "1", "2", "merged"}) ASSERT_TRUE(mkdir_at(top_, name, 0755).ok());
  }
  void TearDown() override { EXPECT_TRUE(remove_tree_at(Fd(), path_).ok()); }

  std::string at(const std::string& name) const { return path_ + "/" + name; }
  void file(const std::string& name) { ASSERT_TRUE(write_file_at(top_, name, name, 0644).ok()); }
  void folder(const std::string& name) { ASSERT_TRUE(mkdir_at(top_, name, 0755).ok()); }
  void whiteout(const std::string& name) { ASSERT_EQ(::mknod(at(name).c_str(), S_IFCHR, 0), 0); }
  void opaque(const std::string& name) {
    ASSERT_EQ(::setxattr(at(name).c_str(), opaque_xattr().data(), "y", 1, 0), 0);
  }

  // Every path that shows, its type, and for a file what it holds.
  std::string listing(const std::vector<std::string>& layers) {
    std::vector<Fd> folders;
    for (const std::string& layer : layers)
      folders.push_back(open_path(at(layer), O_RDONLY).value());
    LayerStack stack(folders);
    TreeWalk walk(stack);
    WalkEntry entry;
    std::string lines;
    while (walk.next(entry).value())
      lines += line(entry.path, *entry.folder, entry.name, entry.info);
    return lines;
  }
  // The same of a mount. A folder that lies in one layer alone lists its whiteouts, but nothing can
  // be found under their names.
  std::string kernel_listing(const Fd& folder, const std::string& prefix = "") {
    std::vector<DirEntry> entries = list_dir_at(folder, ".").value();
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    std::string lines;
    for (const DirEntry& entry : entries) {
      Result<struct stat> info = lstat_at(folder, entry.name);
      if (!info.ok()) continue;
      lines += line(prefix + entry.name, folder, entry.name, *info);
      if (!S_ISDIR(info->st_mode)) continue;
      lines += kernel_listing(open_dir_at(folder, entry.name).value(), prefix + entry.name + "/");
    }
    return lines;
  }
  static std::string line(const std::string& path, const Fd& folder, const std::string& name,
                          const struct stat& info) {
    std::string text = S_ISREG(info.st_mode) ? " " + read_file_at(folder, name).value() : "";
    return fmt::format("{} {:o}{}\n", path, info.st_mode & S_IFMT, text);
  }

  std::string path_;
  Fd top_;
};

TEST_F(LayerStackTest, TheHighestShowsAndFoldersAreJoined) {
  folder("2/d");
  file("2/d/low");
  file("2/both");
  folder("0/d");
  file("0/d/high");
  file("0/both");
  EXPECT_EQ(listing({"0", "1", "2"}),
            "both 100000 0/both\nd 40000\nd/high 100000 0/d/high\nd/low 100000 2/d/low\n");
}

TEST_F(LayerStackTest, WhatIsHiddenStaysHidden) {
  folder("2/gone");
  file("2/gone/x");
  folder("2/new");
  file("2/new/old");
  folder("2/file");
  file("2/file/x");
  whiteout("1/gone");
  folder("1/new");
  opaque("1/new");
  file("1/new/1");
  file("1/file");
  // What comes again does not bring the old with it.
  folder("0/gone");
  folder("0/file");
  folder("0/new");
  EXPECT_EQ(listing({"0", "1", "2"}), "file 40000\ngone 40000\nnew 40000\nnew/1 100000 1/new/1\n");
}

TEST_F(LayerStackTest, FindsWithoutAWalk) {
  folder("1/d");
  folder("1/d/e");
  file("1/d/e/f");
  whiteout("0/x");
  file("1/x");
  Fd high = open_path(at("0"), O_RDONLY).value();
  Fd low = open_path(at("1"), O_RDONLY).value();
  LayerStack stack({&high, &low}, LayerStack::Whiteouts::kHide);
  EXPECT_FALSE(stack.find(stack.root().value(), "x").value().has_value());
  EXPECT_FALSE(stack.open("d/none").value().has_value());
  EXPECT_FALSE(stack.open("d/e/f").value().has_value());
  std::optional<LayerStack::Folder> deep = stack.open("d/e").value();
  ASSERT_TRUE(deep.has_value());
  EXPECT_TRUE(S_ISREG(stack.find(*deep, "f").value()->info.st_mode));
}

// The kernel is the judge.
TEST_F(LayerStackTest, RandomLayersShowAsTheKernelShowsThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (const char* layer : {"0", "1", "2"}) {
      ASSERT_TRUE(remove_tree_at(top_, layer).ok());
      ASSERT_TRUE(mkdir_at(top_, layer, 0755).ok());
      std::vector<std::string> folders = {std::string(layer) + "/"};
      for (int i = 0; i < 25; ++i) {
        std::string name = folders[random() % folders.size()] + fmt::format("{}", random() % 6);
        if (exists_at(top_, name).value()) continue;
        switch (random() % 4) {
          case 0:
            whiteout(name);
            break;
          case 1:
            file(name);
            break;
          default:
            folder(name);
            if (random() % 4 == 0) opaque(name);
            folders.push_back(name + "/");
        }
      }
    }
    std::string ours = listing({"0", "1", "2"});
    std::string theirs;
    std::thread([&] {
      ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_FS), 0);
      ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
      Fd home = open_path(path_, O_RDONLY | O_DIRECTORY).value();
      ASSERT_TRUE(mount_lower_read_only(home, {"0", "1", "2"}, at("merged")).ok());
      theirs = kernel_listing(open_path(at("merged"), O_RDONLY | O_DIRECTORY).value());
    }).join();
    EXPECT_EQ(ours, theirs);
  }
}

}  // namespace
}  // namespace strata::driver
