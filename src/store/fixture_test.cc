// SPDX-License-Identifier: Apache-2.0
// Roots that real daemons wrote. Expected values are what dockerd printed of them.
#include <algorithm>

#include "store/build_cache.h"
#include "store/list_images.h"
#include "store/resolve.h"
#include "store/test_store.h"

namespace strata::store {
namespace {

Store open_fixture(const std::string& name) {
  return must(Store::open({.root = "tests/data/store/" + name,
                           .driver = "",
                           .access = Access::kRead,
                           .create = false,
                           .on_step = {}}));
}

std::vector<std::string> lines_of(const Store& store) {
  Pool pool(2);
  ImageList list = must(list_images(store, pool));
  EXPECT_EQ(list.skipped, std::vector<std::string>());
  std::vector<std::string> lines;
  for (const ImageRow& row : list.rows) {
    lines.push_back(fmt::format("{} {} [{}] {}", row.id, row.size_bytes,
                                fmt::join(row.references, " "),
                                row.parent ? row.parent->to_string() : ""));
  }
  return lines;
}

// docker image inspect -f '{{.Id}} {{.Size}} {{.RepoTags}} {{.Parent}}'
const std::vector<std::string> kImages2010 = {
    "sha256:20949e5625458d1fad1f50d8f5a098ed5c571e7a5e4689f3ddf93e28fc4281ef 1982359 [] ",
    "sha256:2559c669aad178ebc44c51e96b1a4f18a2bedff5655056771278375a72b636ce 1982368 [] "
    "sha256:dfe2774118059526ab0a47533b9185960190655035a895bbfc53e4f46b4af85f",
    "sha256:67efb9e764287b023815ea8a56a51a65be6b1b95f9d097346e9145cc2d29899d 3964628 [] "
    "sha256:c42cb1493969f83315a9cc44fa5cdbd43c5967c8bc7654dd10247c851e7b8798",
    "sha256:c42cb1493969f83315a9cc44fa5cdbd43c5967c8bc7654dd10247c851e7b8798 3964628 [] "
    "sha256:c5081e9fa3451ac4032f0fa6ff930f2b16ee89fd33330d2bc646e35bd5f44635",
    "sha256:c5081e9fa3451ac4032f0fa6ff930f2b16ee89fd33330d2bc646e35bd5f44635 3964628 [] "
    "sha256:2559c669aad178ebc44c51e96b1a4f18a2bedff5655056771278375a72b636ce",
    "sha256:dfe2774118059526ab0a47533b9185960190655035a895bbfc53e4f46b4af85f 1982359 [] "
    "sha256:20949e5625458d1fad1f50d8f5a098ed5c571e7a5e4689f3ddf93e28fc4281ef",
    "sha256:ea635603aad84366a9efe7b5b21957425e189544be504399ac570444ed20ce81 3964638 [committed:1] "
    "sha256:fd963138a1e3d3d5cb792071d51da95f133ffed3c0ee59f3f4c4c18f25e72db9",
    "sha256:fd963138a1e3d3d5cb792071d51da95f133ffed3c0ee59f3f4c4c18f25e72db9 3964628 [fixture:1 "
    "fixture:latest] sha256:67efb9e764287b023815ea8a56a51a65be6b1b95f9d097346e9145cc2d29899d",
};

TEST(DockerRoot, ListsImagesAsDockerd2010Does) {
  EXPECT_EQ(lines_of(open_fixture("docker-20.10")), kImages2010);
}

TEST(DockerRoot, ListsImagesOfDockerd28) {
  std::vector<std::string> lines = lines_of(open_fixture("docker-28.5"));
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[0],
            "sha256:0d7255f57a01e5baf22a1e8c6712f2e1203f166832be2d8f4def705a2ca8a0d2 3964628 "
            "[fixture:1 fixture:latest] "
            "sha256:de2ea9eac1bf70a351ecc026f4fe9a788501891ee272a2edd78432d9634466e7");
  EXPECT_EQ(lines[4],
            "sha256:6447625776300864645274169b4d76949afa8bf30ae284bc7dbbdb5b189c97d0 3964625 "
            "[fixture:buildkit] ");
}

TEST(DockerRoot, ReadsReferencesAndWritesTheSameBytes) {
  for (const char* name : {"docker-20.10", "docker-28.5"}) {
    Store store = open_fixture(name);
    std::string file = must(read_file_at(store.root(), "image/overlay2/repositories.json"));
    EXPECT_EQ(must(store.references()).to_json(), file);
  }
}

TEST(DockerRoot, SaysWhatInspectSaysOfTheDriver) {
  Store store = open_fixture("docker-20.10");
  Layer top = must(store.layers().read(must(
      ChainId::parse_hex("3d4be433cbcf865907d939a511287d11606bae3ffc5a4efbb171c4413b327f55"))));
  std::string home = store.root_path() + "/overlay2/";
  std::string dir = home + "35194c64edb06e78940e7804f97db09254b22512a4a1297df1871efc04ba0642";
  driver::GraphData expected = {
      {"LowerDir",
       home + "810c8001d367a599a880f69ba8e79d58fa0f48d003f6f3155173f60065e2f874/diff:" + home +
           "b213183c6bace9a5549fbc804443e4a7ff556ffd5205f6860755861e7b1fc034/diff"},
      {"MergedDir", dir + "/merged"},
      {"UpperDir", dir + "/diff"},
      {"WorkDir", dir + "/work"}};
  EXPECT_EQ(must(store.driver().graph_data(top.cache)), expected);
  Layer base = must(store.layers().read_chain(top.chain)).back();
  EXPECT_FALSE(must(store.driver().graph_data(base.cache)).contains("LowerDir"));
}

TEST(DockerRoot, KnowsItsContainers) {
  Store store = open_fixture("docker-20.10");
  std::vector<Container> containers = must(store.containers());
  ASSERT_EQ(containers.size(), 2u);
  EXPECT_EQ(containers[0].id, "1255999076eef3253794e14665fc8500e61ba1d1e712bef05580546c983d5c76");
  EXPECT_EQ(containers[0].name, "stopped");
  EXPECT_EQ(containers[0].image_name, "fixture:1");
  EXPECT_EQ(containers[0].image.short_hex(), "fd963138a1e3");
  EXPECT_FALSE(containers[0].running);
  EXPECT_EQ(containers[1].name, "created");
  std::vector<LayerMount> mounts = must(store.layers().mounts());
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].container_id, containers[0].id);
  EXPECT_EQ(mounts[0].init_id, mounts[0].mount_id + "-init");
  EXPECT_EQ(mounts[0].parent->short_hex(), "3d4be433cbcf");
}

TEST(DockerRoot, KnowsWhatBuildKitKeeps) {
  std::vector<std::string> cached;
  for (const ChainId& chain : must(build_cache_layers(open_fixture("docker-28.5").root()))) {
    cached.push_back(chain.short_hex());
  }
  EXPECT_EQ(cached, (std::vector<std::string>{"2bc7e32bf305", "38b10bd82a3f", "d9ee9c5e46e5",
                                              "ed486956167b"}));
}

TEST(DockerRoot, LayersWithoutFilesCannotBeUsed) {
  Store store = open_fixture("docker-20.10");
  for (const Layer& layer : must(store.layers().list())) {
    EXPECT_TRUE(must(store.layers().find(layer.chain)).has_value());
    EXPECT_FALSE(must(store.has_layer(layer.chain)));
  }
}

TEST(DockerRoot, ResolvesAsDockerDoes) {
  Store store = open_fixture("docker-20.10");
  std::string whole = "fd963138a1e3d3d5cb792071d51da95f133ffed3c0ee59f3f4c4c18f25e72db9";
  for (const std::string& text :
       {std::string("fixture"), std::string("fixture:1"),
        std::string("docker.io/library/fixture:1"), whole, "sha256:" + whole, std::string("fd96"),
        std::string("sha256:fd9631")}) {
    Result<Resolved> found = resolve(store, text);
    ASSERT_TRUE(found.ok()) << text << ": " << found.error().message();
    EXPECT_EQ(found->image.hex(), whole) << text;
  }
  EXPECT_EQ(must(resolve(store, "fixture")).key, "fixture:latest");
  EXPECT_EQ(must(resolve(store, "fd96")).key, "");
}

TEST(DockerRoot, RefusesWhatDockerRefuses) {
  Store store = open_fixture("docker-20.10");
  struct Case {
    std::string text;
    ErrorCode code;
    std::string message;
  };
  std::string unknown(64, 'e');
  for (const Case& c : {
           Case{"nope", ErrorCode::kNotFound, "No such image: nope:latest"},
           Case{"fixture:2", ErrorCode::kNotFound, "No such image: fixture:2"},
           Case{unknown, ErrorCode::kNotFound, "No such image: sha256:" + unknown},
           Case{"UPPER", ErrorCode::kInvalid,
                "invalid reference format: repository name must be lowercase"},
           Case{"c", ErrorCode::kConflict,
                "image ID \"c\" is ambiguous: it begins 2 images: "
                "c42cb1493969f83315a9cc44fa5cdbd43c5967c8bc7654dd10247c851e7b8798, "
                "c5081e9fa3451ac4032f0fa6ff930f2b16ee89fd33330d2bc646e35bd5f44635"},
       }) {
    Result<Resolved> found = resolve(store, c.text);
    ASSERT_FALSE(found.ok()) << c.text;
    EXPECT_EQ(found.error().code(), c.code) << c.text;
    EXPECT_EQ(found.error().message(), c.message);
  }
}

}  // namespace
}  // namespace strata::store
