// SPDX-License-Identifier: Apache-2.0
#include "doctor/plan.h"

#include "doctor/test_planner.h"

namespace strata::doctor {
namespace {

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

TEST_F(Planner, JoinsWhatFollowsFromALostLayer) {
  survey.layers.erase(base.hex());
  survey.folders.erase(folder_a);
  Plan made = plan({Finding{.kind = Kind::kImageLayerMissing, .subject = base.to_string()},
                    Finding{.kind = Kind::kRecordParentMissing, .subject = top.to_string()}});
  ASSERT_EQ(made.remedies.size(), 1u);
  EXPECT_EQ(made.remedies[0].findings.size(), 2u);
  EXPECT_FALSE(made.remedies[0].heals());
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
  EXPECT_EQ(texts(remedy(Kind::kFolderUnreadable, "image")), Texts{"make folder image"});
  EXPECT_FALSE(remedy(Kind::kFolderUnreadable, "plugins").heals());
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
