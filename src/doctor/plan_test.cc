// SPDX-License-Identifier: Apache-2.0
// The planner on surveys made by hand: two layers, an image of both, a container on it.
#include "doctor/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/test_support.h"

namespace strata::doctor {
namespace {

const std::string kLayers = "image/overlay2/layerdb/sha256/";
const std::string kLinkA = std::string(25, 'A') + "2";
const std::string kLinkB = std::string(25, 'B') + "2";
const std::string kLinkI = std::string(25, 'C') + "2";
const std::string kLinkW = std::string(25, 'D') + "2";

SmallFile file(std::string text) { return {SmallFile::State::kRead, std::move(text), ""}; }
DiffId diff_of_name(std::string_view name) { return DiffId(Digest::of(name)); }

// Answers what a test has put in.
class FakeEvidence final : public Evidence {
 public:
  std::map<std::string, DiffId> files;  // by folder: what its files make
  std::map<DiffId, std::string> layers;
  std::map<ImageId, std::string> configs;
  std::vector<NamedImage> names;
  std::optional<ImageId> parent;
  std::map<std::string, std::string> temporary;
  std::map<std::string, double> made, created;

  std::optional<DiffId> diff_of(const std::string&, const std::string& folder) override {
    return files.contains(folder) ? std::optional(files.at(folder)) : std::nullopt;
  }
  std::optional<uint64_t> size_of(const std::string&) override { return 42; }
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

TEST_F(Planner, DoesNothingWhereNothingIsFound) { EXPECT_TRUE(plan({}).remedies.empty()); }

TEST_F(Planner, LearnsADiffIdFromAConfig) {
  record(top).diff = file("");
  Remedy found = remedy(Kind::kRecordDamaged, kLayers + top.hex() + "/diff");
  EXPECT_EQ(texts(found), Texts{fmt::format("write {}{}/diff: {}", kLayers, top.hex(), top_diff)});
  EXPECT_EQ(found.reason, "learnt from the config of image " + image.hex().substr(0, 12));
}

TEST_F(Planner, LearnsADiffIdFromTheChainIdAlone) {
  survey.configs.clear();
  record(top).diff = file("");
  // Another layer has the same diffID, on nothing.
  add_record(chain_id(nullptr, top_diff), top_diff, nullptr, std::string(64, 'e'));
  Remedy found = remedy(Kind::kRecordDamaged, kLayers + top.hex() + "/diff");
  EXPECT_EQ(texts(found), Texts{fmt::format("write {}{}/diff: {}", kLayers, top.hex(), top_diff)});
}

TEST_F(Planner, LearnsADiffIdAndParentFromTheFiles) {
  survey.configs.clear();
  record(top).diff = record(top).cache = file("");
  record(top).parent = {};
  Plan made =
      plan({Finding{.kind = Kind::kRecordDamaged, .path = kLayers + top.hex() + "/diff"},
            Finding{.kind = Kind::kRecordDamaged, .path = kLayers + top.hex() + "/parent"},
            Finding{.kind = Kind::kRecordDamaged, .path = kLayers + top.hex() + "/cache-id"}});
  ASSERT_EQ(made.remedies.size(), 3u);
  EXPECT_TRUE(texts(made.remedies[0])[0].ends_with(top_diff.to_string()));
  EXPECT_TRUE(texts(made.remedies[1])[0].ends_with(base.to_string()));
  EXPECT_TRUE(texts(made.remedies[2])[0].ends_with(folder_b));
  EXPECT_EQ(made.remedies[0].reason, "learnt from its files and tar-split");
}

TEST_F(Planner, TakesAParentFromABaseLayer) {
  record(base).parent = file("sha256:" + std::string(64, '0'));
  Remedy found = remedy(Kind::kRecordDamaged, kLayers + base.hex() + "/parent");
  EXPECT_EQ(texts(found), Texts{"set aside " + kLayers + base.hex() + "/parent"});
}

TEST_F(Planner, MeasuresASizeAnew) {
  record(base).size = file("42\n");
  Remedy found = remedy(Kind::kRecordDamaged, kLayers + base.hex() + "/size");
  EXPECT_EQ(texts(found), Texts{"write " + kLayers + base.hex() + "/size: 42"});
}

TEST_F(Planner, FindsALostFolderByItsFiles) {
  record(base).cache = file("");
  Remedy found = remedy(Kind::kRecordDamaged, kLayers + base.hex() + "/cache-id");
  EXPECT_EQ(texts(found), Texts{"write " + kLayers + base.hex() + "/cache-id: " + folder_a});
  EXPECT_EQ(found.reason, "learnt from its files, which give the layer's diffID");
}

TEST_F(Planner, GivesNoFolderToALayerWhoseFilesDiffer) {
  record(base).cache = file("");
  evidence.files[folder_a] = diff_of_name("changed");
  Remedy found = remedy(Kind::kRecordDamaged, kLayers + base.hex() + "/cache-id");
  EXPECT_FALSE(found.heals());
  EXPECT_NE(found.reason.find("diffID " + base_diff.to_string()), std::string::npos);
  EXPECT_NE(found.reason.find("reg/x@sha256:b"), std::string::npos);
}

TEST_F(Planner, KeepsFoldersThatMayBeALostLayers) {
  record(base).cache = file("");
  evidence.files.clear();
  Remedy found = remedy(Kind::kFolderUnused, "overlay2/" + folder_a, folder_a);
  EXPECT_FALSE(found.heals());
  EXPECT_NE(found.reason.find(base.hex()), std::string::npos);
}

TEST_F(Planner, SetsUnusedFoldersAside) {
  add_folder(std::string(64, 'e'), std::string(25, 'E') + "2", "");
  const std::string path = "overlay2/" + std::string(64, 'e');
  EXPECT_EQ(texts(remedy(Kind::kFolderUnused, path)), Texts{"set aside " + path});
  survey.mounted.insert(std::string(64, 'e'));
  EXPECT_FALSE(remedy(Kind::kFolderUnused, path).heals());
  survey.mounted.clear();
  survey.unreadable.insert("image/overlay2/layerdb/mounts");
  EXPECT_FALSE(remedy(Kind::kFolderUnused, path).heals());
}

TEST_F(Planner, SettlesWhoseFilesTheyAre) {
  record(base).cache = file(folder_b);
  Plan made =
      plan({Finding{.kind = Kind::kRecordShared, .path = kLayers + base.hex() + "/cache-id"},
            Finding{.kind = Kind::kRecordShared, .path = kLayers + top.hex() + "/cache-id"}});
  ASSERT_FALSE(made.remedies.empty());
  for (const Remedy& found : made.remedies) {
    EXPECT_EQ(texts(found), Texts{"write " + kLayers + base.hex() + "/cache-id: " + folder_a});
  }
}

TEST_F(Planner, JoinsWhatFollowsFromALostLayer) {
  survey.layers.erase(base.hex());
  survey.folders.erase(folder_a);
  Plan made = plan({Finding{.kind = Kind::kImageLayerMissing, .subject = base.to_string()},
                    Finding{.kind = Kind::kRecordParentMissing, .subject = top.to_string()}});
  ASSERT_EQ(made.remedies.size(), 1u);
  EXPECT_EQ(made.remedies[0].findings.size(), 2u);
  EXPECT_FALSE(made.remedies[0].heals());
}

TEST_F(Planner, FindsTheFilesOfALayerWithoutARecord) {
  survey.layers.erase(base.hex());
  Remedy found = remedy(Kind::kImageLayerMissing, "", base.to_string());
  ASSERT_EQ(found.actions.size(), 3u);
  EXPECT_EQ(std::get<RestoreLayer>(found.actions[0]).folder, folder_a);
  EXPECT_EQ(std::get<WriteFile>(found.actions[1]).content, base_diff.to_string());
  EXPECT_EQ(std::get<WriteFile>(found.actions[2]).content, folder_a);
  // Nobody lies on it, but it lies where the layer must.
  survey.layers.erase(top.hex());
  found = remedy(Kind::kImageLayerMissing, "", top.to_string());
  EXPECT_EQ(std::get<RestoreLayer>(found.actions[0]).folder, folder_b);
  EXPECT_EQ(std::get<RestoreLayer>(found.actions[0]).parent_folder, folder_a);
  // Of two that could be, neither is taken.
  add_folder(std::string(64, 'e'), std::string(25, 'E') + "2", "l/" + kLinkA);
  EXPECT_FALSE(remedy(Kind::kImageLayerMissing, "", top.to_string()).heals());
}

TEST_F(Planner, TakesARemovalBack) {
  LayerRecord going = record(base);
  going.name = base.hex() + "-" + std::string(64, '1') + "-removing";
  going.chain.reset();
  survey.layers.erase(base.hex());
  survey.layers[going.name] = going;
  Remedy found = remedy(Kind::kRemovalUnfinished, kLayers + going.name, base.to_string());
  EXPECT_EQ(texts(found),
            Texts{"move " + kLayers + going.name + " back to " + kLayers + base.hex()});
  evidence.files[folder_a] = diff_of_name("half gone");
  found = remedy(Kind::kRemovalUnfinished, kLayers + going.name, base.to_string());
  EXPECT_EQ(texts(found), Texts{"set aside " + kLayers + going.name});
}

TEST_F(Planner, LearnsALinkFromTheEntryThatLeadsThere) {
  survey.folders[folder_a].link = file("");
  Remedy found = remedy(Kind::kLinkFileDamaged, "overlay2/" + folder_a + "/link");
  EXPECT_EQ(texts(found), Texts{"write overlay2/" + folder_a + "/link: " + kLinkA});
}

TEST_F(Planner, LearnsALinkFromTheLayersAbove) {
  survey.folders[folder_a].link = file("");
  survey.links.erase(kLinkA);
  Remedy found = remedy(Kind::kLinkFileDamaged, "overlay2/" + folder_a + "/link");
  EXPECT_EQ(texts(found), (Texts{"link overlay2/l/" + kLinkA + " -> ../" + folder_a + "/diff",
                                 "write overlay2/" + folder_a + "/link: " + kLinkA}));
  EXPECT_EQ(found.reason, "learnt from lower of the layers above");
}

TEST_F(Planner, GivesANewLinkWhereNobodyKnowsTheOld) {
  survey.folders[folder_b].link = file("");
  survey.links.erase(kLinkB);
  Remedy found = remedy(Kind::kLinkFileDamaged, "overlay2/" + folder_b + "/link");
  ASSERT_EQ(found.actions.size(), 2u);
  EXPECT_EQ(std::get<WriteFile>(found.actions[1]).content.size(), 26u);
  EXPECT_EQ(found.reason, "learnt from nothing: a new name");
}

TEST_F(Planner, MakesMissingEntriesOfL) {
  survey.links.erase(kLinkA);
  Remedy found = remedy(Kind::kLinkMissing, "overlay2/l/" + kLinkA);
  EXPECT_EQ(texts(found), Texts{"link overlay2/l/" + kLinkA + " -> ../" + folder_a + "/diff"});
}

TEST_F(Planner, WritesLowersFromTheChain) {
  add_container();
  survey.folders[folder_b].lower = file("l/GARBLED");
  EXPECT_EQ(texts(remedy(Kind::kLowerDamaged, "overlay2/" + folder_b + "/lower")),
            Texts{"write overlay2/" + folder_b + "/lower: l/" + kLinkA});
  survey.folders[folder_a].lower = file("l/" + kLinkB);
  EXPECT_EQ(texts(remedy(Kind::kLowerDamaged, "overlay2/" + folder_a + "/lower")),
            Texts{"set aside overlay2/" + folder_a + "/lower"});
  survey.folders[folder_a].lower = {};
  survey.folders[mount].lower = file("");
  EXPECT_EQ(
      texts(remedy(Kind::kLowerDamaged, "overlay2/" + mount + "/lower")),
      Texts{fmt::format("write overlay2/{}/lower: l/{}:l/{}:l/{}", mount, kLinkI, kLinkB, kLinkA)});
}

TEST_F(Planner, FindsAContainersLayer) {
  add_container();
  survey.mounts.erase(container);
  Remedy found =
      remedy(Kind::kContainerMountMissing, "image/overlay2/layerdb/mounts/" + container, container);
  const std::string path = "image/overlay2/layerdb/mounts/" + container;
  EXPECT_EQ(texts(found), (Texts{"make folder " + path, "write " + path + "/mount-id: " + mount,
                                 "write " + path + "/init-id: " + mount + "-init",
                                 "write " + path + "/parent: " + top.to_string()}));
}

TEST_F(Planner, TellsTwoContainersApartByTheirTimes) {
  add_container();
  const std::string other = std::string(64, 'e');
  add_folder(other + "-init", std::string(25, 'E') + "2", fmt::format("l/{}:l/{}", kLinkB, kLinkA));
  add_folder(other, std::string(25, 'F') + "2", "");
  survey.mounts[container].mount_id = survey.mounts[container].init_id = file("");
  const std::string path = "image/overlay2/layerdb/mounts/" + container + "/mount-id";
  EXPECT_FALSE(remedy(Kind::kMountDamaged, path, container).heals());
  evidence.created[container] = 1000;
  evidence.made = {{mount, 1000.5}, {other, 2000}};
  Remedy found = remedy(Kind::kMountDamaged, path, container);
  ASSERT_EQ(found.actions.size(), 2u);
  EXPECT_EQ(std::get<WriteFile>(found.actions[0]).content, mount);
}

TEST_F(Planner, LearnsAMountsParentFromTheImage) {
  add_container();
  survey.mounts[container].parent = file("");
  const std::string path = "image/overlay2/layerdb/mounts/" + container + "/parent";
  EXPECT_EQ(texts(remedy(Kind::kMountDamaged, path, container)),
            Texts{"write " + path + ": " + top.to_string()});
  survey.configs.clear();
  EXPECT_EQ(texts(remedy(Kind::kMountDamaged, path, container)),
            Texts{"write " + path + ": " + top.to_string()});
}

TEST_F(Planner, LeavesTheLayerOfADamagedContainer) {
  add_container();
  survey.containers[container].trouble = "0 bytes";
  Remedy found =
      remedy(Kind::kContainerDamaged, "containers/" + container + "/config.v2.json", container);
  EXPECT_FALSE(found.heals());
  EXPECT_NE(found.reason.find("overlay2/" + mount + "/diff"), std::string::npos);
  evidence.temporary["containers/" + container + "/config.v2.json"] =
      R"({"ID":")" + container + R"("})";
  EXPECT_TRUE(
      remedy(Kind::kContainerDamaged, "containers/" + container + "/config.v2.json", container)
          .heals());
}

TEST_F(Planner, TakesADamagedHostConfigAway) {
  add_container();
  const std::string path = "containers/" + container + "/hostconfig.json";
  EXPECT_EQ(texts(remedy(Kind::kContainerDamaged, path, container)), Texts{"set aside " + path});
}

TEST_F(Planner, MakesFoldersOfDockersOwn) {
  const std::string path = "image/overlay2/layerdb/mounts";
  EXPECT_EQ(texts(remedy(Kind::kFolderUnreadable, path)), Texts{"make folder " + path});
  EXPECT_FALSE(remedy(Kind::kFolderUnreadable, "image").heals());
}

TEST_F(Planner, RebuildsReferencesFromWhatIsLeft) {
  add_container();
  survey.containers[container].image_name = "web:2";
  const std::string whole = survey.repositories.text;
  survey.repositories = file(whole.substr(0, whole.size() - 3));
  Remedy found = remedy(Kind::kReferencesDamaged, "image/overlay2/repositories.json");
  EXPECT_EQ(
      std::get<WriteFile>(found.actions.at(0)).content,
      fmt::format(R"({{"Repositories":{{"web":{{"web:2":"{0}"}},"x":{{"x:1":"{0}"}}}}}})", image));
  EXPECT_NE(found.reason.find("x:1 from what is left of the file"), std::string::npos);
  EXPECT_NE(found.reason.find("web:2 from container web"), std::string::npos);
}

TEST_F(Planner, SaysWhatCanBeSaidOfImagesWithoutAName) {
  survey.repositories = file("");
  Remedy found = remedy(Kind::kReferencesDamaged, "image/overlay2/repositories.json");
  EXPECT_EQ(std::get<WriteFile>(found.actions.at(0)).content, R"({"Repositories":{}})");
  EXPECT_NE(found.reason.find("was in reg/x, under a tag that nobody remembers"),
            std::string::npos);
}

TEST_F(Planner, DropsReferencesThatLeadNowhere) {
  survey.configs.clear();
  Remedy found = remedy(Kind::kReferenceDangling, "image/overlay2/repositories.json", "x:1");
  EXPECT_EQ(std::get<WriteFile>(found.actions.at(0)).content, R"({"Repositories":{}})");
  evidence.configs[image] = "x.tar";
  found = remedy(Kind::kReferenceDangling, "image/overlay2/repositories.json", "x:1");
  EXPECT_EQ(texts(found), Texts{fmt::format("restore the config of image {}", image)});
}

TEST_F(Planner, GivesUpAnImageWithItsNames) {
  survey.configs[image.hex()].found = Digest::of("garbage");
  const std::string path = "image/overlay2/imagedb/content/sha256/" + image.hex();
  Plan made =
      plan({Finding{.kind = Kind::kConfigDamaged, .path = path, .subject = image.to_string()}});
  ASSERT_EQ(made.remedies.size(), 2u);
  EXPECT_EQ(texts(made.remedies[0]), Texts{"set aside " + path});
  EXPECT_EQ(std::get<WriteFile>(made.remedies[1].actions.at(0)).content, R"({"Repositories":{}})");
  EXPECT_TRUE(made.gives_up_images);
}

TEST_F(Planner, KeepsLayersOfImagesThatWereGivenUp) {
  survey.configs.clear();
  Finding finding{
      .kind = Kind::kRecordUnused, .path = kLayers + top.hex(), .subject = top.to_string()};
  EXPECT_TRUE(make_plan(survey, {finding}, evidence, {}).remedies.at(0).heals());
  EXPECT_FALSE(
      make_plan(survey, {finding}, evidence, {.keep_unused = true}).remedies.at(0).heals());
}

TEST_F(Planner, TrimsAParentLink) {
  survey.metadata[image.hex()] = {image.hex(), file(image.to_string() + "\n"), {}, {}, ""};
  const std::string path = "image/overlay2/imagedb/metadata/sha256/" + image.hex() + "/parent";
  EXPECT_EQ(texts(remedy(Kind::kParentDamaged, path, image.to_string())),
            Texts{"write " + path + ": " + image.to_string()});
  survey.metadata[image.hex()].parent = file("");
  EXPECT_EQ(texts(remedy(Kind::kParentDamaged, path, image.to_string())),
            Texts{"set aside " + path});
  evidence.parent = image;
  EXPECT_TRUE(remedy(Kind::kParentDamaged, path, image.to_string()).heals());
}

TEST_F(Planner, CollectsTheFilesOfALayer) {
  evidence.layers[top_diff] = "x.tar";
  const std::string files = "overlay2/" + folder_b + "/diff/";
  Plan made = plan(
      {Finding{.kind = Kind::kFileMissing, .path = files + "etc/a", .subject = top.to_string()},
       Finding{.kind = Kind::kFileChanged, .path = files + "b", .subject = top.to_string()},
       Finding{.kind = Kind::kFileExtra, .path = files + "c", .subject = top.to_string()}});
  ASSERT_EQ(made.remedies.size(), 2u);
  EXPECT_EQ(texts(made.remedies[0]), Texts{"set aside " + files + "c"});
  EXPECT_EQ(std::get<RestoreLayer>(made.remedies[1].actions.at(0)).names, (Texts{"etc/a", "b"}));
}

TEST_F(Planner, ExchangesNoFilesThatAreMounted) {
  evidence.layers[top_diff] = "x.tar";
  survey.mounted.insert(folder_b);
  EXPECT_FALSE(
      remedy(Kind::kFileChanged, "overlay2/" + folder_b + "/diff/a", top.to_string()).heals());
  EXPECT_FALSE(
      remedy(Kind::kFilesMissing, "overlay2/" + folder_b + "/diff", top.to_string()).heals());
  survey.mounted.clear();
  EXPECT_TRUE(
      remedy(Kind::kFilesMissing, "overlay2/" + folder_b + "/diff", top.to_string()).heals());
}

TEST_F(Planner, HasAWordForEveryKind) {
  for (int kind = 0; kind <= static_cast<int>(Kind::kUnsynced); ++kind) {
    Plan made = plan({Finding{.kind = static_cast<Kind>(kind),
                              .path = "overlay2/" + folder_a + "/x",
                              .subject = "nobody"}});
    EXPECT_LE(made.remedies.size(), 1u) << to_string(static_cast<Kind>(kind));
    for (const Remedy& found : made.remedies) EXPECT_FALSE(found.reason.empty());
  }
}

}  // namespace
}  // namespace strata::doctor
