// SPDX-License-Identifier: Apache-2.0
// The small files of a data root (cache-id, diff, size, parent, link, lower, l/, mounts, repositories.json) with any text in them:
// a sound root in memory, of which the input replaces some. No file is touched.
//
//   input := { slot byte, text, 0x01 }
//   text  := bytes; 0x80… stand for names that the root has; a first byte 0xff: no such file, 0xfe: it cannot be read
//
// Oracles: a root in which nothing was replaced is sound; judging twice finds the same; what is planned touches nothing outside of
// docker's own folders, and no folder that is not one of a layer, an image or a container; a record that is written makes its
// chainID; what was done is not planned again, so repair comes to an end.
#include <algorithm>
#include <set>

#include "base/fuzz_oracle.h"
#include "doctor/check.h"
#include "doctor/docker_folders.h"
#include "doctor/plan.h"
#include "doctor/survey_uses.h"

namespace {

using namespace strata;
using namespace strata::doctor;
using fuzz::check;

constexpr int kRoundsMax = 12;  // as repair's

const DiffId kBaseDiff(Digest::of("base")), kTopDiff(Digest::of("top")),
    kOtherDiff(Digest::of("other"));
const ChainId kBase = chain_id(nullptr, kBaseDiff), kTop = chain_id(&kBase, kTopDiff),
              kOther = chain_id(nullptr, kOtherDiff);
const ImageId kImage(Digest::of("image")), kSecond(Digest::of("second"));
const std::string kFolders[] = {std::string(64, 'a'), std::string(64, 'b'), std::string(64, 'c'),
                                std::string(64, 'd'), std::string(64, 'd') + "-init"};
const std::string kLinks[] = {std::string(26, 'A'), std::string(26, 'B'), std::string(26, 'C'),
                              std::string(26, 'D'), std::string(26, 'E')};
const std::string kContainer(64, 'e');

class NoEvidence final : public Evidence {
 public:
  bool has_copies = false;
  std::optional<DiffId> diff_of(const std::string&, const std::string& folder) override {
    if (folder == kFolders[0]) return kBaseDiff;
    if (folder == kFolders[1]) return kTopDiff;
    return folder == kFolders[2] ? std::optional(kOtherDiff) : std::nullopt;
  }
  Fit fit_of(const std::string&, const std::string& folder) override {
    return folder == kFolders[2] ? Fit::kNames : Fit::kAll;
  }
  std::optional<uint64_t> size_of(const std::string&, const std::string&) override { return 42; }
  std::vector<DiffId> known_diffs() override { return {kBaseDiff, kTopDiff}; }
  std::string layer_copy(const DiffId&) override { return has_copies ? "copy.tar" : ""; }
  std::string config_copy(const ImageId&) override { return has_copies ? "copy.tar" : ""; }
  std::vector<std::string> registry_blobs(const DiffId&) override { return {}; }
  std::vector<std::string> repositories_of(const std::vector<DiffId>&) override { return {}; }
  std::vector<NamedImage> remembered_names() override { return {}; }
  std::optional<ImageId> parent_of(const ImageId&) override { return std::nullopt; }
  std::optional<std::string> temporary_of(const std::string&) override { return std::nullopt; }
  std::optional<double> folder_made(const std::string&) override { return std::nullopt; }
  std::optional<double> container_made(const std::string&) override { return std::nullopt; }
  std::optional<DiffId> diff_of_blob(const std::string&) override { return std::nullopt; }
};

SmallFile file(std::string text) { return {SmallFile::State::kRead, std::move(text), ""}; }

void add_layer(Survey& survey, size_t at, const ChainId& chain, const DiffId& diff,
               const ChainId* parent) {
  LayerRecord record;
  record.name = chain.hex();
  record.chain = chain;
  record.diff = file(diff.to_string());
  record.cache = file(kFolders[at]);
  record.size = file("42");
  if (parent != nullptr) record.parent = file(parent->to_string());
  record.has_split = true;
  survey.layers[record.name] = record;
}

Survey sound_root() {
  Survey survey;
  survey.root_path = "/root";
  survey.driver = "overlay2";
  add_layer(survey, 0, kBase, kBaseDiff, nullptr);
  add_layer(survey, 1, kTop, kTopDiff, &kBase);
  add_layer(survey, 2, kOther, kOtherDiff, nullptr);
  const std::string base = "l/" + kLinks[0], top = "l/" + kLinks[1] + ":" + base;
  const std::string lowers[] = {"", base, "", "l/" + kLinks[4] + ":" + top, top};
  for (size_t i = 0; i < std::size(kFolders); ++i) {
    LayerFolder folder;
    folder.name = kFolders[i];
    folder.link = file(kLinks[i]);
    if (!lowers[i].empty()) folder.lower = file(lowers[i]);
    folder.has_diff = folder.has_work = true;
    survey.folders[folder.name] = folder;
    survey.links[kLinks[i]] = "../" + folder.name + "/diff";
  }
  survey.configs[kImage.hex()] = {kImage.hex(),         kImage, kImage.digest(), 9, "",
                                  {kBaseDiff, kTopDiff}};
  survey.configs[kSecond.hex()] = {kSecond.hex(), kSecond, kSecond.digest(), 9, "", {kOtherDiff}};
  survey.metadata[kImage.hex()] = {kImage.hex(), file(kSecond.to_string()), {}, {}, ""};
  survey.repositories = file(R"({"Repositories":{"x":{"x:1":")" + kImage.to_string() + R"("}}})");
  ContainerRecord& container = survey.containers[kContainer];
  container.name = kContainer;
  container.image = kImage.to_string();
  container.title = "web";
  survey.mounts[kContainer] = {kContainer, file(kFolders[3]), file(kFolders[4]),
                               file(kTop.to_string()), ""};
  return survey;
}

// Every small file, by its path below the root.
std::map<std::string, SmallFile*> files_of(Survey& survey) {
  std::map<std::string, SmallFile*> files;
  files[survey.image_folder() + "/repositories.json"] = &survey.repositories;
  for (auto& [name, record] : survey.layers) {
    const std::string path = survey.layer_folder() + "/" + name + "/";
    files[path + "diff"] = &record.diff;
    files[path + "cache-id"] = &record.cache;
    files[path + "size"] = &record.size;
    files[path + "parent"] = &record.parent;
  }
  for (auto& [name, folder] : survey.folders) {
    files[survey.home() + "/" + name + "/link"] = &folder.link;
    files[survey.home() + "/" + name + "/lower"] = &folder.lower;
  }
  for (auto& [name, mount] : survey.mounts) {
    const std::string path = survey.mount_folder() + "/" + name + "/";
    files[path + "mount-id"] = &mount.mount_id;
    files[path + "init-id"] = &mount.init_id;
    files[path + "parent"] = &mount.parent;
  }
  for (auto& [name, record] : survey.metadata)
    files[survey.metadata_folder() + "/" + name + "/parent"] = &record.parent;
  return files;
}

std::string with_names(std::string_view text) {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names = {
        "sha256:", "l/", "../", "/diff", "-init", "{\"Repositories\":{", "}}"};
    for (const ChainId& chain : {kBase, kTop, kOther}) names.push_back(chain.to_string());
    for (const DiffId& diff : {kBaseDiff, kTopDiff, kOtherDiff}) names.push_back(diff.to_string());
    names.insert(names.end(), std::begin(kFolders), std::end(kFolders));
    names.insert(names.end(), std::begin(kLinks), std::end(kLinks));
    names.insert(names.end(), {kImage.to_string(), kSecond.to_string(), kContainer});
    return names;
  }();
  std::string whole;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x80 || byte - 0x80u >= kNames.size())
      whole += c;
    else
      whole += kNames[byte - 0x80];
  }
  return whole;
}

SmallFile small_file(std::string_view text) {
  if (text.starts_with('\xff')) return {};
  if (text.starts_with('\xfe')) return {SmallFile::State::kUnreadable, "", "a directory"};
  return file(with_names(text));
}

// Slots behind those of the files: entries of l/, and what is there at all.
void damage(Survey& survey, uint8_t slot, std::string_view text) {
  std::map<std::string, SmallFile*> files = files_of(survey);
  if (slot < files.size()) {
    *std::next(files.begin(), slot)->second = small_file(text);
    return;
  }
  const size_t at = (slot - files.size()) % (3 * std::size(kFolders));
  const std::string& folder = kFolders[at % std::size(kFolders)];
  if (at < std::size(kLinks)) {
    survey.links[kLinks[at]] = with_names(text);
    if (text.starts_with('\xff')) survey.links.erase(kLinks[at]);
  } else if (at < 2 * std::size(kFolders)) {
    auto found = survey.folders.find(folder);
    if (found == survey.folders.end()) return;
    found->second.has_diff = !text.starts_with('d');
    found->second.has_work = !text.starts_with('w');
    if (text.starts_with('\xff')) survey.folders.erase(found);
  } else if (text.starts_with('n')) {
    survey.links[with_names(text.substr(1, 26))] = "../" + folder + "/diff";
  } else if (text.starts_with('m')) {
    survey.mounts.clear();
  } else if (text.starts_with('c')) {
    survey.configs.erase(kSecond.hex());
  } else if (text.starts_with('r')) {
    survey.layers.erase(at % 2 == 0 ? kTop.hex() : kBase.hex());
  } else if (text.starts_with('s')) {
    for (auto& [name, record] : survey.layers) record.has_split = name != kTop.hex();
  }
}

std::vector<Finding> judge(const Survey& survey) {
  std::vector<Finding> all;
  for (auto judge_room :
       {&judge_references, &judge_images, &judge_records, &judge_folders, &judge_containers}) {
    std::vector<Finding> more =
        static_cast<std::vector<Finding> (*)(const Survey&)>(judge_room)(survey);
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
  return all;
}

std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const Finding& f : findings)
    lines.push_back(fmt::format("{} {} {} {}", to_string(f.kind), f.path, f.subject, f.found));
  return lines;
}

// Below docker's own folders, and none of these themselves.
void check_path(const Survey& survey, const std::string& path, bool is_folder_of_dockers) {
  check(("/" + path + "/").find("/../") == path.npos && ("/" + path).find("//") == path.npos &&
            ("/" + path + "/").find("/./") == path.npos && path.find('\0') == path.npos,
        "a path is plain");
  const std::string places[] = {survey.layer_folder(),
                                survey.mount_folder(),
                                survey.config_folder(),
                                survey.metadata_folder(),
                                survey.home(),
                                survey.home() + "/l",
                                "containers"};
  if (path == survey.image_folder() + "/repositories.json") return;
  const bool is_place = std::ranges::find(places, path) != std::end(places);
  check(is_folder_of_dockers == is_place || !is_place, "docker's own folders stay");
  const bool below = std::ranges::any_of(
      places, [&](const std::string& place) { return path.starts_with(place + "/"); });
  check(below || is_place, "nothing outside of docker's folders is touched");
}

struct Do {
  Survey& survey;

  void operator()(const SetAside& a) const {
    check_path(survey, a.path, false);
    if (SmallFile* found = find(a.path)) *found = {};
    drop(a.path);
  }
  void operator()(const WriteFile& a) const {
    check_path(survey, a.path, false);
    const std::string folder = a.path.substr(0, a.path.rfind('/'));
    make_parents(folder);
    if (SmallFile* found = find(a.path)) *found = file(a.content);
  }
  void operator()(const MakeLink& a) const {
    check_path(survey, a.path, false);
    check(a.path.starts_with(survey.home() + "/l/"), "links are in l/");
    check(a.target.starts_with("../") && a.target.ends_with("/diff") &&
              std::ranges::count(a.target, '/') == 2 && a.target.size() > 8,
          "and lead to a layer's files");
    survey.links[a.path.substr(survey.home().size() + 3)] = a.target;
  }
  void operator()(const MakeFolder& a) const {
    check_path(survey, a.path, true);
    make_parents(a.path);
  }
  void operator()(const CloseFolder& a) const {
    check(folder_mode(survey, a.path).has_value(), "only docker's own folders are closed");
  }
  void operator()(const MoveBack& a) const {
    check_path(survey, a.from, false);
    check_path(survey, a.to, false);
  }
  void operator()(const RestoreLayer& a) const {
    check(chain_id(a.parent ? &*a.parent : nullptr, a.diff) == a.chain,
          "a layer makes its chainID");
    check_path(survey, survey.home() + "/" + a.folder, false);
    LayerRecord& record = survey.layers[a.chain.hex()];
    record.name = a.chain.hex();
    record.chain = a.chain;
    record.has_split = true;
    record.size = file("42");
    LayerFolder& folder = survey.folders[a.folder];
    folder.name = a.folder;
    folder.has_diff = folder.has_work = true;
  }
  void operator()(const RestoreConfig& a) const {
    survey.configs[a.image.hex()] = {a.image.hex(), a.image, a.image.digest(), 9, "", {}};
  }
  void operator()(const EndOperations&) const {}
  void operator()(const VerifyLayer&) const {}

 private:
  SmallFile* find(const std::string& path) const {
    std::map<std::string, SmallFile*> files = files_of(survey);
    auto found = files.find(path);
    return found == files.end() ? nullptr : found->second;
  }
  // overlay2/<name>/…, layerdb/mounts/<id>/…
  void make_parents(const std::string& path) const {
    auto name_below = [&](const std::string& home) {
      if (!path.starts_with(home + "/")) return std::string();
      const std::string rest = path.substr(home.size() + 1);
      return rest.substr(0, rest.find('/'));
    };
    if (std::string name = name_below(survey.home()); !name.empty() && name != "l") {
      LayerFolder& folder = survey.folders[name];
      folder.name = name;
      folder.has_diff |= path.ends_with("/diff");
      folder.has_work |= path.ends_with("/work");
    }
    if (std::string name = name_below(survey.mount_folder()); !name.empty())
      survey.mounts[name].container = name;
  }
  void drop(const std::string& path) const {
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::string folder = path.substr(0, path.rfind('/'));
    if (folder == survey.layer_folder()) survey.layers.erase(name);
    if (folder == survey.mount_folder()) survey.mounts.erase(name);
    if (folder == survey.config_folder()) survey.configs.erase(name);
    if (folder == survey.metadata_folder()) survey.metadata.erase(name);
    if (folder == survey.home() + "/l") survey.links.erase(name);
    if (folder == survey.home()) survey.folders.erase(name);
    if (name == "diff" && folder.starts_with(survey.home() + "/")) {
      auto found = survey.folders.find(folder.substr(survey.home().size() + 1));
      if (found != survey.folders.end()) found->second.has_diff = false;
    }
  }
};

// As repair does it; what is done is noted, and must not come again.
void mend(Survey survey, bool has_copies) {
  std::set<std::string> done;
  NoEvidence evidence;
  evidence.has_copies = has_copies;
  for (int round = 0; round < kRoundsMax; ++round) {
    Plan plan = make_plan(survey, judge(survey), evidence, {});
    bool any = false;
    for (const Remedy& remedy : plan.remedies) {
      check(!remedy.findings.empty(), "a remedy is for something");
      check(remedy.heals() || !remedy.reason.empty(), "what is left says what is needed");
      std::string key;
      for (const Action& action : remedy.actions) {
        key += describe(action) + "\n";
        if (const auto* write = std::get_if<WriteFile>(&action)) key += write->content;
      }
      if (!remedy.heals() || !done.insert(key).second) continue;
      for (const Action& action : remedy.actions) std::visit(Do{survey}, action);
      any = true;
    }
    if (!any) return;
  }
  check(false, "repair comes to an end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Survey survey = sound_root();
  std::string_view rest = fuzz::input_text(data, size);
  if (rest.empty()) check(judge(survey).empty(), "a sound root is sound");
  const bool has_copies = !rest.empty() && rest.front() % 2 == 0;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('\x01'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (!one.empty()) damage(survey, static_cast<uint8_t>(one.front()), one.substr(1));
  }
  check(texts(judge(survey)) == texts(judge(survey)), "judging twice finds the same");
  for (const auto& [name, record] : survey.layers) {
    std::optional<SoundLayer> layer = sound_layer(record);
    if (!layer) continue;
    check(chain_id(layer->parent ? &*layer->parent : nullptr, layer->diff) == layer->chain,
          "a sound layer makes its chainID");
  }
  mend(std::move(survey), has_copies);
  return 0;
}
