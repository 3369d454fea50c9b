// SPDX-License-Identifier: Apache-2.0
#include "oci/v1_id.h"

#include "oci/archive_manifest.h"
#include "oci/test_data.h"

namespace strata::oci {
namespace {

std::vector<V1Layer> layers_of(const std::string& config, int32_t zone = 0) {
  ImageConfig image = ImageConfig::parse(test_data(config)).value();
  return v1_layers(image, zone).value();
}

TEST(V1Id, ReproducesTheFoldersOfDocker2010) {
  auto items = parse_archive_manifest(test_data("docker-20.10/manifest.json")).value();
  std::vector<V1Layer> layers = layers_of("docker-20.10/config.json");
  ASSERT_EQ(layers.size(), items[0].layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(layers[i].id + "/layer.tar", items[0].layers[i]);
    EXPECT_EQ(layers[i].json, test_data("docker-20.10/v1-" + layers[i].id + ".json"));
  }
}

TEST(V1Id, ReproducesTheBlobsOfDocker28) {
  // There the files are named by the digest of their own bytes.
  for (std::string folder : {"docker-28.5", "docker-28.5-buildkit"}) {
    std::vector<V1Layer> layers = layers_of(folder + "/config.json");
    ASSERT_GE(layers.size(), 3u);
    for (const V1Layer& layer : layers) {
      std::string name = folder + "/v1-" + Digest::of(layer.json).hex() + ".json";
      EXPECT_EQ(layer.json, test_data(name));
    }
  }
}

}  // namespace
}  // namespace strata::oci
