// SPDX-License-Identifier: Apache-2.0
#include "build/unpack_tar.h"

#include "build/build_test_folder.h"
#include "tar/writer.h"

namespace strata::build {
namespace {

class TarText {
 public:
  TarText& add(char type, const std::string& name, std::string_view payload = "",
               const std::string& target = "") {
    tar::Member member;
    member.name = name;
    member.type = type;
    member.link_name = target;
    member.size_bytes = payload.size();
    member.mode = type == tar::kDirectory ? 0755 : 0644;
    member.uid = ::geteuid();
    member.gid = ::getegid();
    member.mtime_seconds = 1'000'000;
    text_ += tar::encode_header(member, tar::HeaderStyle::kDocker28).value();
    text_ += payload;
    text_.resize((text_.size() + 511) / 512 * 512, '\0');
    return *this;
  }
  std::string end() const { return text_ + std::string(1024, '\0'); }

 private:
  std::string text_;
};

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
  tar.add('0', "../../up", "u")
      .add('0', canary_.path() + "/abs", "a")
      .add('2', "out", "", canary_.path());
  tar.add('0', "out/through", "t")
      .add('2', "dots", "", "../../../..")
      .add('0', "dots" + canary_.path() + "/d", "d");
  tar.add('1', "hard", "", "../../../up").add('1', "hard-out", "", "out/through");
  EXPECT_EQ(unpack(tar.end()), "");
  EXPECT_TRUE(canary_.all().empty());
  EXPECT_EQ(into_.text("up"), "u");
  EXPECT_EQ(into_.info("hard").st_ino, into_.info("up").st_ino);
  EXPECT_EQ(into_.text(canary_.path().substr(1) + "/through"), "t");
  EXPECT_EQ(into_.text(canary_.path().substr(1) + "/d"), "d");
}

TEST_F(UnpackTarTest, FolderOnTheWayMayTurnIntoALink) {
  TarText tar;
  tar.add('5', "a/")
      .add('0', "a/one", "1")
      .add('2', "a", "", canary_.path())
      .add('0', "a/two", "2");
  EXPECT_EQ(unpack(tar.end()), "");
  EXPECT_TRUE(canary_.all().empty());
  EXPECT_EQ(into_.text(canary_.path().substr(1) + "/two"), "2");
}

TEST_F(UnpackTarTest, WhiteoutNamesAreNames) {
  EXPECT_EQ(unpack(TarText().add('0', "d/.wh.x", "w").add('0', ".wh..wh..opq").end()), "");
  EXPECT_EQ(into_.text("d/.wh.x"), "w");
  EXPECT_TRUE(into_.has(".wh..wh..opq"));
}

TEST_F(UnpackTarTest, TellsDockersSums) {
  EXPECT_EQ(unpack(TarText().add('0', "./f", "x").add('0', "f", "y").end()), "");
  ASSERT_EQ(sums_.size(), 1u);
  EXPECT_EQ(sums_.at("f"),
            Digest::of(fmt::format("name./fmode420uid{}gid{}size1typeflag0linknameunamegname"
                                   "devmajor0devminor0x",
                                   ::geteuid(), ::getegid())));
  EXPECT_EQ(into_.text("f"), "y");
}

TEST_F(UnpackTarTest, EveryTruncationIsAnErrorOutsideOfPaddingAndBorders) {
  const std::string whole =
      TarText().add('5', "d/").add('0', "d/f", std::string(700, 'x')).add('2', "l", "", "d").end();
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
  EXPECT_EQ(unpack(TarText().add('V', "label").end()),
            "entry \"label\": unhandled tar header type 86");
  EXPECT_NE(unpack(TarText().add('1', "h", "", "nothing").end()), "");
}

TEST(BeginsAsTar, LooksAtTheContent) {
  auto begins = [](std::string_view text) {
    SpanSource source(as_bytes(text));
    return begins_as_tar(source);
  };
  const std::string tar = TarText().add('0', "f", "x").end();
  EXPECT_TRUE(begins(tar));
  EXPECT_TRUE(begins(TarText().add('0', std::string(300, 'n'), "x").end()));  // a pax header first
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
