// SPDX-License-Identifier: Apache-2.0
// What docker says of single names is in go_answers_test.cc.
#include "oci/reference.h"

#include <gtest/gtest.h>

#include <random>

namespace strata::oci {
namespace {

Reference name(std::string_view text) { return Reference::parse(text).value(); }

TEST(Reference, ReadsWhatItPrints) {
  // Seeded, so that a failure can be seen again.
  std::mt19937 random(20101024);
  static constexpr std::string_view kPieces[] = {"a",  "b0", "library", "docker.io", "localhost",
                                                 "/",  "/",  ":",       "@",         ".",
                                                 "__", "-",  "r:5000/", "latest",    "9"};
  size_t good = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t n = random() % 6 + 1; n > 0; --n) text += kPieces[random() % std::size(kPieces)];
    if (random() % 4 == 0) text += "@" + Digest::of(text).to_string();
    Result<Reference> reference = Reference::parse(text);
    if (!reference.ok()) continue;
    ++good;
    EXPECT_EQ(name(reference->familiar_string()), *reference) << text;
    EXPECT_EQ(name(reference->full_string()), *reference) << text;
  }
  EXPECT_GT(good, 1000u);
}

TEST(Reference, KeysTheStoreWithoutTheTagOfADigest) {
  std::string digest = Digest::of("").to_string();
  EXPECT_EQ(name("docker.io/library/x:1").store_key(), "x:1");
  EXPECT_EQ(name("reg:5000/p/x:1@" + digest).store_key(), "reg:5000/p/x@" + digest);
}

TEST(Reference, AddsTheDefaultTagOnlyWhereNothingIs) {
  EXPECT_EQ(name("x").with_default_tag().full_string(), "docker.io/library/x:latest");
  EXPECT_EQ(name("x:1").with_default_tag(), name("x:1"));
  std::string by_digest = "x@" + Digest::of("").to_string();
  EXPECT_EQ(name(by_digest).with_default_tag(), name(by_digest));
}

TEST(Reference, ReplacesTagAndDigest) {
  Digest digest = Digest::of("x");
  EXPECT_EQ(name("x:1").with_tag("2").value(), name("x:2"));
  EXPECT_EQ(name("x:1").with_tag("a b").error().message(), "invalid tag format");
  EXPECT_EQ(name("x:1").with_digest(digest).familiar_string(), "x@" + digest.to_string());
  EXPECT_EQ(name("x:1").name_only(), name("x"));
}

TEST(Reference, RefusesToStoreTheNameSha256) {
  EXPECT_EQ(name("sha256:1").check_storable().error().message(),
            "refusing to create an ambiguous tag using digest algorithm as name");
  EXPECT_TRUE(name("p/sha256:1").check_storable().ok());
}

TEST(Reference, AcceptsAnIpv6HostAsDocker23Does) {
  EXPECT_EQ(name("[::1]:5000/x").domain(), "[::1]:5000");
  for (std::string text : {"[]/x", "[::1/x", "[::g]/x", "[::1]5000/x"}) {
    EXPECT_FALSE(Reference::parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace strata::oci
