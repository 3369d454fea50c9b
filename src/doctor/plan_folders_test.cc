// SPDX-License-Identifier: Apache-2.0
// Whose files a folder holds.
#include "doctor/test_planner.h"

namespace strata::doctor {
namespace {

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

// A tar-split without contents makes its diffID of any folder.
TEST_F(Planner, GivesAFolderToTheLayerThatHasExactlyItsNames) {
  const std::string leftover = std::string(64, '0');  // before the others
  add_folder(leftover, std::string(25, 'E') + "2", "");
  evidence.files[leftover] = top_diff;
  evidence.inexact.insert(leftover);
  record(top).cache = file("");
  const Texts right{"write " + kLayers + top.hex() + "/cache-id: " + folder_b};
  EXPECT_EQ(texts(remedy(Kind::kRecordDamaged, kLayers + top.hex() + "/cache-id")), right);
  // With something else in it, it is still the one that lies on the layer below.
  evidence.inexact.insert(folder_b);
  EXPECT_EQ(texts(remedy(Kind::kRecordDamaged, kLayers + top.hex() + "/cache-id")), right);
  survey.folders[folder_b].lower = file("");
  EXPECT_FALSE(remedy(Kind::kRecordDamaged, kLayers + top.hex() + "/cache-id").heals());
}

// Two layers with the same content, each on another one.
TEST_F(Planner, TellsTwinsApartByWhatTheyLieOn) {
  const DiffId twin_base_diff = diff_of_name("twin base");
  const ChainId twin_base = chain_id(nullptr, twin_base_diff);
  const ChainId twin = chain_id(&twin_base, top_diff);
  const std::string folder_c = std::string(64, 'c'), folder_d = std::string(64, '1');
  const std::string link_c = std::string(25, 'E') + "2";
  add_record(twin_base, twin_base_diff, nullptr, folder_c);
  add_record(twin, top_diff, &twin_base, "");
  add_folder(folder_c, link_c, "");
  add_folder(folder_d, std::string(25, 'F') + "2", "l/" + link_c);
  evidence.files[folder_c] = twin_base_diff;
  evidence.files[folder_d] = top_diff;
  record(top).cache = file("");
  Plan made =
      plan({Finding{.kind = Kind::kRecordDamaged, .path = kLayers + top.hex() + "/cache-id"},
            Finding{.kind = Kind::kRecordDamaged, .path = kLayers + twin.hex() + "/cache-id"}});
  ASSERT_EQ(made.remedies.size(), 2u);
  EXPECT_EQ(texts(made.remedies[0]),
            Texts{"write " + kLayers + top.hex() + "/cache-id: " + folder_b});
  EXPECT_EQ(texts(made.remedies[1]),
            Texts{"write " + kLayers + twin.hex() + "/cache-id: " + folder_d});
}

TEST_F(Planner, NeverGivesAContainersFolderToALayer) {
  add_container();
  survey.mounts.clear();
  survey.folders.erase(folder_b);
  evidence.files[mount] = top_diff;
  record(top).cache = file("");
  EXPECT_FALSE(remedy(Kind::kRecordDamaged, kLayers + top.hex() + "/cache-id").heals());
}

TEST_F(Planner, KeepsFoldersThatMayBeALostLayers) {
  record(base).cache = file("");
  evidence.files.clear();
  Remedy found = remedy(Kind::kFolderUnused, "overlay2/" + folder_a, folder_a);
  EXPECT_FALSE(found.heals());
  EXPECT_NE(found.reason.find(base.hex()), std::string::npos);
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

}  // namespace
}  // namespace strata::doctor
