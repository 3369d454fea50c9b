// SPDX-License-Identifier: Apache-2.0
// Which places and streams `copy` takes; what it does with them is tested beside skopeo
// (tests/compat/test_copy.py).
#include <gtest/gtest.h>

#include <array>

#include "archive/tar_file.h"
#include "registry/copy_source.h"
#include "tar/header.h"

namespace strata::registry {
namespace {

ImagePlace parsed(std::string_view text) {
  Result<ImagePlace> place = ImagePlace::parse(text);
  EXPECT_TRUE(place.ok()) << text << ": " << (place.ok() ? "" : place.error().message());
  return place.ok() ? *place : ImagePlace();
}

std::string refused(std::string_view text) {
  Result<ImagePlace> place = ImagePlace::parse(text);
  EXPECT_FALSE(place.ok()) << text;
  return place.ok() ? "" : place.error().message();
}

TEST(ImagePlace, ARegistryIsAReference) {
  EXPECT_EQ(parsed("docker://busybox").name->full_string(), "docker.io/library/busybox:latest");
  EXPECT_EQ(parsed("docker://h:5/a/b:1").name->full_string(), "h:5/a/b:1");
  std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(parsed("docker://x@" + digest).name->digest()->to_string(), digest);
  EXPECT_TRUE(parsed("docker://x@" + digest).name->tag().empty());
}

TEST(ImagePlace, ARootHasAPathOnlyWhereItLooksLikeOne) {
  EXPECT_EQ(parsed("root:x:1").path, "");
  EXPECT_EQ(parsed("root:x:1").image, "x:1");
  EXPECT_EQ(parsed("root:/var/lib/docker:x:1").path, "/var/lib/docker");
  EXPECT_EQ(parsed("root:/var/lib/docker:x:1").image, "x:1");
  EXPECT_EQ(parsed("root:./here:h:5/x").image, "h:5/x");
  EXPECT_EQ(parsed("docker-daemon:x:1").image, "x:1");
}

TEST(ImagePlace, PathsEndAtTheFirstColon) {
  EXPECT_EQ(parsed("docker-archive:/a/b.tar").path, "/a/b.tar");
  EXPECT_FALSE(parsed("docker-archive:/a/b.tar").name);
  EXPECT_EQ(parsed("docker-archive:f:h:5/x:1").name->full_string(), "h:5/x:1");
  EXPECT_EQ(parsed("docker-archive:f:@12").number, 12u);
  EXPECT_EQ(parsed("oci:dir:a/b:c").path, "dir");
  EXPECT_EQ(parsed("oci:dir:a/b:c").tag, "a/b:c");
  EXPECT_EQ(parsed("oci-archive:f").tag, "");
}

TEST(ImagePlace, WhatIsNoPlaceSaysWhy) {
  EXPECT_NE(refused("busybox").find("expected docker://"), std::string::npos);
  EXPECT_NE(refused("docker:x").find("found no \"//\""), std::string::npos);
  EXPECT_NE(refused("dir:/x").find("transport \"dir\""), std::string::npos);
  EXPECT_NE(refused("oci:").find("expected a path"), std::string::npos);
  EXPECT_NE(refused("oci:x:a b").find("invalid tag \"a b\""), std::string::npos);
  EXPECT_NE(refused("root:/x").find("expected the name"), std::string::npos);
  EXPECT_NE(refused("docker-archive:f:@x").find("expected a number"), std::string::npos);
  EXPECT_NE(refused("docker-archive:f:@999999999").find("expected a number"), std::string::npos);
  EXPECT_FALSE(refused("docker://X").empty());
  EXPECT_FALSE(refused("").empty());
}

// Reads to the end; the text, or the error's.
std::string drained(std::string_view content, const oci::Descriptor& blob) {
  VerifyingSource source(std::make_unique<SpanSource>(as_bytes(content)), blob);
  Result<std::string> text = read_to_end(source, 1000);
  return text.ok() ? *text : text.error().message();
}

TEST(VerifyingSource, EndsOnlyWhereSizeAndDigestAreRight) {
  oci::Descriptor blob;
  // echo -n abc | sha256sum
  blob.digest =
      *Digest::parse("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  blob.size_bytes = 3;
  EXPECT_EQ(drained("abc", blob), "abc");
  EXPECT_NE(drained("abd", blob).find("expected sha256:ba7816bf"), std::string::npos);
  EXPECT_NE(drained("ab", blob).find("expected 3 bytes, found 2"), std::string::npos);
  EXPECT_NE(drained("abcd", blob).find("expected 3 bytes, found at least 4"), std::string::npos);
}

TEST(TarFile, ASizeThatNoOctalFieldHoldsIsReadBack) {
  std::string path = testing::TempDir() + "tar_file_test.tar";
  const uint64_t size_bytes = (uint64_t{9} << 30) + 1;
  Result<archive::TarFile> tar = archive::TarFile::create(path);
  ASSERT_TRUE(tar.ok());
  (void)tar->begin();  // its payload is a hole
  ASSERT_TRUE(tar->end("big", size_bytes).ok());
  ASSERT_TRUE(tar->add_text("after", "text").ok());
  ASSERT_TRUE(tar->publish().ok());
  Result<Fd> file = open_path(path, O_RDONLY);
  ASSERT_TRUE(file.ok());
  std::array<std::byte, tar::kBlockBytes> block;
  tar::Member member;
  ASSERT_TRUE(pread_full(file->get(), block, 0).ok());
  ASSERT_TRUE(tar::decode_header(block, member).ok());
  EXPECT_EQ(member.declared_size_bytes, static_cast<int64_t>(size_bytes));
  ASSERT_TRUE(pread_full(file->get(), block, 512 + (uint64_t{9} << 30) + 512).ok());
  ASSERT_TRUE(tar::decode_header(block, member).ok());
  EXPECT_EQ(member.name, "after");
  Result<Fd> folder = open_path(testing::TempDir(), O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(folder.ok());
  EXPECT_TRUE(unlink_at(*folder, "tar_file_test.tar").ok());
}

}  // namespace
}  // namespace strata::registry
