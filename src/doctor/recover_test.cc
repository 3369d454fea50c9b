// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <unistd.h>

#include "base/test_support.h"
#include "doctor/recover_names.h"
#include "doctor/salvaged_tar.h"
#include "driver/layer_test_fixture.h"

namespace strata::doctor {
namespace {

using driver::TarText;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class SalvagedTarTest : public driver::LayerTest {
 protected:
  // "d/a changed" for each loss.
  std::vector<std::string> salvage(std::string& tar) {
    Fd split = must(open_at(meta_, driver::kSplitFileName, O_RDONLY));
    Unreadable unreadable;
    StringSink sink(tar);
    Salvage salvaged = must(write_salvaged_tar({&diff_, &split}, unreadable, sink, pool_));
    EXPECT_FALSE(salvaged.again);
    std::vector<std::string> losses;
    for (const TarLoss& loss : salvaged.losses) losses.push_back(loss.name + " " + loss.what);
    return losses;
  }
};

TEST_F(SalvagedTarTest, IsTheTarWhereNothingIsLost) {
  const std::string tar = TarText()
                              .folder("d/")
                              .file("d/a", "hello")
                              .file("d/a", "once more")
                              .other(tar::kHardLink, "d/z", "d/a")
                              .file("d/.wh.x", "")
                              .end();
  (void)must(unpack(tar));
  std::string salvaged;
  EXPECT_THAT(salvage(salvaged), IsEmpty());
  EXPECT_TRUE(salvaged == tar);
}

TEST_F(SalvagedTarTest, WhatIsLeftUnpacksAgain) {
  (void)must(unpack(TarText()
                        .folder("d/")
                        .file("d/changed", "hello")
                        .file("d/gone", "gone")
                        .file("d/longer", "short")
                        .file("d/stays", std::string(5000, 's'))
                        .other(tar::kSymlink, "d/link", "gone")
                        .end()));
  must(write_file_at(diff_, "d/changed", "hallo", 0644));
  must(unlink_at(diff_, "d/gone"));
  must(write_file_at(diff_, "d/longer", std::string(700, 'l'), 0644));
  must(unlink_at(diff_, "d/link"));  // its target stands in the tar-split
  std::string salvaged;
  EXPECT_THAT(salvage(salvaged),
              ElementsAre("d/changed changed", "d/gone left out", "d/longer changed"));
  fresh_layer();
  round_trip(salvaged);
  EXPECT_EQ(content("d/changed"), "hallo");
  EXPECT_EQ(content("d/longer"), std::string(700, 'l'));
  EXPECT_EQ(content("d/stays"), std::string(5000, 's'));
  EXPECT_FALSE(exists("d/gone"));
  EXPECT_EQ(must(readlink_at(diff_, "d/link")), "gone");
}

TEST_F(SalvagedTarTest, AHardLinkKeepsTheContentOfANameThatIsGone) {
  (void)must(unpack(TarText()
                        .file("a", "content")
                        .other(tar::kHardLink, "b", "a")
                        .other(tar::kHardLink, "c", "a")
                        .end()));
  must(unlink_at(diff_, "a"));
  std::string salvaged;
  EXPECT_THAT(salvage(salvaged), ElementsAre("a left out", "b moved"));
  fresh_layer();
  round_trip(salvaged);
  EXPECT_EQ(content("c"), "content");
  EXPECT_EQ(info("b").st_ino, info("c").st_ino);
}

TEST_F(SalvagedTarTest, LinksToWhatHasNoNameLeftGoWithIt) {
  (void)must(unpack(TarText().file("a", "content").other(tar::kHardLink, "b", "a").end()));
  must(unlink_at(diff_, "a"));
  must(unlink_at(diff_, "b"));
  std::string salvaged;
  EXPECT_THAT(salvage(salvaged), ElementsAre("a left out", "b left out"));
  EXPECT_EQ(salvaged, std::string(1024, '\0'));
}

TEST(WholePairs, FindsThemInWhatIsLeftOfAText) {
  const std::string id = "sha256:" + std::string(64, 'a');
  const std::string text =
      R"({"Repositories":{"x":{"x:1":")" + id + R"(","x:2":")" + id + R"("},"y":{"y:1":"sha256:aa)";
  EXPECT_THAT(whole_pairs(text), ElementsAre(Pair("x:1", id), Pair("x:2", id)));
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_LE(whole_pairs(std::string_view(text).substr(0, cut)).size(), 2U);
    EXPECT_LE(whole_pairs(std::string_view(text).substr(cut)).size(), 2U);
  }
  EXPECT_THAT(whole_pairs(R"(":":":":":")"), IsEmpty());
}

}  // namespace
}  // namespace strata::doctor
