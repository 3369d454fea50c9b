// SPDX-License-Identifier: Apache-2.0
// For tests of the planner: a survey made by hand of two layers, an image of both, a container on it; and evidence as a test puts it in.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/test_support.h"
#include "doctor/plan.h"

namespace strata::doctor {

inline const std::string kLayers = "image/overlay2/layerdb/sha256/";
inline const std::string kLinkA = std::string(25, 'A') + "2";
inline const std::string kLinkB = std::string(25, 'B') + "2";
inline const std::string kLinkI = std::string(25, 'C') + "2";
inline const std::string kLinkW = std::string(25, 'D') + "2";

inline SmallFile file(std::string text) { return {SmallFile::State::kRead, std::move(text), ""}; }
inline DiffId diff_of_name(std::string_view name) { return DiffId(Digest::of(name)); }

// Answers what a test has put in.
class FakeEvidence final : public Evidence {
 public:
  std::map<std::string, DiffId> files;  // by folder: what its files make
  std::set<std::string> inexact;        // of those: folders with other names than the tar-split's
  std::map<DiffId, std::string> layers;
  std::map<ImageId, std::string> configs;
  std::vector<NamedImage> names;
  std::optional<ImageId> parent;
  std::map<std::string, std::string> temporary;
  std::map<std::string, double> made, created;

  std::optional<DiffId> diff_of(const std::string&, const std::string& folder) override {
    return files.contains(folder) ? std::optional(files.at(folder)) : std::nullopt;
  }
  Fit fit_of(const std::string&, const std::string& folder) override {
    return files.contains(folder) && !inexact.contains(folder) ? Fit::kAll : Fit::kNone;
  }
  std::optional<uint64_t> size_of(const std::string&, const std::string&) override { return 42; }
  std::vector<DiffId> known_diffs() override { return {}; }
  std::string layer_copy(const DiffId& diff) override { return layers[diff]; }
  std::string config_copy(const ImageId& image) override { return configs[image]; }
  std::vector<std::string> registry_blobs(const DiffId&) override { return {"reg/x@sha256:b"}; }
  std::vector<std::string> repositories_of(const std::vector<DiffId>&) override {
    return {"reg/x"};
  }
  std::vector<NamedImage> remembered_names() override { return names; }
  std::optional<ImageId> parent_of(const ImageId&) override { return parent; }
  std::optional<std::string> temporary_of(const std::string& path) override {
    return temporary.contains(path) ? std::optional(temporary[path]) : std::nullopt;
  }
  std::optional<double> folder_made(const std::string& folder) override {
    return made.contains(folder) ? std::optional(made[folder]) : std::nullopt;
  }
  std::optional<double> container_made(const std::string& id) override {
    return created.contains(id) ? std::optional(created[id]) : std::nullopt;
  }
  std::optional<DiffId> diff_of_blob(const std::string&) override { return std::nullopt; }
};

class Planner : public ::testing::Test {
 protected:
  Planner() {
    base_diff = diff_of_name("base");
    top_diff = diff_of_name("top");
    base = chain_id(nullptr, base_diff);
    top = chain_id(&base, top_diff);
    image = ImageId(Digest::of("config"));
    survey.driver = "overlay2";
    add_record(base, base_diff, nullptr, folder_a);
    add_record(top, top_diff, &base, folder_b);
    add_folder(folder_a, kLinkA, "");
    add_folder(folder_b, kLinkB, "l/" + kLinkA);
    survey.configs[image.hex()] = {image.hex(), image, image.digest(),
                                   9,           "",    {base_diff, top_diff}};
    add_reference("x:1");
    evidence.files = {{folder_a, base_diff}, {folder_b, top_diff}};
  }

  void add_record(const ChainId& chain, const DiffId& diff, const ChainId* parent,
                  const std::string& folder) {
    LayerRecord record;
    record.name = chain.hex();
    record.chain = chain;
    record.diff = file(diff.to_string());
    record.cache = file(folder);
    record.size = file("42");
    if (parent != nullptr) record.parent = file(parent->to_string());
    record.has_split = true;
    survey.layers[record.name] = record;
  }
  void add_folder(const std::string& name, const std::string& link, const std::string& lower) {
    LayerFolder folder;
    folder.name = name;
    folder.link = file(link);
    if (!lower.empty()) folder.lower = file(lower);
    folder.has_diff = folder.has_work = true;
    survey.folders[name] = folder;
    survey.links[link] = "../" + name + "/diff";
  }
  void add_reference(const std::string& key) {
    survey.repositories =
        file(fmt::format(R"({{"Repositories":{{"x":{{"{}":"{}"}}}}}})", key, image));
  }
  // With a mount that names its folders, and the folders.
  void add_container() {
    survey.containers[container].name = container;
    survey.containers[container].image = image.to_string();
    survey.containers[container].image_name = "x:1";
    survey.containers[container].title = "web";
    survey.mounts[container] = {container, file(mount), file(mount + "-init"),
                                file(top.to_string()), ""};
    add_folder(mount + "-init", kLinkI, fmt::format("l/{}:l/{}", kLinkB, kLinkA));
    add_folder(mount, kLinkW, fmt::format("l/{}:l/{}:l/{}", kLinkI, kLinkB, kLinkA));
  }

  LayerRecord& record(const ChainId& chain) { return survey.layers.at(chain.hex()); }

  Plan plan(std::vector<Finding> findings) {
    return make_plan(survey, std::move(findings), evidence, {});
  }
  // The one remedy of one finding.
  Remedy remedy(Kind kind, const std::string& path, const std::string& subject = "") {
    Plan made = plan({Finding{.kind = kind, .path = path, .subject = subject}});
    EXPECT_EQ(made.remedies.size(), 1u);
    return made.remedies.empty() ? Remedy() : made.remedies.front();
  }
  static std::vector<std::string> texts(const Remedy& remedy) {
    std::vector<std::string> lines;
    for (const Action& action : remedy.actions) lines.push_back(describe(action));
    return lines;
  }
  using Texts = std::vector<std::string>;

  Survey survey;
  FakeEvidence evidence;
  DiffId base_diff, top_diff;
  ChainId base, top;
  ImageId image;
  const std::string folder_a = std::string(64, 'a'), folder_b = std::string(64, 'b');
  const std::string container = std::string(64, 'c'), mount = std::string(64, 'd');
};

}  // namespace strata::doctor
