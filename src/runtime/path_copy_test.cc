// SPDX-License-Identifier: Apache-2.0
// What cp is made of: a tar of a path, and unpacking by its rules. Nothing here needs root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/path_archive.h"
#include "runtime/path_extractor.h"
#include "tar/writer.h"

namespace strata::runtime {
namespace {

using ::testing::HasSubstr;

class PathCopy : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/strata-copy-XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    must(mkdir_at(Fd(), top_ + "/root", 0755));
    must(mkdir_at(Fd(), top_ + "/root/folder", 0755));
    must(mkdir_at(Fd(), top_ + "/root/target", 0755));
    write("root/folder/file", "content");
    write("outside", "outside");
    root_ = std::move(open_dir_at(Fd(), top_ + "/root").value());
  }
  void TearDown() override { EXPECT_TRUE(remove_tree_at(Fd(), top_).ok()); }

  static void must(const Status& status) { ASSERT_TRUE(status.ok()) << status.error().message(); }
  void write(const std::string& path, std::string_view text) {
    must(write_file_at(Fd(), top_ + "/" + path, text, 0644));
  }
  void link(const std::string& target, const std::string& path) {
    must(symlink_at(target, Fd(), top_ + "/" + path));
  }
  std::string read(const std::string& path) {
    Result<std::string> text = read_file_at(Fd(), top_ + "/" + path);
    return text.ok() ? *text : text.error().message();
  }
  bool there(const std::string& path) { return *exists_at(Fd(), top_ + "/" + path); }

  Status copy(const std::string& from, const std::string& name, const std::string& to,
              Symlinks links = Symlinks::kFollow) {
    PathExtractor extractor(root_, to, {.links = links, .keep_owners = false});
    STRATA_CHECK(archive_path(root_, from, name, extractor));
    return extractor.finish();
  }

  // A tar of one member, unpacked into /target.
  Status unpack(tar::Member member, std::string_view content = "",
                Symlinks links = Symlinks::kFollow) {
    member.size_bytes = content.size();
    member.uid = ::geteuid();
    member.gid = ::getegid();
    std::string tar = *tar::encode_header(member, tar::HeaderStyle::kDocker28);
    tar += content;
    if (!content.empty()) tar.append(512 - content.size() % 512, '\0');
    PathExtractor extractor(root_, "/target", {.links = links, .keep_owners = false});
    STRATA_CHECK(extractor.write(as_bytes(tar)));
    STRATA_CHECK(extractor.write(tar::kEndOfArchive));
    return extractor.finish();
  }
  static tar::Member member(const std::string& name, char type = tar::kRegular,
                            const std::string& link_name = "") {
    tar::Member made;
    made.name = name;
    made.type = type;
    made.link_name = link_name;
    made.mode = type == tar::kDirectory ? 0755 : 0644;
    return made;
  }

  std::string top_;
  Fd root_;
};

TEST_F(PathCopy, FolderIsCopiedUnderItsNewName) {
  must(copy("/folder", "new", "/target"));
  EXPECT_EQ(read("root/target/new/file"), "content");
}

TEST_F(PathCopy, ContentsAreCopiedUnderADot) {
  must(copy("/folder/.", ".", "/target"));
  EXPECT_EQ(read("root/target/file"), "content");
}

TEST_F(PathCopy, LinkIsCopiedAsALink) {
  link("/folder/file", "root/link");
  must(copy("/link", "link", "/target"));
  EXPECT_EQ(*readlink_at(Fd(), top_ + "/root/target/link"), "/folder/file");
}

TEST_F(PathCopy, LinksAreFollowedBelowTheRootOnly) {
  link("/../../outside", "root/up");
  link(top_ + "/outside", "root/absolute");
  EXPECT_EQ(*follow_links(root_, "/up"), "/../../outside");
  EXPECT_FALSE(look_at(root_, *follow_links(root_, "/up"))->exists);
  Result<NamedPath> absolute = look_at(root_, *follow_links(root_, "/absolute"));
  EXPECT_FALSE(absolute.ok() && absolute->exists);
  link("round", "root/round");
  EXPECT_FALSE(follow_links(root_, "/round").ok());
}

TEST_F(PathCopy, SourceBehindALinkThatLeavesTheRootIsNotFound) {
  link("..", "root/up");
  EXPECT_FALSE(look_at(root_, "/up/outside")->exists);
}

TEST_F(PathCopy, FileIsNoFolder) {
  Result<NamedPath> found = look_at(root_, "/folder/file/");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().message(), "not a directory");
}

TEST_F(PathCopy, FileAndFolderDoNotReplaceEachOther) {
  must(mkdir_at(Fd(), top_ + "/root/target/file", 0755));
  Status onto_folder = unpack(member("file"), "new");
  ASSERT_FALSE(onto_folder.ok());
  EXPECT_THAT(onto_folder.error().message(), HasSubstr("cannot overwrite directory"));
  write("root/target/plain", "old");
  Status onto_file = unpack(member("plain/", tar::kDirectory));
  ASSERT_FALSE(onto_file.ok());
  EXPECT_THAT(onto_file.error().message(), HasSubstr("cannot overwrite non-directory"));
  EXPECT_EQ(read("root/target/plain"), "old");
}

TEST_F(PathCopy, LinkInThePlaceOfAFileIsReplacedAndNotWrittenThrough) {
  link("../folder/file", "root/target/link");
  must(unpack(member("link"), "new"));
  EXPECT_EQ(read("root/target/link"), "new");
  EXPECT_EQ(read("root/folder/file"), "content");
}

TEST_F(PathCopy, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../x", "a/../../x", ".."}) {
    Status unpacked = unpack(member(name), "x");
    ASSERT_FALSE(unpacked.ok()) << name;
    EXPECT_THAT(unpacked.error().message(), HasSubstr("archive breakout"));
  }
  EXPECT_FALSE(unpack(member("hard", tar::kHardLink, "../../outside")).ok());
  EXPECT_FALSE(there("root/x"));
}

TEST_F(PathCopy, LinksInTheContainerLeadNowhereElse) {
  link("/", "root/target/absolute");
  must(unpack(member("absolute/made"), "x"));
  EXPECT_EQ(read("root/made"), "x");
  link("../../..", "root/target/up");
  must(unpack(member("up/made-too"), "x"));
  EXPECT_EQ(read("root/made-too"), "x");
  EXPECT_FALSE(there("made-too"));
}

TEST_F(PathCopy, OnTheHostLinksInTheFolderAreNotFollowed) {
  link("../folder", "root/target/link");
  EXPECT_FALSE(unpack(member("link/made"), "x", Symlinks::kRefuse).ok());
  EXPECT_FALSE(there("root/folder/made"));
}

TEST_F(PathCopy, HardLinksStayLinks) {
  ASSERT_EQ(::link((top_ + "/root/folder/file").c_str(), (top_ + "/root/folder/second").c_str()),
            0);
  must(copy("/folder", "new", "/target"));
  struct stat first = *lstat_at(Fd(), top_ + "/root/target/new/file");
  struct stat second = *lstat_at(Fd(), top_ + "/root/target/new/second");
  EXPECT_EQ(first.st_ino, second.st_ino);
}

TEST_F(PathCopy, TimesOfFoldersAreTheSources) {
  tar::Member folder = member("old/", tar::kDirectory);
  folder.mtime_seconds = 1000000000;
  must(unpack(folder));
  EXPECT_EQ(lstat_at(Fd(), top_ + "/root/target/old")->st_mtim.tv_sec, 1000000000);
}

TEST_F(PathCopy, TarThatIsCutOffIsAnError) {
  std::string tar = *tar::encode_header(member("x"), tar::HeaderStyle::kDocker28);
  PathExtractor extractor(root_, "/target", {});
  must(extractor.write(as_bytes(tar).first(100)));
  EXPECT_FALSE(extractor.finish().ok());
}

}  // namespace
}  // namespace strata::runtime
