// SPDX-License-Identifier: Apache-2.0
#include "oci/manifest.h"

#include "oci/archive_manifest.h"
#include "oci/test_data.h"

namespace strata::oci {
namespace {

TEST(ArchiveManifest, WritesWhatRealToolsWroteByteForByte) {
  for (std::string name : {"docker-20.10", "docker-28.5", "docker-28.5-buildkit"}) {
    std::string text = test_data(name + "/manifest.json");
    EXPECT_EQ(archive_manifest_text(parse_archive_manifest(text).value()), text);
    text = test_data(name + "/repositories");
    EXPECT_EQ(archive_repositories_text(parse_archive_repositories(text).value()), text);
  }
}

TEST(ArchiveManifest, ReadsThoseOfOtherTools) {
  auto crane = parse_archive_manifest(test_data("crane/manifest.json")).value();
  EXPECT_EQ(crane[0].repo_tags, std::vector<std::string>{"localhost:5055/fixture:1"});
  auto skopeo = parse_archive_manifest(test_data("skopeo-docker/manifest.json")).value();
  EXPECT_EQ(skopeo[0].layers.size(), 3u);
}

TEST(ArchiveManifest, RefusesEveryTruncation) {
  std::string text = test_data("docker-28.5/manifest.json");
  text.pop_back();  // the newline
  for (size_t length = 0; length < text.size(); ++length) {
    auto items = parse_archive_manifest(text.substr(0, length));
    ASSERT_FALSE(items.ok()) << length;
    EXPECT_EQ(items.error().message(), length == 0 ? "EOF" : "unexpected EOF");
  }
}

TEST(ArchiveManifest, RefusesNullAsDocker23Does) {
  EXPECT_EQ(parse_archive_manifest("null").error().message(),
            "invalid manifest, manifest cannot be null (but can be [])");
}

TEST(Manifest, WritesWhatRealToolsWroteByteForByte) {
  for (std::string name : {"docker-28.5", "docker-28.5-buildkit", "skopeo-zstd", "podman-oci"}) {
    std::string text = test_data(name + "/oci-manifest.json");
    EXPECT_EQ(manifest_text(parse_manifest(text).value()), text) << name;
    EXPECT_FALSE(is_index(text).value());
    text = test_data(name + "/index.json");
    EXPECT_EQ(index_text(parse_index(text).value()), text) << name;
    EXPECT_TRUE(is_index(text).value());
  }
}

TEST(Manifest, NamesTheSameLayersInBothForms) {
  Manifest manifest = parse_manifest(test_data("crane/docker-manifest.json")).value();
  EXPECT_EQ(manifest.media_type, media_type::kDockerManifest);
  EXPECT_EQ(manifest.config.size_bytes, 2727);
  EXPECT_EQ(manifest.layers[1].size_bytes, 287);
  EXPECT_EQ(manifest.config.digest, Digest::of(test_data("docker-28.5/config.json")));
}

TEST(Manifest, PushesTheFormOfFormats92) {
  // Source: FORMATS section 9.2, bytes that dockerd pushed.
  constexpr std::string_view kPushed = R"({
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {
      "mediaType": "application/vnd.docker.container.image.v1+json",
      "size": 895,
      "digest": "sha256:cea9565c9aed0e4e51b7b3df099831069bf196ffb2fe61f79f34bdea31c13119"
   },
   "layers": [
      {
         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
         "size": 1064927,
         "digest": "sha256:061ff19d3b0432326158ca12af6b55b7a4d721e4753a448685b4fad4f7f14271"
      }
   ]
})";
  EXPECT_EQ(pushed_manifest_text(parse_manifest(kPushed).value()), kPushed);
}

TEST(Manifest, RefusesEveryTruncation) {
  std::string manifest = test_data("docker-28.5/oci-manifest.json");
  for (size_t length = 0; length < manifest.size(); ++length) {
    EXPECT_FALSE(parse_manifest(manifest.substr(0, length)).ok()) << length;
  }
  std::string index = test_data("docker-28.5/index.json");
  for (size_t length = 0; length < index.size(); ++length) {
    EXPECT_FALSE(parse_index(index.substr(0, length)).ok()) << length;
  }
}

TEST(Manifest, KeepsWhatItDoesNotKnow) {
  std::string text = R"({"schemaVersion":2,"mediaType":"m","artifactType":"t","manifests":[)"
                     R"({"mediaType":"m","digest":")" +
                     Digest::of("").to_string() +
                     R"(","size":0,"data":"eA==","platform":{"architecture":"arm","os":"linux",)"
                     R"("variant":"v7"},"x":[1]}],"annotations":{"a":"b"},"y":{"z":null}})";
  EXPECT_EQ(index_text(parse_index(text).value()), text);
}

TEST(Manifest, RefusesWhatMeansTwoThingsOrNothing) {
  const std::string digest = Digest::of("").to_string();
  const std::string config = R"("config":{"mediaType":"m","size":1,"digest":")" + digest + R"("})";
  const std::pair<std::string, std::string> kBad[] = {
      {"{}", "unsupported manifest: schemaVersion is 0, expected 2"},
      {R"({"schemaVersion":1})", "unsupported manifest: schemaVersion is 1, expected 2"},
      {R"({"schemaVersion":2})", "invalid manifest: expected \"config\", found none"},
      {R"({"schemaVersion":2,"manifests":[],)" + config + "}",
       "ambiguous manifest: a manifest that has \"manifests\""},
      {R"({"schemaVersion":2,"config":{"size":-1,"digest":")" + digest + R"("}})",
       "config of the manifest: size of " + digest + " is -1, expected 0 or more"},
      {R"({"schemaVersion":2,"config":{"digest":"sha512:00"}})",
       "config of the manifest: invalid digest \"sha512:00\": expected \"sha256:\" and 64 hex "
       "digits"}};
  for (const auto& [text, message] : kBad) {
    EXPECT_EQ(parse_manifest(text).error().message(), message) << text;
  }
  EXPECT_EQ(parse_index(R"({"schemaVersion":2,"layers":[]})").error().message(),
            "ambiguous manifest: an index that has \"layers\"");
}

TEST(Platform, ReadsAndNormalises) {
  const std::pair<std::string, std::string> kGood[] = {
      {"linux/amd64", "linux/amd64"},   {"linux/x86_64", "linux/amd64"},
      {"Linux/AArch64", "linux/arm64"}, {"linux/arm64/v8", "linux/arm64"},
      {"linux/arm", "linux/arm/v7"},    {"linux/arm/6", "linux/arm/v6"},
      {"linux/armhf", "linux/arm/v7"},  {"windows/amd64", "windows/amd64"},
      {"arm64", "linux/arm64"},         {"linux", Platform::host().to_string()}};
  for (const auto& [text, normal] : kGood) {
    EXPECT_EQ(Platform::parse(text).value().to_string(), normal) << text;
  }
  for (std::string text : {"", "/", "linux/", "a/b/c/d", "linux/am d64", "nonsense"}) {
    EXPECT_FALSE(Platform::parse(text).ok()) << text;
  }
}

TEST(Platform, PrefersTheNearestThatRuns) {
  auto rank = [](std::string machine, std::string image) {
    return match_rank(Platform::parse(machine).value(), Platform::parse(image).value());
  };
  EXPECT_EQ(rank("linux/amd64", "linux/amd64"), 0u);
  EXPECT_FALSE(rank("linux/amd64", "linux/arm64"));
  EXPECT_FALSE(rank("linux/amd64", "windows/amd64"));
  EXPECT_FALSE(rank("linux/amd64", "linux/amd64/v2"));
  EXPECT_LT(rank("linux/amd64/v3", "linux/amd64/v2"), rank("linux/amd64/v3", "linux/amd64"));
  EXPECT_LT(rank("linux/arm64", "linux/arm64/v8"), rank("linux/arm64", "linux/arm/v7"));
  EXPECT_LT(rank("linux/arm64", "linux/arm/v7"), rank("linux/arm64", "linux/arm/v6"));
  EXPECT_FALSE(rank("linux/arm/v6", "linux/arm/v7"));
}

}  // namespace
}  // namespace strata::oci
