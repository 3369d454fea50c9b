// SPDX-License-Identifier: Apache-2.0
#include "driver/upper_recorder.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <random>

#include "driver/driver.h"
#include "driver/layer_test_fixture.h"
#include "driver/tree_tar.h"
#include "driver/tree_walk.h"

namespace strata::driver {
namespace {

constexpr int64_t kThen = 1'600'000'000;

// An upper folder of an overlay mount, made by hand.
class UpperTest : public LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    ASSERT_TRUE(mkdir_at(top_, "upper", 0755).ok());
    upper_ = open_dir_at(top_, "upper").value();
  }

  std::string at(const std::string& name) { return path_ + "/upper/" + name; }
  void file(const std::string& name, std::string_view text, mode_t mode = 0644) {
    ASSERT_TRUE(write_file_at(upper_, name, text, mode).ok());
    touch(name);
  }
  void folder(const std::string& name) {
    ASSERT_TRUE(mkdir_at(upper_, name, 0755).ok());
    touch(name);
  }
  void whiteout(const std::string& name) {
    ASSERT_EQ(::mknod(at(name).c_str(), S_IFCHR, 0), 0);
    touch(name);
  }
  void opaque(const std::string& name) {
    ASSERT_EQ(::setxattr(at(name).c_str(), opaque_xattr().data(), "y", 1, 0), 0);
  }
  void touch(const std::string& name, int64_t seconds = kThen, long nanoseconds = 5) {
    struct timespec times[2] = {{seconds, 0}, {seconds, nanoseconds}};
    ASSERT_EQ(::utimensat(AT_FDCWD, at(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  void socket(const std::string& name) {
    Fd made(::socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    at(name).copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(made.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address), 0);
  }

  UnpackedLayer record(const RecordOptions& options = {}) {
    Result<UnpackedLayer> layer = record_upper(upper_, meta_, options, pool_, buffers_);
    EXPECT_TRUE(layer.ok()) << layer.error().message();
    return layer.ok() ? std::move(*layer) : UnpackedLayer();
  }
  UnpackedLayer copy(const RecordOptions& options = {}) {
    fresh_layer();
    Result<UnpackedLayer> layer =
        copy_upper(upper_, {&folder_, &diff_, &meta_}, options, pool_, buffers_);
    EXPECT_TRUE(layer.ok()) << layer.error().message();
    return layer.ok() ? std::move(*layer) : UnpackedLayer();
  }
  // The tar that the record of `files` stands for.
  std::string tar_of(const Fd& files, const DiffId& diff) {
    Fd split = open_at(meta_, kSplitFileName, O_RDONLY).value();
    EXPECT_GT(tar_bytes_of(split).value(), 0u);
    std::string tar;
    StringSink sink(tar);
    Status read = read_layer({&files, &split}, diff, sink, buffers_, pool_);
    EXPECT_TRUE(read.ok()) << read.error().message();
    return tar;
  }

  // Names, types, modes, owners, whole times, targets, contents and xattrs.
  std::string listing(const Fd& root) {
    LayerStack tree({&root}, LayerStack::Whiteouts::kShow);
    TreeWalk walk(tree);
    WalkEntry entry;
    std::string lines;
    while (walk.next(entry).value()) {
      const struct stat& info = entry.info;
      bool whiteout = S_ISCHR(info.st_mode) && info.st_rdev == 0;
      lines +=
          fmt::format("{} {:o} {}:{} {} {}", entry.path, info.st_mode & (whiteout ? S_IFMT : ~0u),
                      info.st_uid, info.st_gid, info.st_rdev,
                      whiteout ? 0 : info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
      if (!S_ISDIR(info.st_mode)) lines += fmt::format(" links={} {}", info.st_nlink, info.st_size);
      if (S_ISREG(info.st_mode)) {
        lines += " " + Digest::of(read_file_at(root, entry.path).value()).hex();
      }
      if (S_ISLNK(info.st_mode)) lines += " " + readlink_at(root, entry.path).value();
      lines += xattrs(fmt::format("/proc/self/fd/{}/{}", root.get(), entry.path)) + "\n";
    }
    return lines;
  }
  static std::string xattrs(const std::string& path) {
    std::string list(4096, '\0');
    ssize_t size = ::llistxattr(path.c_str(), list.data(), list.size());
    list.resize(size < 0 ? 0 : static_cast<size_t>(size));
    std::replace(list.begin(), list.end(), '\0', ' ');
    return list.empty() ? "" : " [" + list + "]";
  }

  Fd upper_;
};

tar::Member member(char type, const std::string& name, uint32_t mode) {
  tar::Member made;
  made.type = type;
  made.name = name;
  made.mode = mode;
  made.uid = ::geteuid();
  made.gid = ::getegid();
  made.mtime_seconds = kThen;
  return made;
}

// A tar of `members`, whose contents are given.
std::string tar_with(std::vector<std::pair<tar::Member, std::string>> members) {
  std::string text;
  for (auto& [member, payload] : members) {
    member.size_bytes = payload.size();
    text += tar::encode_header(member, tar::HeaderStyle::kDocker28).value() + payload;
    text.append(tar::padding_bytes(payload.size()), '\0');
  }
  return text + std::string(1024, '\0');
}

TEST_F(UpperTest, AnEmptyFolderIsTheEmptyTar) {
  UnpackedLayer layer = record();
  EXPECT_EQ(layer.diff_id.to_string(),
            "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
  EXPECT_TRUE(is_empty_layer(layer.diff_id));
  EXPECT_EQ(layer.size_bytes, 0u);
  EXPECT_EQ(layer.tar_bytes, 1024u);
}

TEST_F(UpperTest, TheTarIsDockers) {
  folder("d");
  file("d/a", "hello", 04755);
  file("a.b", "");
  whiteout("gone");
  ASSERT_EQ(::symlink("a", at("d/s").c_str()), 0);
  touch("d/s");
  ASSERT_EQ(::link(at("d/a").c_str(), at("z").c_str()), 0);
  folder("o");
  opaque("o");
  tar::Member link = member(tar::kHardLink, "z", 04755);
  link.link_name = "d/a";
  tar::Member symlink = member(tar::kSymlink, "d/s", 0777);
  symlink.link_name = "a";
  tar::Member mark = member(tar::kRegular, "o/.wh..wh..opq", 0755);
  mark.mtime_seconds = 0;
  touch("d");
  std::string expected = tar_with({{member(tar::kRegular, "a.b", 0644), ""},
                                   {member(tar::kDirectory, "d/", 0755), ""},
                                   {member(tar::kRegular, "d/a", 04755), "hello"},
                                   {symlink, ""},
                                   {member(tar::kRegular, ".wh.gone", 0600), ""},
                                   {member(tar::kDirectory, "o/", 0755), ""},
                                   {mark, ""},
                                   {link, ""}});
  UnpackedLayer copied = copy();
  EXPECT_EQ(copied.diff_id.digest(), Digest::of(expected));
  EXPECT_EQ(tar_of(diff_, copied.diff_id), expected);
  EXPECT_EQ(copied.size_bytes, 6u);
  fresh_layer();
  UnpackedLayer layer = record();
  EXPECT_EQ(layer.diff_id, copied.diff_id);
  EXPECT_EQ(layer.tar_bytes, expected.size());
  EXPECT_EQ(layer.size_bytes, 6u);
  EXPECT_EQ(tar_of(upper_, layer.diff_id), expected);
}

TEST_F(UpperTest, ASharedWhiteoutKeepsTheNameOfTheFirst) {
  whiteout("a");
  ASSERT_EQ(::link(at("a").c_str(), at("b").c_str()), 0);
  tar::Member second = member(tar::kRegular, ".wh.b", 0600);
  second.link_name = "a";
  std::string expected = tar_with({{member(tar::kRegular, ".wh.a", 0600), ""}, {second, ""}});
  EXPECT_EQ(copy().diff_id.digest(), Digest::of(expected));
  fresh_layer();
  // Not so in what is to be the same everywhere.
  second.link_name.clear();
  expected = tar_with({{member(tar::kRegular, ".wh.a", 0600), ""}, {second, ""}});
  EXPECT_EQ(record({.latest_mtime = kThen}).diff_id.digest(), Digest::of(expected));
}

TEST_F(UpperTest, WhatTheTarDoesNotTellIsTakenOff) {
  folder("d");
  file("d/f", "x");
  socket("d/sock");
  touch("d");
  ASSERT_EQ(::setxattr(at("d/f").c_str(), "user.note", "1", 1, 0), 0);
  ASSERT_EQ(::setxattr(at("d").c_str(), "user.note", "1", 1, 0), 0);
  UnpackedLayer copied = copy();
  EXPECT_TRUE(exists_at(upper_, "d/sock").value());
  std::string unpacked = listing(diff_);
  fresh_layer();
  EXPECT_EQ(record().diff_id, copied.diff_id);
  EXPECT_EQ(listing(upper_), unpacked);
}

TEST_F(UpperTest, CapabilitiesStay) {
  file("ping", "x");
  constexpr std::string_view kNetRaw("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  if (::setxattr(at("ping").c_str(), "security.capability", kNetRaw.data(), kNetRaw.size(), 0) !=
      0) {
    GTEST_SKIP() << "needs the right to set capabilities of files";
  }
  UnpackedLayer copied = copy();
  std::string unpacked = listing(diff_);
  fresh_layer();
  EXPECT_EQ(record().diff_id, copied.diff_id);
  EXPECT_EQ(listing(upper_), unpacked);
  EXPECT_EQ(::getxattr(at("ping").c_str(), "security.capability", nullptr, 0), 20);
}

TEST_F(UpperTest, LaterTimesAreClamped) {
  folder("d");
  file("d/f", "x");
  file("old", "x");
  touch("old", 7);
  tar::Member old = member(tar::kRegular, "old", 0644);
  old.mtime_seconds = 7;
  tar::Member inner = member(tar::kRegular, "d/f", 0644);
  tar::Member outer = member(tar::kDirectory, "d/", 0755);
  inner.mtime_seconds = outer.mtime_seconds = 1000;
  UnpackedLayer layer = record({.latest_mtime = 1000});
  EXPECT_EQ(layer.diff_id.digest(), Digest::of(tar_with({{outer, ""}, {inner, "x"}, {old, "x"}})));
  EXPECT_EQ(lstat_at(upper_, "d").value().st_mtim.tv_sec, 1000);
  EXPECT_EQ(lstat_at(upper_, "d/f").value().st_mtim.tv_sec, 1000);
  EXPECT_EQ(lstat_at(upper_, "old").value().st_mtim.tv_sec, 7);
}

TEST_F(UpperTest, FilesCalledLikeWhiteoutsBecomeSuch) {
  folder("d");
  file("d/.wh.x", "content");
  file("d/.wh.y", "");
  file("d/y", "over it");
  whiteout("d/z");
  file("d/.wh.z", "1");
  folder("e");
  file("e/.wh..wh..opq", "");
  touch("d");
  UnpackedLayer copied = copy();
  std::string tar = tar_of(diff_, copied.diff_id);
  std::string unpacked = listing(diff_);
  fresh_layer();
  UnpackedLayer layer = record();
  EXPECT_EQ(layer.diff_id, copied.diff_id);
  EXPECT_EQ(layer.size_bytes, copied.size_bytes);
  EXPECT_EQ(tar_of(upper_, layer.diff_id), tar);
  EXPECT_EQ(listing(upper_), unpacked);
}

TEST_F(UpperTest, AWhiteoutOfNothingIsRefused) {
  file(".wh.", "");
  Result<UnpackedLayer> layer = record_upper(upper_, meta_, {}, pool_, buffers_);
  ASSERT_FALSE(layer.ok());
  EXPECT_EQ(layer.error().message(), ".wh.: invalid whiteout entry \".wh.\": it names nothing");
}

TEST_F(UpperTest, AFileThatIsCutMeanwhileIsNoticed) {
  file("a", "x");
  file("b", std::string(100'000, 'b'));
  const LayerStack tree({&upper_}, LayerStack::Whiteouts::kShow);
  int batches = 0;
  Result<TreeTarSummary> made =
      make_tree_tar(tree, {}, pool_, buffers_, [&](const std::shared_ptr<TarBatch>&) {
        if (++batches == 2) {
          EXPECT_EQ(::truncate(at("b").c_str(), 50'000), 0);
        }
        return true;
      });
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kCorrupt);
  EXPECT_TRUE(made.error().message().starts_with("b changed while it was read: "))
      << made.error().message();
}

TEST_F(UpperTest, WhatVanishesIsLeftOutWhereTheTreeMayChange) {
  file("a", "x");
  for (const char* name : {"b", "c", "d"}) file(name, std::string(100'000, 'b'));
  file("e", "y");
  folder("f");
  file("f/g", "y");
  const LayerStack tree({&upper_}, LayerStack::Whiteouts::kShow);
  for (bool may_change : {true, false}) {
    TreeTarOptions options;
    options.may_change = may_change;
    std::string tar;
    int batches = 0;
    BatchConsumer collect([&](const TarBatch& batch) {
      tar += as_text(batch.bytes().bytes);
      return Status();
    });
    Result<TreeTarSummary> made =
        make_tree_tar(tree, options, pool_, buffers_, [&](std::shared_ptr<TarBatch> batch) {
          if (++batches == 2) {
            EXPECT_TRUE(write_file_at(upper_, "b", std::string(200'000, 'b'), 0644).ok());
            for (const char* name : {"c", "e", "f"}) EXPECT_TRUE(remove_tree_at(upper_, name).ok());
          }
          return collect.push(std::move(batch));
        });
    Status collected = collect.finish();
    EXPECT_EQ(made.ok(), may_change);
    if (!may_change) break;
    ASSERT_TRUE(collected.ok()) << collected.error().message();
    fresh_layer();
    EXPECT_EQ(unpack(tar)->size_bytes, 200'001u);
    EXPECT_FALSE(exists("c"));
    EXPECT_FALSE(exists("e"));
  }
}

TEST_F(UpperTest, ARecordThatCannotBeWrittenEndsTheOthers) {
  for (int i = 0; i < 100; ++i) file(fmt::format("{}", i), std::string(5000, 'x'));
  ASSERT_TRUE(write_file_at(meta_, kSplitFileName, "in the way", 0644).ok());
  EXPECT_FALSE(record_upper(upper_, meta_, {}, pool_, buffers_).ok());
  // A consumer that fails in the middle, beside one that does not.
  const LayerStack tree({&upper_}, LayerStack::Whiteouts::kShow);
  int seen = 0;
  BatchConsumer good([](const TarBatch&) { return Status(); });
  BatchConsumer bad([&](const TarBatch&) -> Status {
    return ++seen < 3 ? Status() : error(ErrorCode::kNoSpace, "full");
  });
  Result<TreeTarSummary> made = make_tree_tar(
      tree, {}, pool_, buffers_,
      [&](const std::shared_ptr<TarBatch>& batch) { return good.push(batch) && bad.push(batch); });
  Status good_end = good.finish();
  EXPECT_EQ(bad.finish().error().code(), ErrorCode::kNoSpace);
  EXPECT_TRUE(good_end.ok() || good_end.error().code() == ErrorCode::kCancelled);
}

TEST_F(UpperTest, NothingOfAPoolIsUsedWhenItIsGone) {
  file("a", "x");
  for (int i = 0; i < 300; ++i) {
    fresh_layer();
    BufferPool short_lived(4096, 3);
    ASSERT_TRUE(record_upper(upper_, meta_, {}, pool_, short_lived).ok());
  }
}

// Any tree: recorded in place it is what unpacking its tar gives.
TEST_F(UpperTest, RandomTreesAreWhatTheirTarsUnpackTo) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    ASSERT_TRUE(remove_tree_at(top_, "upper").ok());
    ASSERT_TRUE(mkdir_at(top_, "upper", 0755).ok());
    upper_ = open_dir_at(top_, "upper").value();
    std::mt19937 random(seed);
    std::vector<std::string> folders = {""};
    std::vector<std::string> files;
    for (int i = 0; i < 60; ++i) {
      std::string name = folders[random() % folders.size()] + fmt::format("{}", random() % 1000);
      if (random() % 8 == 0) name += std::string(1 + random() % 200, 'n');
      if (random() % 8 == 0) name += "\xff\xc3\xa4";
      if (exists_at(upper_, name).value()) continue;
      switch (random() % 6) {
        case 0:
          folder(name);
          if (random() % 3 == 0) opaque(name);
          folders.push_back(name + "/");
          break;
        case 1:
          whiteout(name);
          break;
        case 2:
          ASSERT_EQ(::symlink(std::string(1 + random() % 300, 't').c_str(), at(name).c_str()), 0);
          break;
        case 3:
          if (files.empty()) break;
          ASSERT_EQ(::link(at(files[random() % files.size()]).c_str(), at(name).c_str()), 0);
          break;
        default:
          file(name, std::string(random() % 3 == 0 ? random() % 20000 : random() % 600, 'c'));
          files.push_back(name);
      }
    }
    UnpackedLayer copied = copy();
    std::string tar = tar_of(diff_, copied.diff_id);
    std::string unpacked = listing(diff_);
    fresh_layer();
    EXPECT_EQ(round_trip(tar).size_bytes, copied.size_bytes);
    fresh_layer();
    UnpackedLayer layer = record();
    EXPECT_EQ(layer.diff_id, copied.diff_id);
    EXPECT_EQ(layer.size_bytes, copied.size_bytes);
    EXPECT_EQ(layer.tar_bytes, tar.size());
    EXPECT_TRUE(tar_of(upper_, layer.diff_id) == tar);
    EXPECT_EQ(listing(upper_), unpacked);
  }
}

}  // namespace
}  // namespace strata::driver
