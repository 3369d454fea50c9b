// SPDX-License-Identifier: Apache-2.0
#include "oci/new_image.h"

#include <boost/json/array.hpp>

#include "oci/container_config.h"
#include "oci/json.h"
#include "oci/test_data.h"

namespace strata::oci {
namespace {

// The configs that a dockerd's classic builder wrote.
const std::vector<std::string> kOfDocker = {"docker-20.10/config.json", "docker-28.5/config.json"};

TEST(ContainerConfig, ComesOutAsDockerWroteIt) {
  for (const std::string& name : kOfDocker) {
    ImageConfig image = ImageConfig::parse(test_data(name)).value();
    for (const boost::json::object* config : {image.config(), image.container_config()}) {
      ContainerConfig parsed = ContainerConfig::parse(*config).value();
      EXPECT_EQ(go_json(parsed.to_json()), go_json(*config)) << name;
    }
  }
}

TEST(ContainerConfig, RefusesMembersOfAWrongType) {
  const boost::json::value bad = parse_json(R"({"Env":"A=1"})").value();
  Result<ContainerConfig> parsed = ContainerConfig::parse(bad.as_object());
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message(),
            "json: cannot unmarshal string into Go struct field Config.Env of type []string");
}

TEST(ContainerConfig, ReplacesAnEntryOfTheEnvironmentWhereItStands) {
  Words env;
  set_env(env, "A", "1");
  set_env(env, "AB", "2");
  set_env(env, "A", "3");
  EXPECT_EQ(*env, (std::vector<std::string>{"A=3", "AB=2"}));
  EXPECT_EQ(find_env(env, "AB"), "2");
  EXPECT_EQ(find_env(env, "B"), std::nullopt);
}

// The image without its last step, as far as a child takes anything from it.
ImageConfig parent_of(const ImageConfig& image) {
  boost::json::object json = image.json();
  boost::json::array& history = json.at("history").as_array();
  const bool had_layer = !image.history().back().empty_layer;
  history.pop_back();
  if (had_layer) json.at("rootfs").as_object().at("diff_ids").as_array().pop_back();
  return ImageConfig::parse(go_json(json)).value();
}

TEST(NewImage, IsTheConfigThatDockerWrites) {
  ImageConfig image = ImageConfig::parse(test_data("docker-28.5/config.json")).value();
  ImageConfig parent = parent_of(image);
  NewImage made;
  made.parent = &parent;
  made.config = ContainerConfig::parse(*image.config()).value();
  made.container_config = ContainerConfig::parse(*image.container_config()).value();
  made.container = image.container();
  made.author = image.author();
  made.created = image.created();
  made.step = image.history().back();
  if (!made.step.empty_layer) made.layer = image.diff_ids().back();
  boost::json::object expected = image.json();
  expected.erase("docker_version");
  EXPECT_EQ(make_image_config(made), go_json(sorted_by_name(expected)));
}

}  // namespace
}  // namespace strata::oci
