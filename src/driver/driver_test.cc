// SPDX-License-Identifier: Apache-2.0
#include "driver/driver.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "base/test_support.h"
#include "driver/mount.h"

namespace strata::driver {
namespace {

// A root with a driver, and verbs to stage layers in it.
class Layers {
 public:
  explicit Layers(const std::string& driver_name) {
    std::string pattern = ::testing::TempDir() + "/strata-driver-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    root = must(open_path(path_, O_RDONLY | O_DIRECTORY));
    must(mkdir_at(root, "staging", 0700));
    staging = must(open_dir_at(root, "staging"));
    driver = must(make_driver(driver_name, root, "/data"));
    must(driver->create_home());
  }
  ~Layers() { EXPECT_TRUE(remove_tree_at(Fd(), path_).ok()); }

  // An empty staged layer; returns its `diff/`.
  Fd stage(const std::string& name) {
    must(mkdir_at(staging, name, 0700));
    must(mkdir_at(staging, name + "/diff", 0755));
    return must(open_dir_at(staging, name + "/diff"));
  }
  CacheId publish(const std::string& name, const CacheId* below = nullptr) {
    must(driver->prepare(must(open_dir_at(staging, name)), {.published = below}));
    CacheId cache = CacheId::random();
    must(driver->publish(staging, name, cache));
    return cache;
  }
  std::string file(const CacheId& cache, const std::string& name) {
    return must(read_file_at(root, "overlay2/" + cache.name() + "/" + name));
  }

  Fd root, staging;
  std::unique_ptr<Driver> driver;

 private:
  std::string path_;
};

void whiteout(const Fd& dir, const std::string& path) {
  // Allowed to everybody since Linux 5.8, because 0:0 is no device.
  ASSERT_EQ(::mknodat(dir.get(), path.c_str(), S_IFCHR, makedev(0, 0)), 0);
}

std::vector<std::string> names_in(const Fd& dir, const std::string& path) {
  std::vector<std::string> names;
  for (const DirEntry& entry : must(list_dir_at(dir, path))) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

TEST(Overlay2, NamesTheLayersBelowNearestFirst) {
  Layers layers("overlay2");
  layers.stage("a");
  layers.stage("b");
  layers.stage("c");
  CacheId a = layers.publish("a");
  CacheId b = layers.publish("b", &a);
  CacheId c = layers.publish("c", &b);
  EXPECT_EQ(layers.file(c, "lower"),
            "l/" + layers.file(b, "link") + ":l/" + layers.file(a, "link"));
  std::string link = layers.file(c, "link");
  EXPECT_EQ(link.size(), 26u);
  EXPECT_EQ(link.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), std::string::npos);
  EXPECT_EQ(must(layers.driver->graph_data(c)).at("LowerDir"),
            fmt::format("/data/overlay2/{}/diff:/data/overlay2/{}/diff", b, a));
}

TEST(Overlay2, StagedLayersGoOnEachOtherAndOnOthersLater) {
  Layers layers("overlay2");
  layers.stage("a");
  layers.stage("b");
  layers.stage("other");
  Fd a = must(open_dir_at(layers.staging, "a"));
  Fd b = must(open_dir_at(layers.staging, "b"));
  must(layers.driver->prepare(a, {}));
  must(layers.driver->prepare(b, {.staged = &a}));
  EXPECT_EQ(must(read_file_at(b, "lower")), "l/" + must(read_file_at(a, "link")));
  std::string link = must(read_file_at(b, "link"));
  CacheId other = layers.publish("other");
  must(layers.driver->prepare(b, {.published = &other}));
  EXPECT_EQ(must(read_file_at(b, "lower")), "l/" + layers.file(other, "link"));
  EXPECT_EQ(must(read_file_at(b, "link")), link);
}

TEST(Overlay2, DropsWhatIsNotPartOfALayer) {
  Layers layers("overlay2");
  layers.stage("a");
  must(mkdir_at(layers.staging, "a/replaced", 0700));
  must(write_file_at(layers.staging, "a/replaced/1", "x", 0600));
  CacheId a = layers.publish("a");
  EXPECT_EQ(names_in(layers.root, "overlay2/" + a.name()), (Names{"committed", "diff", "link"}));
}

TEST(Overlay2, RemovesALayerAndItsLinkAlone) {
  Layers layers("overlay2");
  layers.stage("a");
  layers.stage("b");
  CacheId a = layers.publish("a");
  CacheId b = layers.publish("b");
  std::string link = layers.file(b, "link");
  // Damage that would take b's link along.
  must(write_file_at(layers.root, "overlay2/" + a.name() + "/link", link, 0644));
  must(layers.driver->remove(a));
  EXPECT_FALSE(must(layers.driver->exists(a)));
  EXPECT_EQ(must(readlink_at(layers.root, "overlay2/l/" + link)), "../" + b.name() + "/diff");
  must(layers.driver->remove(b));
  must(layers.driver->remove(b));
  EXPECT_EQ(names_in(layers.root, "overlay2"), Names{"l"});
}

TEST(Overlay2, DamagedLinkReachesNothingElse) {
  Layers layers("overlay2");
  layers.stage("a");
  layers.stage("b");
  CacheId a = layers.publish("a");
  must(write_file_at(layers.root, "overlay2/" + a.name() + "/link", "../../x", 0644));
  Status prepared =
      layers.driver->prepare(must(open_dir_at(layers.staging, "b")), {.published = &a});
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(prepared.error().message(),
            "the layer below: link is \"../../x\", expected 26 characters of A-Z2-7");
  must(layers.driver->remove(a));
  EXPECT_EQ(names_in(layers.root, "overlay2/l"), Names{});
}

// Runs `body` where mounts are nobody else's, with the path of `root`, which shows them.
void in_own_mounts(const Fd& root, const std::function<void(const std::string& path)>& body) {
  std::thread([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_FS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    body(must(path_of(root)));
  }).join();
}

TEST(Overlay2, WritesGoToTheTopFolderAlone) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  Layers layers("overlay2");
  must(write_file_at(layers.stage("base"), "below", "1", 0644));
  CacheId base = layers.publish("base");
  layers.stage("top");
  Fd top = must(open_dir_at(layers.staging, "top"));
  must(layers.driver->prepare(top, {.published = &base}));
  must(mkdir_at(layers.root, "merged", 0700));
  in_own_mounts(layers.root, [&](const std::string& path) {
    const std::string target = path + "/merged";
    // The last comes after a mount whose syncs were skipped.
    for (FileSyncs syncs : {FileSyncs::kHonoured, FileSyncs::kSkipped, FileSyncs::kSkipped}) {
      must(layers.driver->mount_writable(top, target, syncs));
      EXPECT_EQ(must(read_file_at(Fd(), target + "/below")), "1");
      must(write_file_at(Fd(), target + "/new", "2", 0644));
      must(unmount(target));
      EXPECT_FALSE(must(exists_at(Fd(), target + "/new")));
    }
  });
  EXPECT_EQ(must(read_file_at(top, "diff/new")), "2");
  EXPECT_EQ(names_in(must(layers.driver->open_files(base)), "."), Names{"below"});
  EXPECT_EQ(names_in(must(layers.driver->open_folder(base)), "."),
            (Names{"committed", "diff", "link"}));
}

TEST(Overlay2, ABaseLayerIsWrittenWithoutOverlay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  Layers layers("overlay2");
  layers.stage("base");
  Fd base = must(open_dir_at(layers.staging, "base"));
  must(layers.driver->prepare(base, {}));
  must(mkdir_at(layers.root, "merged", 0700));
  in_own_mounts(layers.root, [&](const std::string& path) {
    must(layers.driver->mount_writable(base, path + "/merged", FileSyncs::kSkipped));
    must(write_file_at(Fd(), path + "/merged/new", "2", 0644));
  });
  EXPECT_EQ(must(read_file_at(base, "diff/new")), "2");
}

TEST(Vfs, ShowsItsCopyOfTheTreeToBeWritten) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  Layers layers("vfs");
  Fd base = layers.stage("base");
  must(write_file_at(base, "old", "1", 0644));
  must(layers.driver->prepare(must(open_dir_at(layers.staging, "base")), {}));
  must(mkdir_at(layers.root, "merged", 0700));
  auto write = [&](const Fd& folder, const std::string& name) {
    in_own_mounts(layers.root, [&](const std::string& path) {
      must(layers.driver->mount_writable(folder, path + "/merged", FileSyncs::kSkipped));
      EXPECT_EQ(must(read_file_at(Fd(), path + "/merged/old")), "1");
      must(write_file_at(Fd(), path + "/merged/" + name, "2", 0644));
    });
  };
  write(must(open_dir_at(layers.staging, "base")), "staged");
  const CacheId cache = must(CacheId::parse(std::string(64, 'a')));
  must(layers.driver->publish(layers.staging, "base", cache));
  write(must(layers.driver->open_folder(cache)), "published");
  const Fd files = must(layers.driver->open_files(cache));
  EXPECT_EQ(must(read_file_at(files, "staged")) + must(read_file_at(files, "published")), "22");
}

TEST(Vfs, GetsWhatItLacksFromTheBottom) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  Layers layers("vfs");
  Fd base = layers.stage("base");
  for (const char* folder : {"both", "file-there"}) must(mkdir_at(base, folder, 0700));
  for (const char* file : {"both/own", "old"}) must(write_file_at(base, file, "own", 0600));
  Fd staged = must(open_dir_at(layers.staging, "base"));
  must(layers.driver->prepare(staged, {}));
  for (const char* folder : {"merged", "bottom", "bottom/both", "bottom/both/new", "bottom/old"})
    must(mkdir_at(staged, folder, 0750));
  for (const char* file : {"both/own", "both/new/x", "file-there"})
    must(write_file_at(staged, fmt::format("bottom/{}", file), "bottom's", 0640));
  Fd bottom = must(open_dir_at(staged, "bottom"));
  in_own_mounts(layers.staging, [&](const std::string& path) {
    const std::string at = path + "/base/merged";
    must(layers.driver->mount_writable(staged, at, FileSyncs::kSkipped, &bottom));
    Fd shown = must(open_path(at, O_RDONLY | O_DIRECTORY));
    EXPECT_EQ(names_in(shown, "."), (Names{"both", "file-there", "old"}));
    EXPECT_EQ(names_in(shown, "both"), (Names{"new", "own"}));
    EXPECT_EQ(names_in(shown, "file-there"), Names{});
    EXPECT_EQ(must(read_file_at(shown, "both/own")), "own");
    EXPECT_EQ(must(read_file_at(shown, "both/new/x")), "bottom's");
    EXPECT_EQ(must(lstat_at(shown, "both")).st_mode & 07777, 0700u);
    EXPECT_EQ(must(lstat_at(shown, "both/new")).st_mode & 07777, 0750u);
  });
  EXPECT_EQ(names_in(bottom, "both"), (Names{"new", "own"}));
}

TEST(Vfs, PutsADiffOnACopyOfTheTreeBelow) {
  Layers layers("vfs");
  Fd base = layers.stage("base");
  for (const char* folder : {"merged", "opaque", "gone", "gone/deep", "becomes-file"})
    must(mkdir_at(base, folder, 0750));
  for (const char* file : {"kept", "removed", "becomes-dir", "merged/old", "opaque/old",
                           "gone/deep/x", "becomes-file/x"}) {
    must(write_file_at(base, file, file, 0640));
  }
  ASSERT_EQ(::linkat(base.get(), "kept", base.get(), "linked", 0), 0);
  must(symlink_at("../out", base, "symlink"));
  struct timespec times[2] = {{7, 8}, {9, 10}};
  ASSERT_EQ(::utimensat(base.get(), "kept", times, 0), 0);
  CacheId below = layers.publish("base");

  Fd diff = layers.stage("diff");
  for (const char* folder : {"merged", "opaque", "becomes-dir"}) must(mkdir_at(diff, folder, 0711));
  for (const char* file : {"merged/new", "opaque/new", "becomes-file", "becomes-dir/x"}) {
    must(write_file_at(diff, file, file, 0644));
  }
  whiteout(diff, "removed");
  whiteout(diff, "gone");
  whiteout(diff, "merged/never-was");
  Fd opaque = must(open_dir_at(diff, "opaque"));
  if (::fsetxattr(opaque.get(), opaque_xattr().data(), "y", 1, 0) != 0)
    GTEST_SKIP() << "no xattrs here";
  CacheId top = layers.publish("diff", &below);

  Fd tree = must(layers.driver->open_files(top));
  EXPECT_EQ(names_in(tree, "."), (Names{"becomes-dir", "becomes-file", "kept", "linked", "merged",
                                        "opaque", "symlink"}));
  EXPECT_EQ(names_in(tree, "merged"), (Names{"new", "old"}));
  EXPECT_EQ(names_in(tree, "opaque"), Names{"new"});
  EXPECT_EQ(must(read_file_at(tree, "becomes-file")), "becomes-file");
  EXPECT_EQ(must(read_file_at(tree, "becomes-dir/x")), "becomes-dir/x");
  EXPECT_EQ(must(readlink_at(tree, "symlink")), "../out");
  struct stat kept = must(lstat_at(tree, "kept"));
  EXPECT_EQ(kept.st_ino, must(lstat_at(tree, "linked")).st_ino);
  EXPECT_EQ(kept.st_mtim.tv_sec, 9);
  EXPECT_EQ(kept.st_mtim.tv_nsec, 10);
  EXPECT_EQ(kept.st_mode & 07777, 0640u);
  EXPECT_EQ(must(lstat_at(tree, "merged")).st_mode & 07777, 0711u);
  EXPECT_LT(::fgetxattr(must(open_dir_at(tree, "opaque")).get(), opaque_xattr().data(), nullptr, 0),
            0);

  // The layer below is as it was.
  EXPECT_EQ(names_in(must(layers.driver->open_files(below)), "."),
            (Names{"becomes-dir", "becomes-file", "gone", "kept", "linked", "merged", "opaque",
                   "removed", "symlink"}));
}

TEST(Driver, UnknownNameIsRefused) {
  Fd root = must(open_path(".", O_RDONLY | O_DIRECTORY));
  Result<std::unique_ptr<Driver>> driver = make_driver("aufs", root, "/");
  ASSERT_FALSE(driver.ok());
  EXPECT_EQ(driver.error().code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace strata::driver
