// SPDX-License-Identifier: Apache-2.0
// The two texts of thin archives: what is accepted, and what is said about the rest. Whole archives
// are tested in tests/e2e/test_thin.py, beside dockerd in tests/compat/test_thin_docker.py.
#include "archive/thin.h"

#include <gtest/gtest.h>

#include "archive/layer_list.h"

namespace strata::archive {
namespace {

// FORMATS section 3: a base layer's chainID is its diffID, the one on it is
// sha256("sha256:aa… sha256:bb…") by sha256sum.
const std::string kBase = "sha256:" + std::string(64, 'a');
const std::string kUpper = "sha256:" + std::string(64, 'b');
const std::string kChain =
    "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c";

template <typename T>
void expect_error(const Result<T>& result, ErrorCode code, const std::string& words) {
  ASSERT_FALSE(result.ok()) << words;
  EXPECT_EQ(result.error().code(), code);
  EXPECT_NE(result.error().message().find(words), std::string::npos) << result.error().message();
}

TEST(LayerList, HasALineForEachLayer) {
  store::Layer base, upper;
  base.diff = DiffId::parse(kBase).value();
  base.chain = chain_id(nullptr, base.diff);
  upper.diff = DiffId::parse(kUpper).value();
  upper.chain = chain_id(&base.chain, upper.diff);
  EXPECT_EQ(layer_list_text({base, upper}),
            "strata-layers 1\n" + kBase + " " + kBase + "\n" + kChain + " " + kUpper + "\n");
  EXPECT_EQ(layer_list_text({}), "strata-layers 1\n");
}

TEST(LayerList, TakesCommentsEmptyLinesAndWhatLaterVersionsAdd) {
  auto chains = parse_layer_list("strata-layers 1\r\n# all\n\n" + kChain + " " + kUpper +
                                 " size=12\r\n" + kBase + " " + kBase);
  ASSERT_TRUE(chains.ok()) << chains.error().message();
  EXPECT_EQ(*chains,
            (std::set<ChainId>{ChainId::parse(kBase).value(), ChainId::parse(kChain).value()}));
}

TEST(LayerList, RefusesWhatIsNone) {
  expect_error(parse_layer_list(""), ErrorCode::kInvalid, "not a list of layers");
  expect_error(parse_layer_list(kBase + "\n"), ErrorCode::kInvalid, "not a list of layers");
  expect_error(parse_layer_list("strata-layers 2\n"), ErrorCode::kUnsupported, "version");
  expect_error(parse_layer_list("strata-layers 11\n"), ErrorCode::kUnsupported, "version");
  expect_error(parse_layer_list("strata-layers 1\n" + kBase + "\n"), ErrorCode::kInvalid, "line 2");
}

TEST(LayerList, EveryTruncationIsShorterOrAnError) {
  const std::string whole =
      "strata-layers 1\n" + kBase + " " + kBase + "\n" + kChain + " " + kUpper;
  for (size_t size = 0; size < whole.size(); ++size) {
    auto chains = parse_layer_list(std::string_view(whole).substr(0, size));
    EXPECT_TRUE(!chains.ok() || chains->size() < 2u) << size;
  }
}

TEST(ThinRecord, ComesBack) {
  std::vector<LeftOutLayer> layers = {
      {ChainId::parse(kChain).value(), DiffId::parse(kUpper).value(), 10240}};
  std::string text = thin_record_text(layers);
  EXPECT_EQ(text, "{\"formatVersion\":1,\"leftOut\":[{\"chainID\":\"" + kChain +
                      "\",\"diffID\":\"" + kUpper + "\",\"size\":10240}]}\n");
  EXPECT_EQ(parse_thin_record(text).value(), layers);
}

TEST(ThinRecord, RefusesOtherVersionsAndWrongMembers) {
  expect_error(parse_thin_record("{}"), ErrorCode::kUnsupported, "formatVersion 0");
  expect_error(parse_thin_record(R"({"formatVersion":2})"), ErrorCode::kUnsupported,
               "formatVersion 2");
  expect_error(parse_thin_record("[]"), ErrorCode::kInvalid, "expected an object");
  expect_error(parse_thin_record(R"({"formatVersion":1,"leftOut":[{}]})"), ErrorCode::kInvalid, "");
  expect_error(parse_thin_record(R"({"formatVersion":1,"leftOut":[{"chainID":")" + kBase +
                                 R"(","diffID":")" + kBase + R"(","size":-1}]})"),
               ErrorCode::kInvalid, "size is -1");
}

}  // namespace
}  // namespace strata::archive
