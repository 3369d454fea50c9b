// SPDX-License-Identifier: Apache-2.0
// The judges on surveys that are made in memory; reading, on folders that hold anything.
#include "doctor/survey.h"

#include <sys/stat.h>

#include <algorithm>

#include "doctor/check.h"
#include "doctor/survey_uses.h"
#include "store/test_store.h"

namespace strata::doctor {
namespace {

using store::diff_named;
using store::TempRoot;

SmallFile file(std::string text) { return {SmallFile::State::kRead, std::move(text), ""}; }

std::string link_named(char letter) { return std::string(26, letter); }

// A root of three layers upon each other, an image "x:1" of all of them, and a container on it.
class Judges : public ::testing::Test {
 protected:
  Judges() {
    survey_.driver = "overlay2";
    survey_.root_path = "/root";
    std::vector<DiffId> diffs = {diff_named("a"), diff_named("b"), diff_named("c")};
    chains_ = chains_of(diffs);
    std::string lower;
    for (size_t i = 0; i < diffs.size(); ++i) {
      LayerRecord record;
      record.name = chains_[i].hex();
      record.chain = chains_[i];
      record.diff = file(diffs[i].to_string());
      record.cache = file(folder(i));
      record.size = file("10");
      if (i > 0) record.parent = file(chains_[i - 1].to_string());
      record.has_split = true;
      survey_.layers.emplace(record.name, record);
      lower = add_folder(folder(i), static_cast<char>('A' + i), lower);
    }
    image_ = ImageId(Digest::of("config"));
    ConfigRecord config;
    config.name = image_.hex();
    config.image = image_;
    config.found = image_.digest();
    config.diffs = diffs;
    survey_.configs.emplace(config.name, config);
    survey_.repositories =
        file(fmt::format(R"({{"Repositories":{{"x":{{"x:1":"{}"}}}}}})", image_));
    container_ = Digest::of("container").hex();
    const std::string mount = Digest::of("mount").hex();
    survey_.mounts[container_] = {container_, file(mount), file(mount + "-init"),
                                  file(chains_[2].to_string()), ""};
    add_folder(mount, 'Z', add_folder(mount + "-init", 'Y', lower));
    ContainerRecord container;
    container.name = container_;
    container.image = image_.to_string();
    container.title = "web";
    survey_.containers.emplace(container_, container);
  }

  // Returns the lower of what lies on it.
  std::string add_folder(const std::string& name, char letter, const std::string& lower) {
    LayerFolder folder;
    folder.name = name;
    folder.link = file(link_named(letter));
    if (!lower.empty()) folder.lower = file(lower);
    folder.has_diff = folder.has_work = true;
    survey_.folders.emplace(name, folder);
    survey_.links.emplace(link_named(letter), "../" + name + "/diff");
    return "l/" + link_named(letter) + (lower.empty() ? "" : ":" + lower);
  }
  static std::string folder(size_t i) { return Digest::of(fmt::format("folder {}", i)).hex(); }

  LayerRecord& record(size_t i) { return survey_.layers.at(chains_[i].hex()); }
  LayerFolder& files(size_t i) { return survey_.folders.at(folder(i)); }

  std::vector<Finding> judge() const {
    std::vector<Finding> all = judge_references(survey_);
    for (auto* judge : {&judge_images, &judge_records, &judge_folders, &judge_containers}) {
      for (Finding& finding : (*judge)(survey_)) all.push_back(std::move(finding));
    }
    return all;
  }
  // The only finding.
  Finding only() const {
    std::vector<Finding> all = judge();
    EXPECT_EQ(all.size(), 1u);
    for (const Finding& finding : all) {
      SCOPED_TRACE(fmt::format("{} {}", to_string(finding.kind), finding.path));
      EXPECT_EQ(all.size(), 1u);
    }
    return all.empty() ? Finding{} : all.front();
  }

  Survey survey_;
  std::vector<ChainId> chains_;
  ImageId image_;
  std::string container_;
};

TEST_F(Judges, FindNothingInASoundRoot) { EXPECT_TRUE(judge().empty()); }

TEST_F(Judges, KnowTheLostFolderByWhatLiesOnIt) {
  record(1).cache = file("");
  Finding finding = only();
  EXPECT_EQ(finding.kind, Kind::kRecordDamaged);
  EXPECT_EQ(finding.path, "image/overlay2/layerdb/sha256/" + chains_[1].hex() + "/cache-id");
  EXPECT_EQ(finding.expected, folder(1));
  EXPECT_EQ(finding.found, "0 bytes");
  EXPECT_EQ(finding.affected, (std::vector<std::string>{"container web", "x:1"}));
}

TEST_F(Judges, KnowDiffAndParentByTheImage) {
  record(1).diff = file("");
  EXPECT_EQ(only().expected, diff_named("b").to_string());
  record(1).diff = file(diff_named("b").to_string());
  record(2).parent = {};
  EXPECT_EQ(only().expected, chains_[1].to_string());
}

TEST_F(Judges, KnowTheDiffOfALayerWithoutImageByItsChain) {
  survey_.configs.clear();
  survey_.containers.at(container_).image.clear();
  survey_.repositories = file("{}");
  record(2).parent = file(chains_[0].to_string());  // the sum fits one parent only
  Finding finding = only();
  EXPECT_EQ(finding.kind, Kind::kRecordDamaged);
  EXPECT_TRUE(finding.path.ends_with("/parent"));
  EXPECT_EQ(finding.expected, chains_[1].to_string());
}

TEST_F(Judges, TakeNewlinesWhereDockerdTrimsThem) {
  record(1).cache.text += "\n";
  record(1).diff.text += "\n";
  record(1).parent.text += "\n";
  EXPECT_TRUE(judge().empty());
  record(1).size.text += "\n";
  EXPECT_EQ(only().path, "image/overlay2/layerdb/sha256/" + chains_[1].hex() + "/size");
  record(1).size.text = "10";
  files(1).lower.text += "\n";
  EXPECT_EQ(only().kind, Kind::kLowerDamaged);
}

TEST_F(Judges, TellLinkFileAndLinkApart) {
  files(1).link = file(link_named('Q'));  // l/ knows better
  EXPECT_EQ(only().kind, Kind::kLinkFileDamaged);
  EXPECT_EQ(only().expected, link_named('B'));
  files(1).link = file(link_named('B'));
  survey_.links.erase(link_named('B'));
  EXPECT_EQ(only().kind, Kind::kLinkMissing);
  EXPECT_EQ(only().path, "overlay2/l/" + link_named('B'));
}

TEST_F(Judges, CallNothingUnusedThatSomebodyMayNeed) {
  survey_.configs.clear();
  survey_.repositories = file("{}");
  survey_.containers.clear();
  survey_.mounts.clear();
  const size_t all = judge().size();
  EXPECT_EQ(all, 5u);  // three layers, two folders of a container
  survey_.leased.insert(chains_[2]);
  EXPECT_EQ(judge().size(), 2u);
  survey_.leased.clear();
  survey_.build_cache.insert(chains_[1]);
  EXPECT_EQ(judge().size(), 3u);
  survey_.mounted = {Digest::of("mount").hex(), Digest::of("mount").hex() + "-init"};
  EXPECT_EQ(judge().size(), 1u);
  survey_.uses_known = false;
  EXPECT_TRUE(judge().empty());
}

TEST_F(Judges, CallNoLayerUnusedWhileAnImageIsLost) {
  survey_.configs.at(image_.hex()).found = Digest::of("something else");
  survey_.mounts.at(container_).parent = {};
  for (const Finding& finding : judge()) EXPECT_NE(finding.kind, Kind::kRecordUnused);
}

TEST_F(Judges, EndWhereParentsGoInACircle) {
  survey_.configs.clear();
  survey_.repositories = file("{}");
  record(0).parent = file(chains_[2].to_string());
  EXPECT_FALSE(judge().empty());
}

TEST_F(Judges, SayWhatADockerdDoesNotStartWith) {
  for (const char* text :
       {"", "{", "null", "[]", R"({"Repositories":[]})", R"({"Repositories":{"x":{"x:1":5}}})"}) {
    survey_.repositories = file(text);
    std::vector<Finding> findings = judge_references(survey_);
    ASSERT_EQ(findings.size(), 1u) << text;
    EXPECT_EQ(findings.front().severity, Severity::kFatal) << text;
  }
  survey_.repositories = file("{} trailing");
  EXPECT_EQ(judge_references(survey_).front().severity, Severity::kError);
  survey_.repositories = file(R"({"Repositories":null})");
  EXPECT_TRUE(judge_references(survey_).empty());
}

TEST_F(Judges, FindMountsByWhateverPathTheyAreSeen) {
  const std::string line = fmt::format(
      "36 35 0:50 / /elsewhere rw - overlay overlay rw,lowerdir=/r/overlay2/l/{}:l/{},"
      "upperdir=/r/overlay2/{}/diff\n",
      link_named('B'), link_named('A'), folder(2));
  std::set<std::string> mounted;
  add_mounted(
      line, survey_, [](const std::string&) { return false; }, mounted);
  EXPECT_EQ(mounted, (std::set<std::string>{folder(0), folder(1), folder(2)}));
  mounted.clear();
  add_mounted(
      line, survey_, [](const std::string& root) { return root == "/r"; }, mounted);
  EXPECT_EQ(mounted, std::set<std::string>{folder(0)});
}

TEST(SmallFiles, AreReadWhateverLiesThere) {
  TempRoot root;
  must(mkdir_at(Fd(), root.path(), 0755));
  Fd folder = must(open_dir_at(Fd(), root.path()));
  EXPECT_EQ(read_small_file(folder, "missing").state, SmallFile::State::kMissing);
  must(write_file_at(folder, "file", "text", 0644));
  EXPECT_EQ(read_small_file(folder, "file").text, "text");
  must(mkdir_at(folder, "folder", 0755));
  EXPECT_EQ(read_small_file(folder, "folder").trouble, "a directory");
  must(symlink_at("file", folder, "link"));
  EXPECT_EQ(read_small_file(folder, "link").trouble, "a symlink");
  ASSERT_EQ(::mkfifoat(folder.get(), "fifo", 0644), 0);
  EXPECT_EQ(read_small_file(folder, "fifo").trouble, "a fifo");
  must(write_file_at(folder, "large", std::string(5000, 'x'), 0644));
  EXPECT_EQ(read_small_file(folder, "large").trouble, "5000 bytes; at most 4096 are expected");
}

TEST(Survey, SaysWhyItCannotWork) {
  TempRoot root;
  Pool pool(1);
  EXPECT_EQ(survey_root(root.path(), "", pool).error().code(), ErrorCode::kNotFound);
  must(ensure_dirs_at(Fd(), root.path() + "/image/btrfs", 0700));
  EXPECT_EQ(survey_root(root.path(), "", pool).error().code(), ErrorCode::kUnsupported);
}

TEST(Check, FindsNothingInARootOfOurs) {
  TempRoot root;
  {
    store::Store store = root.writer();
    store::Transaction txn = must(store.begin());
    ChainId base = store::add_test_layer(txn, nullptr, "base");
    store::add_test_layer(txn, &base, "top");
    must(txn.add_image(store::test_config({"base", "top"})));
    must(txn.commit());
  }
  Pool pool(2);
  CheckReport report = must(check({.root = root.path()}, pool));
  // The store's tests have no real tar-split.
  std::erase_if(report.findings, [](const Finding& finding) {
    return finding.path.ends_with("tar-split.json.gz") && finding.found == "no gzip";
  });
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.images, 1u);
  EXPECT_EQ(report.layers, 2u);
}

}  // namespace
}  // namespace strata::doctor
