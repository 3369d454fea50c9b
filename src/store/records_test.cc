// SPDX-License-Identifier: Apache-2.0
// The small files of a root: references, layer records, distribution records.
#include "store/test_store.h"

namespace strata::store {
namespace {

ImageId image_of(char digit) { return must(ImageId::parse_hex(std::string(64, digit))); }

TEST(References, EmptyStoreIsDockersNineteenBytes) {
  EXPECT_EQ(References().to_json(), R"({"Repositories":{}})");
}

TEST(References, ReadsWhatDockerdReadsAsNothing) {
  for (const char* text : {"null", "{}", R"({"Repositories":null})"}) {
    EXPECT_EQ(must(References::parse(text)).to_json(), R"({"Repositories":{}})") << text;
  }
}

TEST(References, RefusesWhatDockerdRefuses) {
  for (const char* text :
       {"", "{", "[]", R"({"Repositories":[]})", R"({"Repositories":{"a":{"a:1":3}}})"}) {
    Result<References> references = References::parse(text);
    ASSERT_FALSE(references.ok()) << text;
    EXPECT_EQ(references.error().code(), ErrorCode::kCorrupt);
    EXPECT_TRUE(references.error().message().starts_with("repositories.json: "))
        << references.error().message();
  }
}

TEST(References, SortsBytewiseAndEscapesAsGo) {
  References references;
  references.set("z:1", image_of('1'));
  references.set("reg:5000/p/x:1", image_of('2'));
  references.set("reg:5000/p/x@sha256:" + std::string(64, 'c'), image_of('2'));
  references.set("reg:5000/p/x:B", image_of('3'));
  std::string one(64, '1'), two(64, '2'), three(64, '3'), digest(64, 'c');
  EXPECT_EQ(references.to_json(), R"({"Repositories":{"reg:5000/p/x":{"reg:5000/p/x:1":"sha256:)" +
                                      two + R"(","reg:5000/p/x:B":"sha256:)" + three +
                                      R"(","reg:5000/p/x@sha256:)" + digest + R"(":"sha256:)" +
                                      two + R"("},"z":{"z:1":"sha256:)" + one + R"("}}})");
  References odd = must(References::parse(R"({"Repositories":{"a<b":{"a<b:1":"x"}}})"));
  EXPECT_EQ(odd.to_json(), R"({"Repositories":{"a\u003cb":{"a\u003cb:1":"x"}}})");
}

TEST(References, KeepsWhatItDoesNotKnow) {
  std::string text =
      R"({"Repositories":{"a":{"a:1":"sha256:nonsense","not a key":""}},"Later":{"b":[1,2.50]}})";
  References references = must(References::parse(text));
  references.set("b:1", image_of('1'));
  EXPECT_TRUE(references.remove("b:1"));
  std::string json = references.to_json();
  EXPECT_EQ(json, text);
  EXPECT_FALSE(references.find("a:1").has_value());
}

TEST(References, LastKeyTakesItsRepositoryWithIt) {
  References references;
  references.set("a:1", image_of('1'));
  references.set("a:2", image_of('1'));
  EXPECT_TRUE(references.remove("a:1"));
  EXPECT_EQ(references.repositories().size(), 1u);
  EXPECT_TRUE(references.remove("a:2"));
  EXPECT_EQ(references.repositories().size(), 0u);
  EXPECT_FALSE(references.remove("a:2"));
}

TEST(References, DigestsAreNeverOverwritten) {
  References references;
  std::string key = "a@sha256:" + std::string(64, 'd');
  EXPECT_FALSE(references.set(key, image_of('1')).has_value());
  EXPECT_FALSE(references.set(key, image_of('2')).has_value());
  EXPECT_EQ(references.find(key), image_of('1'));
  EXPECT_FALSE(references.set("a:1", image_of('1')).has_value());
  EXPECT_FALSE(references.set("a:1", image_of('1')).has_value());
  EXPECT_EQ(references.set("a:1", image_of('2')), image_of('1'));
}

TEST(References, ListsTagsOfAnImageBeforeDigests) {
  References references;
  std::string digest = "a@sha256:" + std::string(64, 'd');
  references.set(digest, image_of('1'));
  references.set("b:1", image_of('1'));
  references.set("localhost:5000/a:9", image_of('1'));
  references.set("c:1", image_of('2'));
  EXPECT_EQ(references.of_image(image_of('1')),
            (std::vector<std::string>{"b:1", "localhost:5000/a:9", digest}));
}

TEST(References, KnowTheirRepository) {
  EXPECT_EQ(repository_of("busybox:1"), "busybox");
  EXPECT_EQ(repository_of("reg:5000/p/x:1"), "reg:5000/p/x");
  EXPECT_EQ(repository_of("reg:5000/p/x"), "reg:5000/p/x");
  EXPECT_EQ(repository_of("reg:5000/p/x@sha256:abc"), "reg:5000/p/x");
}

class LayerRecord : public ::testing::Test {
 protected:
  LayerRecord() : store_(root_.writer()) {
    Transaction txn = must(store_.begin());
    base_ = add_test_layer(txn, nullptr, "base");
    top_ = add_test_layer(txn, &base_, "top");
    must(txn.add_image(test_config({"base", "top"})));
    must(txn.commit());
  }
  std::string file(const std::string& name) {
    return store_.layers().path_of(top_.hex()) + "/" + name;
  }
  void write(const std::string& name, const std::string& content) {
    must(write_file_at(store_.root(), file(name), content, 0644));
  }
  std::string problem() {
    Result<Layer> layer = store_.layers().read(top_);
    EXPECT_FALSE(layer.ok());
    EXPECT_FALSE(must(store_.layers().find(top_)).has_value());
    return layer.ok() ? "" : layer.error().message();
  }
  std::string prefix() { return fmt::format("layer {}: ", top_); }

  TempRoot root_;
  Store store_;
  ChainId base_, top_;
};

// What dockerd makes of each: FORMATS section 1.4.
TEST_F(LayerRecord, TakesNewlinesWhereDockerdDoes) {
  write("cache-id", must(read_file_at(store_.root(), file("cache-id"))) + "\n");
  write("diff", must(read_file_at(store_.root(), file("diff"))) + "\n");
  write("parent", base_.to_string() + "\n");
  EXPECT_TRUE(must(store_.has_layer(top_)));
  write("size", "3\n");
  EXPECT_EQ(problem(), prefix() + "size: expected a decimal number, found \"3\n\"");
}

TEST_F(LayerRecord, DamageIsNamed) {
  write("size", "");
  EXPECT_EQ(problem(), prefix() + "size: expected a decimal number, found \"\"");
  write("size", "99999999999999999999999");
  EXPECT_NE(problem(), "");
  write("size", "3");
  write("cache-id", "../../etc");
  EXPECT_EQ(problem(),
            prefix() + "cache-id: invalid cache-id \"../../etc\": expected one folder name");
  write("cache-id", "");
  EXPECT_NE(problem(), "");
}

TEST_F(LayerRecord, DiffAndParentMustMakeTheChain) {
  write("diff", diff_named("other").to_string());
  EXPECT_EQ(problem(), fmt::format("{}diff and parent make chainID {}, expected {}", prefix(),
                                   chain_id(&base_, diff_named("other")), top_));
}

TEST_F(LayerRecord, ImageWithADamagedLayerIsSkippedAndSaysWhy) {
  must(unlink_at(store_.root(), file("tar-split.json.gz")));
  EXPECT_EQ(problem(), prefix() + "tar-split.json.gz is missing");
}

TEST_F(LayerRecord, FindsLayersByDiff) {
  std::vector<Layer> found = must(store_.layers().find_by_diff(diff_named("top")));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].chain, top_);
  EXPECT_EQ(must(store_.layers().size_bytes(top_)), 3u);
  EXPECT_EQ(must(store_.layers().read_chain(top_)).back().chain, base_);
}

// Written by dockerd 20.10 after a pull; FORMATS section 9.6.
TEST(DistributionDb, WritesDockersBytes) {
  TempRoot root;
  Store store = root.writer();
  DiffId diff = diff_named("layer");
  Digest blob = Digest::of("blob");
  must(store.distribution().add(diff, {blob, "docker.io/library/debian", ""}));
  EXPECT_EQ(
      must(read_file_at(store.root(),
                        "image/overlay2/distribution/v2metadata-by-diffid/sha256/" + diff.hex())),
      R"([{"Digest":")" + blob.to_string() +
          R"(","SourceRepository":"docker.io/library/debian","HMAC":""}])");
  EXPECT_EQ(must(read_file_at(store.root(),
                              "image/overlay2/distribution/diffid-by-digest/sha256/" + blob.hex())),
            diff.to_string());
  EXPECT_EQ(must(store.distribution().diff_of(blob)), diff);
  EXPECT_FALSE(must(store.distribution().diff_of(Digest::of("other"))).has_value());
}

TEST(DistributionDb, KeepsTheFiftyNewest) {
  TempRoot root;
  Store store = root.writer();
  DiffId diff = diff_named("layer");
  auto source = [](int i) { return BlobSource{Digest::of("blob"), fmt::format("reg/r{}", i), ""}; };
  for (int i = 0; i < 60; ++i) must(store.distribution().add(diff, source(i)));
  must(store.distribution().add(diff, source(20)));
  std::vector<BlobSource> sources = must(store.distribution().sources_of(diff));
  ASSERT_EQ(sources.size(), 50u);
  EXPECT_EQ(sources.front(), source(10));
  EXPECT_EQ(sources.back(), source(20));
  must(store.distribution().remove(diff, source(20)));
  EXPECT_EQ(must(store.distribution().sources_of(diff)).back(), source(59));
}

}  // namespace
}  // namespace strata::store
