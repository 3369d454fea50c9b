// SPDX-License-Identifier: Apache-2.0
#include "doctor/layer_content.h"

#include <sys/xattr.h>
#include <unistd.h>

#include "base/test_support.h"
#include "doctor/name_set.h"
#include "doctor/test_layers.h"
#include "driver/driver.h"
#include "driver/layer_test_fixture.h"

namespace strata::doctor {
namespace {

using driver::TarText;

class LayerContentTest : public driver::LayerTest {
 protected:
  LayerContent compare() {
    Fd split = must(open_at(meta_, driver::kSplitFileName, O_RDONLY));
    return must(compare_layer({&diff_, &split}, diff_id_, buffers_, pool_, nullptr));
  }
  void make(const std::string& tar) {
    fresh_layer();
    diff_id_ = must(unpack(tar)).diff_id;
  }
  // One line a fault: "usr/bin/x file-changed".
  static std::vector<std::string> lines(const LayerContent& content) {
    std::vector<std::string> text;
    for (const FileFault& fault : content.faults)
      text.push_back(fault.name + " " + std::string(to_string(fault.kind)));
    return text;
  }
  // The layer has exactly these faults.
  void expect(const std::vector<std::string>& faults, bool exact) {
    LayerContent content = compare();
    EXPECT_EQ(lines(content), faults);
    EXPECT_EQ(content.faults_total, faults.size());
    EXPECT_EQ(content.is_exact, exact);
    EXPECT_EQ(content.split_trouble, "");
    EXPECT_EQ(content.never_exact, "");
  }
  std::string at(const std::string& name) const { return path_ + "/layer/diff/" + name; }
  void write(const std::string& name, std::string_view text) {
    struct stat before = info(name);
    must(write_file_at(diff_, name, text, 0644));
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, at(name).c_str(), times, 0), 0);
  }
  // Changing a folder changes its time; not what these tests are about.
  void touch(const std::string& name) {
    const struct timespec times[2] = {{1'000'000, 0}, {1'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, at(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }

  DiffId diff_id_{Digest::of("")};
};

TEST_F(LayerContentTest, FindsNothingInALayerAsItWasUnpacked) {
  make(small_layer());
  expect({}, true);
}

TEST_F(LayerContentTest, TellsOfEveryKindOfDamageAndGoesOn) {
  make(small_layer());
  write("d/a", "hallo");
  must(unlink_at(diff_, "d/empty"));
  must(unlink_at(diff_, "d/s"));
  must(symlink_at("b", diff_, "d/s"));
  must(write_file_at(diff_, "d/new", "text", 0644));
  ASSERT_EQ(::chmod(at("p").c_str(), 0600), 0);
  must(remove_tree_at(diff_, "deep"));
  must(unlink_at(diff_, "d/gone"));
  must(mkdir_at(diff_, "more", 0755));
  must(write_file_at(diff_, "more/below", "", 0644));
  touch("d");
  touch("d/s");
  expect({"d/.wh.gone file-missing", "d/a file-changed", "d/empty file-missing", "d/new file-extra",
          "d/s file-metadata", "deep/in/file file-missing", "more file-extra", "p file-metadata"},
         false);
  LayerContent content = compare();
  EXPECT_EQ(content.faults[4].expected, "target a");
  EXPECT_EQ(content.faults[4].found, "target b");
  EXPECT_EQ(content.faults[7].expected, "mode 0644");
  EXPECT_EQ(content.faults[7].found, "mode 0600");
}

TEST_F(LayerContentTest, TellsLengthsAndSumsApart) {
  make(small_layer());
  write("d/a", "hell");
  EXPECT_EQ(compare().faults.at(0).found, "4 bytes");
  write("d/a", "hello!");
  EXPECT_EQ(compare().faults.at(0).expected, "5 bytes");
  write("d/a", "hallo");
  EXPECT_EQ(compare().faults.at(0).expected, "5 bytes, CRC-64 3c3eeee2d8100000");
}

TEST_F(LayerContentTest, MetadataLeavesTheTarExact) {
  make(small_layer());
  ASSERT_EQ(::chmod(at("d/a").c_str(), 04755), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, at("d/empty").c_str(), nullptr, 0), 0);
  touch("d");
  expect({"d/empty file-metadata", "d/z file-metadata"}, true);
}

TEST_F(LayerContentTest, AHardLinkThatBecameAFileOfItsOwnIsAFault) {
  make(small_layer());
  must(unlink_at(diff_, "d/z"));
  must(write_file_at(diff_, "d/z", "hello", 0644));
  touch("d/z");
  touch("d");
  expect({"d/z file-metadata"}, true);
}

TEST_F(LayerContentTest, OpaqueMarksAreComparedBothWays) {
  make(small_layer());
  const std::string mark(driver::opaque_xattr());
  ASSERT_EQ(::removexattr(at("o").c_str(), mark.c_str()), 0);
  ASSERT_EQ(::setxattr(at("d").c_str(), mark.c_str(), "y", 1, 0), 0);
  expect({"d file-metadata", "o file-metadata"}, true);
}

TEST_F(LayerContentTest, TheLastMemberOfANameCounts) {
  make(TarText()
           .file("a", "first")
           .file("a", "second, which is longer")
           .file("t/x", "below")
           .file("t", "a file where a folder was")
           .folder("d/")
           .file("d/x", "1")
           .other(tar::kSymlink, "d/x", "elsewhere")
           .file("d/.wh.y", "")
           .file("d/y", "came after its whiteout")
           .file("w", "went before its whiteout")
           .file(".wh.w", "")
           .end());
  expect({}, true);
  write("a", "first");
  expect({"a file-changed"}, false);
}

TEST_F(LayerContentTest, FollowsTheLayersOwnSymlinks) {
  make(TarText()
           .folder("real/")
           .other(tar::kSymlink, "link", "real")
           .file("link/inside", "through a symlink")
           .end());
  expect({}, true);
  write("real/inside", "THROUGH A SYMLINK");
  expect({"link/inside file-changed"}, true);
}

TEST_F(LayerContentTest, ModesOfHardLinksAreThoseOfTheLast) {
  tar::Member first, last;
  first.name = "a";
  first.mode = 0600;
  last.name = "b";
  last.type = tar::kHardLink;
  last.link_name = "a";
  last.mode = 0640;
  make(TarText().add(first, "text").add(last).end());
  expect({}, true);
  ASSERT_EQ(::chmod(at("a").c_str(), 0600), 0);
  expect({"b file-metadata"}, true);
}

TEST_F(LayerContentTest, ADamagedTarSplitIsSaidAndNotGuessedAt) {
  make(small_layer());
  std::string split = must(read_file_at(meta_, driver::kSplitFileName));
  for (size_t cut : {split.size() - 1, split.size() / 2, size_t{12}, size_t{0}}) {
    must(write_file_at(meta_, driver::kSplitFileName, split.substr(0, cut), 0644));
    LayerContent content = compare();
    EXPECT_NE(content.split_trouble, "") << cut;
    EXPECT_FALSE(content.is_exact) << cut;
    EXPECT_EQ(lines(content), std::vector<std::string>()) << cut;
  }
}

TEST_F(LayerContentTest, AnotherDiffIdIsSeenWhereAllFilesAreRight) {
  make(small_layer());
  diff_id_ = DiffId(Digest::of("another"));
  expect({}, false);
}

TEST(NameSet, KeepsWhatWasSaidOfEachOfManyNames) {
  NameSet names;
  for (int i = 0; i < 100'000; ++i) names.set("a/" + std::to_string(i), i % 7 + 1);
  EXPECT_EQ(names.size(), 100'000U);
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(names.find("a/" + std::to_string(i)), i % 7 + 1);
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(names.find("b/" + std::to_string(i)), 0);
  names.set("", NameSet::kFolder);
  EXPECT_EQ(names.find(""), NameSet::kFolder);
}

}  // namespace
}  // namespace strata::doctor
