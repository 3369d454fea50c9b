// SPDX-License-Identifier: Apache-2.0
// Unpacking a layer and rebuilding its tar. The judge of a round trip is the input itself; what the
// files must be is FORMATS section 5, found out with dockerd.
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <random>
#include <thread>

#include "codec/decompress.h"
#include "driver/layer_test_fixture.h"
#include "driver/tree_writer.h"
#include "hash/crc64.h"

namespace strata::driver {
namespace {

TEST_F(LayerTest, KeepsContentModeTimeAndLinks) {
  tar::Member setuid;
  setuid.name = "bin/tool";
  setuid.mode = 04755;
  UnpackedLayer layer = round_trip(TarText()
                                       .folder("bin/")
                                       .add(setuid, "#!")
                                       .other(tar::kSymlink, "bin/link", "tool")
                                       .other(tar::kHardLink, "bin/hard", "bin/tool")
                                       .other(tar::kFifo, "pipe")
                                       .file("empty", "")
                                       .end());
  EXPECT_EQ(content("bin/tool"), "#!");
  EXPECT_EQ(info("bin/hard").st_ino, info("bin/tool").st_ino);
  EXPECT_EQ(info("bin/tool").st_mtime, 1'000'000);
  EXPECT_EQ(info("bin").st_mtime, 1'000'000);
  EXPECT_TRUE(S_ISFIFO(info("pipe").st_mode));
  // 2 bytes of the tool, 4 of the symlink's target; the hard link counts once (FORMATS section 3).
  EXPECT_EQ(layer.size_bytes, 6u);
}

TEST_F(LayerTest, MakesMissingParents) {
  round_trip(TarText().file("a/b/c", "x").end());
  EXPECT_EQ(info("a/b").st_mode & 07777, 0755u);
  EXPECT_EQ(content("a/b/c"), "x");
}

TEST_F(LayerTest, LargeFileTravelsInManyBlocks) {
  std::string payload(300'001, '\0');
  std::mt19937 generator(7);
  for (char& c : payload) c = static_cast<char>(generator());
  round_trip(TarText().file("before", "1").file("large", payload).file("after", "2").end());
  EXPECT_TRUE(content("large") == payload);
}

TEST_F(LayerTest, WhiteoutsBecomeDevicesAndMarks) {
  round_trip(TarText().file("d/.wh.gone", "").file("d/.wh..wh..opq", "").end());
  EXPECT_TRUE(S_ISCHR(info("d/gone").st_mode));
  EXPECT_EQ(info("d/gone").st_rdev, makedev(0, 0));
  const char* name = ::geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
  char value = 0;
  ASSERT_EQ(::lgetxattr((path_ + "/layer/diff/d").c_str(), name, &value, 1), 1);
  EXPECT_EQ(value, 'y');
}

TEST_F(LayerTest, WhiteoutOfNothingIsRefused) {
  EXPECT_NE(error_of(TarText().file("d/.wh.", "").end()).find("invalid whiteout entry \"d/.wh.\""),
            std::string::npos);
}

// Docker stores none of the following, or cannot save it again; DESIGN rule 4 asks for the same
// bytes.
TEST_F(LayerTest, SecondMemberOfANameWins) {
  UnpackedLayer layer =
      round_trip(TarText().file("a", "first").file("b", "x").file("./a", "the second").end());
  EXPECT_EQ(content("a"), "the second");
  EXPECT_EQ(layer.size_bytes, 11u);
}

TEST_F(LayerTest, FileInPlaceOfATreeKeepsTheTreesBytes) {
  round_trip(TarText()
                 .folder("a/")
                 .file("a/b", "below")
                 .folder("a/c/")
                 .file("a/c/d", "deep")
                 .file("a", "file")
                 .end());
  EXPECT_EQ(content("a"), "file");
}

TEST_F(LayerTest, ThreeOfANameAndATreeAgain) {
  round_trip(TarText()
                 .file("x", "one")
                 .file("x", "two!")
                 .folder("x/")
                 .file("x/y", "in the folder")
                 .file("x", "three")
                 .other(tar::kSymlink, "x", "elsewhere")
                 .end());
  EXPECT_TRUE(S_ISLNK(info("x").st_mode));
}

TEST_F(LayerTest, FolderTwiceIsMerged) {
  round_trip(TarText().folder("d/").file("d/a", "a").folder("d/").file("d/b", "b").end());
  EXPECT_EQ(content("d/a") + content("d/b"), "ab");
}

TEST_F(LayerTest, NamesTwiceNeverStandTwiceInTheSplit) {
  round_trip(TarText()
                 .file("a", "1")
                 .folder("d/")
                 .file("a", "2")
                 .folder("d")
                 .file("d/.wh.w", "")
                 .file("d/.wh.w", "")
                 .file("d/.wh..wh..opq", "")
                 .file("d/.wh..wh..opq", "")
                 .end());
  Fd file = open_at(meta_, kSplitFileName, O_RDONLY).value();
  FdSource compressed(file.get());
  std::unique_ptr<ByteSource> json =
      codec::make_decompressor(codec::Compression::kGzip, compressed);
  tar::SplitReader reader(*json);
  tar::SplitEntry entry;
  std::vector<std::string> names;
  while (reader.next(entry).value()) {
    if (entry.kind == tar::SplitEntry::kFile) names.push_back(entry.name);
  }
  // dockerd refuses a record with a name twice (FORMATS section 4).
  EXPECT_EQ(names, (std::vector<std::string>{"d/", "a", "d/.wh.w", "d/.wh..wh..opq"}));
}

TEST_F(LayerTest, PathThroughASymlinkIsFollowedWithinTheLayer) {
  round_trip(TarText()
                 .folder("real/")
                 .other(tar::kSymlink, "rel", "real")
                 .other(tar::kSymlink, "abs", "/real")
                 .other(tar::kSymlink, "out", "../../../../real")
                 .other(tar::kSymlink, "dangling", "made/later")
                 .file("rel/a", "1")
                 .file("abs/b", "2")
                 .file("out/c", "3")
                 .file("dangling/d", "4")
                 .end());
  EXPECT_EQ(content("real/a") + content("real/b") + content("real/c") + content("made/later/d"),
            "1234");
}

TEST_F(LayerTest, SymlinkThatChangesItsTargetKeepsBothFiles) {
  round_trip(TarText()
                 .folder("one/")
                 .folder("two/")
                 .other(tar::kSymlink, "l", "one")
                 .file("l/f", "in one")
                 .other(tar::kSymlink, "l", "two")
                 .file("l/f", "in two, longer")
                 .end());
  EXPECT_EQ(content("one/f"), "in one");
  EXPECT_EQ(content("two/f"), "in two, longer");
}

// Folders are remembered for members that come back to them.
TEST_F(LayerTest, SymlinkInPlaceOfAFolderIsFollowedWhenTheTarComesBack) {
  round_trip(TarText()
                 .folder("a/")
                 .folder("a/deep/")
                 .file("a/deep/f", "in the first a")
                 .folder("b/")
                 .folder("b/deep/")
                 .file("b/deep/f", "in b")
                 .other(tar::kSymlink, "a", "b")
                 .file("b/deep/g", "in b, too")
                 .file("a/deep/f", "in b by way of a")
                 .end());
  EXPECT_EQ(content("b/deep/f"), "in b by way of a");
  EXPECT_EQ(content("b/deep/g"), "in b, too");
}

// The name that is taken away is not the name under which the tar had it before.
TEST_F(LayerTest, ReplacedThroughASymlinkKeepsBothFiles) {
  round_trip(TarText()
                 .folder("real/")
                 .file("real/a", "first")
                 .folder("real/sub/")
                 .file("real/sub/b", "below")
                 .file("top", "at the root")
                 .other(tar::kSymlink, "rel", "real")
                 .other(tar::kSymlink, "real/up", "..")
                 .file("rel/a", "second, longer")
                 .file("rel/sub", "in place of a folder")
                 .file("rel/up/top", "another")
                 .end());
  EXPECT_EQ(content("real/a"), "second, longer");
  EXPECT_EQ(content("top"), "another");
}

// GNU.sparse.name may have one. The system would take the name up to there, for another file.
TEST_F(LayerTest, NameWithANulIsRefused) {
  TreeWriter tree(folder_, diff_, ::geteuid() == 0);
  tar::Member member;
  member.name = std::string("a\0b", 3);
  Result<CreatedFile> file = tree.create_file(member, 0);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), ErrorCode::kInvalid);
  EXPECT_FALSE(exists("a"));
}

TEST_F(LayerTest, LoopOfSymlinksIsRefused) {
  std::string message = error_of(TarText()
                                     .other(tar::kSymlink, "a", "b")
                                     .other(tar::kSymlink, "b", "a")
                                     .file("a/f", "x")
                                     .end());
  EXPECT_NE(message.find("symbolic links"), std::string::npos) << message;
}

TEST_F(LayerTest, NamesThatLeaveTheLayerAreRefused) {
  for (const char* name : {"../x", "a/../../y", "..", "/../z"}) {
    fresh_layer();
    std::string message = error_of(TarText().file(name, "evil").end());
    EXPECT_NE(message.find(fmt::format("invalid entry name \"{}\"", name)), std::string::npos)
        << message;
  }
  EXPECT_FALSE(exists_at(top_, "x").value());
}

TEST_F(LayerTest, HardLinksToOutsideOrNothingAreRefused) {
  for (const char* target : {"../../etc/passwd", "nothing", "later", ".."}) {
    fresh_layer();
    std::string message =
        error_of(TarText().other(tar::kHardLink, "h", target).file("later", "x").end());
    EXPECT_NE(message.find(target), std::string::npos) << message;
    EXPECT_NE(message.find("\"h\""), std::string::npos) << message;
  }
}

TEST_F(LayerTest, HardLinkThroughASymlinkStaysInside) {
  ASSERT_TRUE(write_file_at(top_, "secret", "outside", 0600).ok());
  std::string message = error_of(
      TarText().other(tar::kSymlink, "up", "../..").other(tar::kHardLink, "h", "up/secret").end());
  EXPECT_NE(message.find("up/secret"), std::string::npos) << message;
}

TEST_F(LayerTest, TypesThatDockerRefusesAreRefused) {
  std::string message = error_of(TarText().other('7', "contiguous").end());
  EXPECT_NE(message.find("unhandled tar header type 55"), std::string::npos) << message;
}

TEST_F(LayerTest, NameLongerThanTheSystemTakesIsRefused) {
  std::string message = error_of(TarText().file(std::string(300, 'n'), "x").end());
  EXPECT_NE(message.find("File name too long"), std::string::npos) << message;
}

TEST_F(LayerTest, TrailingBytesAndMissingEndAreKept) {
  round_trip(TarText().file("a", "x").end() + "garbage behind the end");
  fresh_layer();
  round_trip(TarText().file("a", "x").end() + std::string(10240, '\0'));
  fresh_layer();
  std::string without_end = TarText().file("a", "x").end();
  without_end.resize(without_end.size() - 1024);
  round_trip(without_end);
  fresh_layer();
  round_trip("");
  fresh_layer();
  round_trip(std::string(1024, '\0'));
}

TEST_F(LayerTest, EveryTruncationIsRefusedOrRoundTrips) {
  std::string tar = TarText().folder("d/").file("d/f", std::string(700, 'f')).file("g", "x").end();
  for (size_t size = 1; size < tar.size(); size += 37) {
    fresh_layer();
    Result<UnpackedLayer> layer = unpack(std::string_view(tar).substr(0, size));
    if (layer.ok()) {
      std::string again;
      EXPECT_TRUE(rebuild(layer->diff_id, again).ok());
      EXPECT_EQ(again, tar.substr(0, size));
    } else {
      EXPECT_EQ(layer.error().code(), ErrorCode::kInvalid) << layer.error().message();
    }
  }
}

TEST_F(LayerTest, OverlayOrdersInXattrsAreNotSet) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to set trusted.* xattrs";
  tar::Member folder;
  folder.name = "d/";
  folder.type = tar::kDirectory;
  folder.xattrs = {{"trusted.overlay.redirect", "/etc"}, {"trusted.overlay.opaque", "y"}};
  round_trip(TarText().add(folder).end());
  std::string path = path_ + "/layer/diff/d";
  EXPECT_EQ(::lgetxattr(path.c_str(), "trusted.overlay.redirect", nullptr, 0), -1);
  EXPECT_EQ(::lgetxattr(path.c_str(), "trusted.overlay.opaque", nullptr, 0), 1);
}

TEST_F(LayerTest, RefusedXattrsAreFewAndSorted) {
  TarText tar;
  for (int i = 99; i >= 0; --i) {
    tar::Member file;
    file.name = fmt::format("f{}", i);
    file.xattrs = {{fmt::format("nonsense.{:02}", i), "x"}};  // no such namespace anywhere
    tar.add(file);
  }
  std::vector<std::string> warnings = round_trip(tar.end()).warnings;
  ASSERT_EQ(warnings.size(), RefusedXattrs::kMaxNames);
  EXPECT_EQ(warnings.front(), "nonsense.00");
  EXPECT_TRUE(std::is_sorted(warnings.begin(), warnings.end()));
}

// Files are made faster than a slow disk closes them.
TEST_F(LayerTest, FewFilesAreOpenAtATime) {
  struct rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit tight = before;
  tight.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  TarText tar;
  for (int i = 0; i < 600; ++i) tar.file(fmt::format("f{}", i), "");
  Pool slow(1);
  slow.run([] { std::this_thread::sleep_for(std::chrono::milliseconds(300)); });
  std::string text = tar.end();
  SpanSource source(as_bytes(text));
  Result<UnpackedLayer> layer =
      unpack_layer(source, {&folder_, &diff_, &meta_}, slow, buffers_, nullptr);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(layer.ok()) << layer.error().message();
}

// A CRC-64 of zero can be had on purpose; dockerd writes the same for links that claim a size.
TEST_F(LayerTest, ContentWithAChecksumOfZeroIsContent) {
  const std::string forged("\xf4\x42\x2f\xf4\x42\x2f\xf4\x12", 8);
  Crc64 crc;
  crc.update(as_bytes(forged));
  ASSERT_EQ(crc.big_endian(), tar::Crc64Bytes{});
  round_trip(TarText().file("z", forged).file("y", "x").file("d/z", forged).end());
}

class DamagedLayerTest : public LayerTest {
 protected:
  void damage_with(const std::function<void()>& change, const std::string& expected_message) {
    fresh_layer();
    UnpackedLayer layer = round_trip(TarText().folder("d/").file("d/victim", "content").end());
    change();
    std::string again;
    Status read = rebuild(layer.diff_id, again);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
    EXPECT_NE(read.error().message().find(expected_message), std::string::npos)
        << read.error().message();
  }
};

TEST_F(DamagedLayerTest, NamesTheFile) {
  damage_with([&] { ASSERT_TRUE(write_file_at(diff_, "d/victim", "cOntent", 0644).ok()); },
              "file integrity checksum failed for \"d/victim\"");
  damage_with([&] { ASSERT_TRUE(write_file_at(diff_, "d/victim", "short", 0644).ok()); },
              "file \"d/victim\": 7 bytes expected, 5 found");
  damage_with([&] { ASSERT_TRUE(write_file_at(diff_, "d/victim", "content and more", 0644).ok()); },
              "file \"d/victim\": 7 bytes expected, more found");
  damage_with([&] { ASSERT_TRUE(unlink_at(diff_, "d/victim").ok()); }, "file \"d/victim\"");
}

TEST_F(DamagedLayerTest, WholeOfAnotherTarIsNoticed) {
  round_trip(TarText().file("a", "x").end());
  std::string again;
  DiffId other(Digest::of("something else"));
  Status read = rebuild(other, again);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message().find(fmt::format("expected {}, found sha256:", other)),
            std::string::npos);
}

// A file that the record names must be in the layer, wherever links in the layer point.
TEST_F(DamagedLayerTest, FilesOutsideAreNotRead) {
  UnpackedLayer layer = round_trip(TarText().folder("d/").file("d/victim", "content").end());
  ASSERT_TRUE(mkdir_at(top_, "outside", 0755).ok());
  ASSERT_TRUE(write_file_at(top_, "outside/victim", "content", 0644).ok());
  ASSERT_TRUE(remove_tree_at(diff_, "d").ok());
  ASSERT_TRUE(symlink_at("../../outside", diff_, "d").ok());
  std::string again;
  EXPECT_FALSE(rebuild(layer.diff_id, again).ok());
}

}  // namespace
}  // namespace strata::driver
