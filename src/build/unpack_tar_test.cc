// SPDX-License-Identifier: Apache-2.0
#include "build/unpack_tar.h"

#include "build/build_test_folder.h"
#include "driver/layer_test_fixture.h"

namespace strata::build {
namespace {

using driver::TarText;

class UnpackTarTest : public testing::Test {
 protected:
  std::string unpack(const std::string& text) {
    SpanSource source(as_bytes(text));
    Status done = unpack_tar(source, into_.top(), &sums_, pool_);
    return done.ok() ? "" : done.error().message();
  }

  TestFolder into_, canary_;
  MemberSums sums_;
  Pool pool_{3};
};

TEST_F(UnpackTarTest, NamesAndLinksStayInside) {
  TarText tar;
  tar.file("../../up", "u").file(canary_.path() + "/abs", "a").other('2', "out", canary_.path());
  tar.file("out/through", "t")
      .other('2', "dots", "../../../..")
      .file("dots" + canary_.path() + "/d", "d");
  tar.other('1', "hard", "../../../up").other('1', "hard-out", "out/through");
  EXPECT_EQ(unpack(tar.end()), "");
  EXPECT_TRUE(canary_.all().empty());
  EXPECT_EQ(into_.text("up"), "u");
  EXPECT_EQ(into_.info("hard").st_ino, into_.info("up").st_ino);
  EXPECT_EQ(into_.text(canary_.path().substr(1) + "/through"), "t");
  EXPECT_EQ(into_.text(canary_.path().substr(1) + "/d"), "d");
}

TEST_F(UnpackTarTest, FolderOnTheWayMayTurnIntoALink) {
  TarText tar;
  tar.folder("a/").file("a/one", "1").other('2', "a", canary_.path()).file("a/two", "2");
  EXPECT_EQ(unpack(tar.end()), "");
  EXPECT_TRUE(canary_.all().empty());
  EXPECT_EQ(into_.text(canary_.path().substr(1) + "/two"), "2");
}

TEST_F(UnpackTarTest, WhiteoutNamesAreNames) {
  EXPECT_EQ(unpack(TarText().file("d/.wh.x", "w").file(".wh..wh..opq", "").end()), "");
  EXPECT_EQ(into_.text("d/.wh.x"), "w");
  EXPECT_TRUE(into_.has(".wh..wh..opq"));
}

TEST_F(UnpackTarTest, TellsDockersSums) {
  EXPECT_EQ(unpack(TarText().file("./f", "x").file("f", "y").end()), "");
  ASSERT_EQ(sums_.size(), 1u);
  EXPECT_EQ(
      sums_.at("f"),
      Digest::of("name./fmode420uid0gid0size1typeflag0linknameunamegnamedevmajor0devminor0x"));
  EXPECT_EQ(into_.text("f"), "y");
}

TEST_F(UnpackTarTest, EveryTruncationIsAnErrorOutsideOfPaddingAndBorders) {
  const std::string whole =
      TarText().folder("d/").file("d/f", std::string(700, 'x')).other('2', "l", "d").end();
  constexpr size_t kPayload = 1024, kPayloadEnd = kPayload + 700, kNextHeader = 2048;
  for (size_t size = 0; size < whole.size(); size += 4) {
    TestFolder into;
    SpanSource source(as_bytes(std::string_view(whole).substr(0, size)));
    const bool is_good = unpack_tar(source, into.top(), nullptr, pool_).ok();
    const bool at_border = size % 512 == 0 && (size < kPayload || size >= kNextHeader);
    const bool in_padding = size >= kPayloadEnd && size < kNextHeader;
    const bool expected = at_border || in_padding;
    EXPECT_EQ(is_good, expected) << size;
  }
}

TEST_F(UnpackTarTest, RefusesWhatNoFileIs) {
  EXPECT_EQ(unpack(TarText().other('V', "label").end()),
            "entry \"label\": unhandled tar header type 86");
  EXPECT_NE(unpack(TarText().other('1', "h", "nothing").end()), "");
}

TEST(BeginsAsTar, LooksAtTheContent) {
  auto begins = [](std::string_view text) {
    SpanSource source(as_bytes(text));
    return begins_as_tar(source);
  };
  const std::string tar = TarText().file("f", "x").end();
  EXPECT_TRUE(begins(tar));
  EXPECT_TRUE(begins(TarText().file(std::string(300, 'n'), "x").end()));  // a pax header first
  EXPECT_FALSE(begins(""));
  EXPECT_FALSE(begins(std::string(10240, '\0')));
  EXPECT_FALSE(begins(std::string(600, 'a')));
  EXPECT_FALSE(begins(tar.substr(0, 300)));
  EXPECT_FALSE(begins("\x1f\x8b junk"));
  EXPECT_TRUE(is_tar_header(as_bytes(tar)));
  EXPECT_FALSE(is_tar_header(as_bytes(std::string(512, '\0'))));
  EXPECT_FALSE(is_tar_header(as_bytes(std::string("FROM scratch\n"))));
}

}  // namespace
}  // namespace strata::build
