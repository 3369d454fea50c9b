// SPDX-License-Identifier: Apache-2.0
#include "build/cache_listing.h"

#include <gtest/gtest.h>

namespace strata::build {
namespace {

CacheListing example() {
  CacheListing listing;
  listing.layers = {DiffId(Digest::of("a")), DiffId(Digest::of("b"))};
  listing.steps = {{std::nullopt, "{\"os\":\"linux\"}"},
                   {ImageId(Digest::of("{}")), "any <text> \xc3\xa9 \\\" of a config\n"}};
  return listing;
}

std::string error_of(std::string_view text) {
  Result<CacheListing> parsed = parse_listing(text);
  return parsed.ok() ? "" : parsed.error().message();
}

TEST(CacheListing, ReadsWhatItWrites) {
  Result<CacheListing> again = parse_listing(listing_text(example()));
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->layers, example().layers);
  ASSERT_EQ(again->steps.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(again->steps[i].parent, example().steps[i].parent);
    EXPECT_EQ(again->steps[i].config, example().steps[i].config);
  }
}

TEST(CacheListing, RejectsEveryTruncation) {
  const std::string text = listing_text(example());
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_listing(text.substr(0, size)).ok()) << size;
  }
}

TEST(CacheListing, SaysWhatIsWrong) {
  EXPECT_EQ(error_of("[]"), "json: cannot unmarshal array into Go value of type Cache");
  EXPECT_EQ(error_of("{}"), "format 0, expected 1: a later strata has made it");
  EXPECT_EQ(error_of(R"({"format":1,"diff_ids":[1]})"),
            "json: cannot unmarshal number into Go struct field Cache.diff_ids of type string");
  EXPECT_EQ(error_of(R"({"format":1,"steps":[{}]})"), "a step without a config");
  EXPECT_EQ(error_of(R"({"format":1,"steps":[1]})"),
            "json: cannot unmarshal number into Go struct field Cache.steps of type object");
  EXPECT_NE(error_of(R"({"format":1,"steps":[{"parent":"sha256:1","config":"x"}]})"), "");
}

TEST(CacheListing, TakesMembersThatItDoesNotKnow) {
  EXPECT_EQ(error_of(R"({"format":1,"diff_ids":[],"steps":[],"later":{}})"), "");
}

}  // namespace
}  // namespace strata::build
