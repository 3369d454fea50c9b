// SPDX-License-Identifier: Apache-2.0
#include "oci/image_config.h"

#include "oci/archive_manifest.h"
#include "oci/config_summary.h"
#include "oci/legacy_image.h"
#include "oci/test_data.h"

namespace strata::oci {
namespace {

TEST(ImageConfig, HasTheIdThatDockerGaveIt) {
  for (std::string folder : {"docker-20.10", "docker-28.5", "docker-28.5-buildkit"}) {
    ImageConfig image = ImageConfig::parse(test_data(folder + "/config.json")).value();
    auto items = parse_archive_manifest(test_data(folder + "/manifest.json")).value();
    EXPECT_NE(items[0].config.find(image.id().hex()), std::string::npos) << folder;
    EXPECT_EQ(image.diff_ids().size(), items[0].layers.size()) << folder;
  }
}

TEST(ImageConfig, ReadsTheFieldsOfDockersConfig) {
  ImageConfig image = ImageConfig::parse(test_data("docker-20.10/config.json")).value();
  EXPECT_EQ(format_time(image.created()), "2026-11-21T18:32:03.811496995Z");
  EXPECT_EQ(image.os(), "linux");
  EXPECT_EQ(image.architecture(), "amd64");
  EXPECT_EQ(image.docker_version(), "20.10.24+dfsg1");
  ASSERT_EQ(image.history().size(), 7u);
  EXPECT_EQ(image.history()[1].created_by, "/bin/sh -c #(nop)  ENV GREETING=hello");
  EXPECT_TRUE(image.history()[1].empty_layer);
  EXPECT_EQ(image.config()->at("WorkingDir"), "/data");
  EXPECT_EQ(image.container_config()->at("Hostname"), "952bd8bfc3d5");
  EXPECT_EQ(image.chain_ids().front().hex(), image.diff_ids().front().hex());
}

TEST(ImageConfig, SummaryAgreesWithTheFullParse) {
  for (const std::string& name : kConfigs) {
    std::string text = test_data(name);
    ImageConfig image = ImageConfig::parse(text).value();
    ConfigSummary summary = summarize_config(text).value();
    EXPECT_EQ(summary.created, image.created());
    EXPECT_EQ(summary.os, image.os());
    EXPECT_EQ(summary.architecture, image.architecture());
    EXPECT_EQ(summary.diff_ids, image.diff_ids());
    ASSERT_EQ(summary.labels.size(), 1u);
    EXPECT_EQ(summary.labels[0],
              std::pair(std::string("org.example.kind"), std::string("fixture")));
  }
}

TEST(ImageConfig, RefusesEveryTruncation) {
  std::string text = test_data("skopeo-zstd/config.json");
  for (size_t length = 0; length < text.size(); ++length) {
    std::string cut = text.substr(0, length);
    Result<ImageConfig> image = ImageConfig::parse(cut);
    Result<ConfigSummary> summary = summarize_config(cut);
    ASSERT_FALSE(image.ok()) << length;
    ASSERT_FALSE(summary.ok()) << length;
    EXPECT_EQ(image.error().message(), summary.error().message()) << length;
  }
}

TEST(ImageConfig, RefusesWhatIsNoImageInDockersWords) {
  const std::pair<std::string, std::string> kBad[] = {
      {"{}", "invalid image JSON, no RootFS key"},
      {"null", "invalid image JSON, no RootFS key"},
      {"[]", "json: cannot unmarshal array into Go value of type image.Image"},
      {R"({"os":5,"rootfs":{}})",
       "json: cannot unmarshal number into Go struct field Image.os of type string"},
      {R"({"rootfs":{"diff_ids":[5]}})",
       "json: cannot unmarshal number into Go struct field RootFS.rootfs.diff_ids of type "
       "layer.DiffID"},
      {R"({"rootfs":{"diff_ids":["x"]}})",
       "diff_ids of the image config: invalid digest \"x\": expected \"sha256:\" and 64 hex "
       "digits"}};
  for (const auto& [text, message] : kBad) {
    EXPECT_EQ(ImageConfig::parse(text).error().message(), message);
    EXPECT_EQ(summarize_config(text).error().message(), message);
  }
}

TEST(ImageConfig, BoundsTheNumberOfLayers) {
  std::string text = R"({"rootfs":{"diff_ids":[")" + Digest::of("").to_string() + '"';
  for (size_t i = 0; i < kMaxDiffIds; ++i) text += ",\"" + Digest::of("").to_string() + '"';
  text += "]}}";
  EXPECT_EQ(ImageConfig::parse(text).error().message(),
            "image config lists 4097 diff_ids; at most 4096 are accepted");
  EXPECT_EQ(summarize_config(text).error().message(),
            "image config lists 4097 diff_ids; at most 4096 are accepted");
}

ImageConfig with_history(const std::string& items) {
  return ImageConfig::parse(R"({"rootfs":{},"history":[)" + items + "]}").value();
}

TEST(ImageConfig, ParentHasOneStepLess) {
  const std::string a = R"({"created_by":"a"})", b = R"({"created_by":"b"})";
  EXPECT_TRUE(is_valid_parent(with_history(""), with_history("")));
  EXPECT_TRUE(is_valid_parent(with_history(""), with_history(a)));
  EXPECT_TRUE(is_valid_parent(with_history(a), with_history(a + "," + b)));
  EXPECT_FALSE(is_valid_parent(with_history(a), with_history(a)));
  EXPECT_FALSE(is_valid_parent(with_history(b), with_history(a + "," + b)));
  EXPECT_FALSE(is_valid_parent(with_history(a), with_history(a + "," + b + "," + b)));
}

TEST(LegacyLayer, KnowsItsParent) {
  std::string name =
      "docker-20.10/v1-0594a67182841082540ba289729ef313d801e8a2ebbfcabcbb7e0908dc918c9f.json";
  LegacyLayer layer = LegacyLayer::parse(test_data(name)).value();
  EXPECT_EQ(layer.parent(), "6ba4599f07b09731d9057a65118c0aaac461eaf55f16d38690f6c756dee01df3");
  EXPECT_EQ(layer.os(), "linux");
  std::string text = test_data(name);
  for (size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(LegacyLayer::parse(text.substr(0, length)).ok()) << length;
  }
}

}  // namespace
}  // namespace strata::oci
