// SPDX-License-Identifier: Apache-2.0
// layerdb: records, and the files that they name.
#include <algorithm>

#include "doctor/planning.h"

namespace strata::doctor {
namespace {

std::string about_layer(const ChainId& chain) { return "layer " + chain.hex(); }
std::string record_path(const Planning& p, const std::string& name) {
  return p.survey.layer_folder() + "/" + name;
}

// The folder that the layer's files shall have: its own, that which layers above expect, or a new one.
std::string folder_for(Planning& p, const ChainId& chain) {
  const Learnt<std::string>* folder = p.rebuilt.folder(chain);
  return folder != nullptr ? folder->value : random_hex(Digest::kBytes);
}

// What brings a layer back, or the names of it that are damaged. What its record lacks is written when the files are there; its size
// is measured then.
std::vector<Action> restoring(Planning& p, const ChainId& chain, const Lineage& lineage,
                              std::vector<std::string> names = {}) {
  RestoreLayer layer{chain, lineage.diff,         lineage.parent,
                     "",    folder_for(p, chain), std::move(names)};
  const std::string folder = folder_path(p.survey, layer.folder);
  const std::string record = record_path(p, chain.hex());
  if (lineage.parent) {
    const Learnt<std::string>* below = p.rebuilt.folder(*lineage.parent);
    if (below != nullptr) layer.parent_folder = below->value;
  }
  std::vector<Action> actions;
  auto place = p.survey.folders.find(layer.folder);
  if (place != p.survey.folders.end() && !place->second.has_diff) {  // something else may be there
    actions.push_back(SetAside{place->second.trouble.empty() ? folder + "/diff" : folder});
  }
  static const LayerRecord kNone;
  auto found = p.survey.layers.find(chain.hex());
  const LayerRecord& known = found == p.survey.layers.end() ? kNone : found->second;
  auto write = [&](const SmallFile& file, const std::string& name, const std::string& text) {
    if (said(file) != text) actions.push_back(WriteFile{record + "/" + name, text, 0644});
  };
  const std::string cache = layer.folder;
  actions.push_back(std::move(layer));
  write(known.diff, "diff", lineage.diff.to_string());
  write(known.cache, "cache-id", cache);
  if (lineage.parent) write(known.parent, "parent", lineage.parent->to_string());
  return actions;
}

// Why the files are not exchanged: who has them mounted would see both, and what lies elsewhere may be whole. Empty: they can be.
std::string reason_to_leave(const Planning& p, const Learnt<std::string>* folder) {
  if (folder == nullptr) return "";
  if (p.survey.mounted.contains(folder->value)) {
    return "its files are mounted now: stop what uses them first";
  }
  auto place = p.survey.folders.find(folder->value);
  if (place == p.survey.folders.end() || place->second.target.empty()) return "";
  return reason_for_link(place->second);
}

// The layer comes back from another copy, or goes if nobody needs it, or what would be needed is said.
void restore(Planning& p, Finding finding, const ChainId& chain) {
  const std::string about = about_layer(chain);
  if (Remedy* known = p.about(about)) return known->findings.push_back(std::move(finding));
  const Learnt<Lineage>* known = p.rebuilt.lineage(chain);
  const Learnt<std::string>* folder = p.rebuilt.folder(chain);
  if (std::string reason = reason_to_leave(p, folder); !reason.empty())
    return void(p.leave(std::move(finding), std::move(reason), about));
  std::string copy = known ? p.evidence.layer_copy(known->value.diff) : "";
  const bool has_files = known && folder && p.survey.folders.contains(folder->value) &&
                         !p.survey.layers.contains(chain.hex());
  if (has_files && copy.empty()) {
    p.add(std::move(finding), restoring(p, chain, known->value),
          fmt::format("of the files in {}, if they are those of a commit or a build; else {}",
                      folder_path(p.survey, folder->value), needed_layer(p, chain)),
          about)
        .unsure = true;
  } else if (!copy.empty()) {
    p.add(std::move(finding), restoring(p, chain, known->value), "from " + copy, about);
  } else if (!p.rebuilt.is_needed(chain) && p.survey.layers.contains(chain.hex()) &&
             reason_to_keep(p, folder ? folder->value : "").empty()) {
    p.add(std::move(finding), {SetAside{record_path(p, chain.hex())}}, "nobody needs the layer",
          about);
  } else {
    p.leave(std::move(finding), needed_layer(p, chain), about);
  }
}

// The same for a layer of which something is there: files or a tar-split, which say much of each other.
void mend_with_itself(Planning& p, Finding finding, const ChainId& chain,
                      const std::string& from_itself) {
  const Learnt<Lineage>* known = p.rebuilt.lineage(chain);
  const Learnt<std::string>* folder = p.rebuilt.folder(chain);
  if (known == nullptr || folder == nullptr || !reason_to_leave(p, folder).empty() ||
      p.about(about_layer(chain)) != nullptr || !p.evidence.layer_copy(known->value.diff).empty()) {
    return restore(p, std::move(finding), chain);
  }
  p.add(std::move(finding), restoring(p, chain, known->value),
        fmt::format("{}; for more than that, {}", from_itself, needed_layer(p, chain)),
        about_layer(chain))
      .unsure = true;
}

void mend_split(Planning& p, Finding finding, const ChainId& chain) {
  const Learnt<std::string>* folder = p.rebuilt.folder(chain);
  if (folder == nullptr || !p.survey.folders.contains(folder->value)) {
    return restore(p, std::move(finding), chain);
  }
  mend_with_itself(p, std::move(finding), chain,
                   "made of the files, if they are those of a commit or a build");
}

// diff, parent, size, cache-id: texts that can be worked out.
std::optional<Learnt<std::string>> wanted_text(Planning& p, const ChainId& chain,
                                               const std::string& file) {
  const Learnt<Lineage>* known = p.rebuilt.lineage(chain);
  const Learnt<std::string>* folder = p.rebuilt.folder(chain);
  const bool has_files = folder && p.survey.folders.contains(folder->value);
  if (file == "diff" && known)
    return Learnt<std::string>{known->value.diff.to_string(), known->from};
  if (file == "parent" && known && known->value.parent) {
    return Learnt<std::string>{known->value.parent->to_string(), known->from};
  }
  if (file == "cache-id" && has_files) return *folder;
  if (file == "size" && has_files) {
    std::optional<uint64_t> size = p.evidence.size_of(chain.hex(), folder->value);
    if (size) return Learnt<std::string>{std::to_string(*size), "the files of the layer"};
  }
  return std::nullopt;
}

void mend_file(Planning& p, Finding finding, const ChainId& chain, const std::string& file) {
  const std::string path = record_path(p, chain.hex()) + "/" + file;
  const Learnt<Lineage>* known = p.rebuilt.lineage(chain);
  if (file == "tar-split.json.gz") return mend_split(p, std::move(finding), chain);
  if (file == "parent" && known && !known->value.parent) {
    p.add(std::move(finding), {SetAside{path}},
          "a base layer has no parent: learnt from " + known->from, about_layer(chain));
    return;
  }
  std::optional<Learnt<std::string>> text = wanted_text(p, chain, file);
  if (!text) return restore(p, std::move(finding), chain);
  p.add(std::move(finding), {WriteFile{path, text->value, 0644}}, "learnt from " + text->from,
        about_layer(chain));
}

bool is_record_file(const std::string& file) {
  return file == "diff" || file == "parent" || file == "size" || file == "cache-id" ||
         file == "tar-split.json.gz";
}

// Whatever of the record is not as it should be.
void mend_record(Planning& p, const Finding& finding, const ChainId& chain,
                 const LayerRecord& record) {
  const Learnt<Lineage>* known = p.rebuilt.lineage(chain);
  const Learnt<std::string>* folder = p.rebuilt.folder(chain);
  bool any = false;
  auto mend = [&](const std::string& file) {
    mend_file(p, finding, chain, file);
    any = true;
  };
  if (!known || said(record.diff) != known->value.diff.to_string()) mend("diff");
  const std::string parent = known && known->value.parent ? known->value.parent->to_string() : "";
  if (known && said(record.parent) != parent) mend("parent");
  if (!folder || said(record.cache) != folder->value) mend("cache-id");
  const std::string& size = record.size.text;
  if (!record.size.there() || size.empty() || size.find_first_not_of("0123456789") != size.npos) {
    mend("size");
  }
  if (!record.has_split) mend("tar-split.json.gz");
  if (!any) restore(p, finding, chain);
}

void mend_damaged(Planning& p, Finding finding) {
  const std::string name = name_below(finding, p.survey.layer_folder());
  auto record = p.survey.layers.find(name);
  if (record == p.survey.layers.end() || !record->second.chain) {
    const std::string path = record_path(p, name);
    p.add(std::move(finding), {SetAside{path}}, "its name is no chainID: no layer can be meant");
    return;
  }
  const ChainId& chain = *record->second.chain;
  const std::string file = file_of(finding);
  if (!record->second.trouble.empty()) {
    restore(p, std::move(finding), chain);
  } else if (is_record_file(file)) {
    mend_file(p, std::move(finding), chain, file);
  } else {
    mend_record(p, finding, chain, record->second);
  }
}

bool is_free_for(Planning& p, const std::string& folder, const ChainId& chain) {
  const ChainId* holder = p.rebuilt.holder(folder);
  return holder != nullptr ? *holder == chain : !p.rebuilt.is_claimed(folder);
}

// A removal that was not to be, as an image needs the layer, is taken back; any other is ended.
void mend_removal(Planning& p, Finding finding) {
  const std::string name = name_below(finding, p.survey.layer_folder());
  const std::string path = record_path(p, name);
  Result<ChainId> chain = ChainId::parse_hex(name.substr(0, Digest::kHexDigits));
  auto record = p.survey.layers.find(name);
  if (!chain.ok() || record == p.survey.layers.end()) {
    return void(p.leave(std::move(finding), "its name is no chainID"));
  }
  const std::string folder = said(record->second.cache);
  const Learnt<Lineage>* known = p.rebuilt.lineage(*chain);
  const std::string home = record_path(p, chain->hex());
  if (p.rebuilt.is_needed(*chain) && !p.survey.layers.contains(chain->hex()) && known &&
      is_free_for(p, folder, *chain) && p.survey.folders.contains(folder) &&
      p.evidence.diff_of(name, folder) == known->value.diff) {
    p.adopted.insert(folder);
    p.add(std::move(finding), {MoveBack{path, home}},
          "an image needs the layer, and its files are whole", about_layer(*chain));
    return;
  }
  std::string keep = reason_to_keep(p, folder);
  if (!keep.empty()) return void(p.leave(std::move(finding), keep));
  p.add(std::move(finding), {SetAside{path}}, "the layer was being removed");
}

// Whose files they are has been settled; the others have theirs elsewhere, or get new ones.
void mend_shared(Planning& p, const Finding& finding) {
  std::optional<ChainId> chain = chain_of(finding);
  auto record = chain ? p.survey.layers.find(chain->hex()) : p.survey.layers.end();
  const std::string shared =
      record != p.survey.layers.end() ? said(record->second.cache) : finding.subject;
  bool any = false;
  for (const auto& [name, other] : p.survey.layers) {
    if (!other.chain || said(other.cache) != shared) continue;
    const Learnt<std::string>* folder = p.rebuilt.folder(*other.chain);
    if (folder != nullptr && folder->value == shared) continue;
    any = true;
    if (folder != nullptr) {
      mend_file(p, finding, *other.chain, "cache-id");
    } else {
      restore(p, finding, *other.chain);
    }
  }
  if (!any)
    p.leave(finding, "it cannot be proven whose files they are: none of the layers fits them");
}

bool is_whole(const Planning& p, const ChainId& chain) {
  auto record = p.survey.layers.find(chain.hex());
  if (record == p.survey.layers.end()) return false;
  std::optional<SoundLayer> sound = sound_layer(record->second);
  return sound && p.survey.folders.contains(sound->folder) &&
         p.survey.folders.at(sound->folder).has_diff;
}

// Joins what is planned about the layers of the chain that are not whole, or plans to bring them back.
void mend_chain(Planning& p, const Finding& finding, const std::vector<ChainId>& chains) {
  bool any = false;
  for (const ChainId& chain : chains) {
    const bool planned = p.about(about_layer(chain)) != nullptr;
    if (!planned && is_whole(p, chain)) continue;
    any = true;
    restore(p, finding, chain);
  }
  if (!any) p.leave(finding, "every layer of it is there: another finding must be mended first");
}

std::vector<ChainId> chain_down_from(Planning& p, std::optional<ChainId> chain) {
  std::vector<ChainId> chains;
  while (chain) {
    chains.push_back(*chain);
    const Learnt<Lineage>* known = p.rebuilt.lineage(*chain);
    chain = known ? known->value.parent : std::nullopt;
  }
  std::ranges::reverse(chains);
  return chains;
}

// The part of a path behind "<folder>/diff/".
std::string name_in_layer(const Finding& finding) {
  const std::string mark = "/diff/";
  const size_t at = finding.path.find(mark);
  return at == std::string::npos ? "" : finding.path.substr(at + mark.size());
}

// All that differs in the files of one layer.
void mend_contents(Planning& p, const ChainId& chain, std::vector<Finding> findings) {
  const Learnt<Lineage>* known = p.rebuilt.lineage(chain);
  const Learnt<std::string>* folder = p.rebuilt.folder(chain);
  const std::string reason = reason_to_leave(p, folder);
  if (known == nullptr || folder == nullptr || !reason.empty()) {
    p.leave(findings.front(), reason.empty() ? "its record must be mended first" : reason)
        .findings = std::move(findings);
    return;
  }
  std::vector<std::string> names;
  bool all = false;
  for (const Finding& finding : findings) {
    names.push_back(name_in_layer(finding));
    all |= finding.kind == Kind::kLayerChanged;
  }
  if (all) names.clear();
  const std::string copy = p.evidence.layer_copy(known->value.diff);
  std::string learnt =
      copy.empty() ? "what the tar-split says of each file; for contents, " + needed_layer(p, chain)
                   : "the tar-split, and contents from " + copy;
  Remedy& remedy = p.add(findings.front(), restoring(p, chain, known->value, std::move(names)),
                         std::move(learnt));
  // Modes, owners, times and xattrs stand in the tar-split; of what is gone, links and folders only.
  remedy.unsure = copy.empty() && std::ranges::any_of(findings, [](const Finding& finding) {
                    return finding.kind != Kind::kFileMetadata;
                  });
  remedy.findings = std::move(findings);
}

}  // namespace

void plan_records(Planning& p) {
  for (Finding& finding : p.take({Kind::kRemovalUnfinished})) mend_removal(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kRecordShared})) mend_shared(p, finding);
  for (Finding& finding : p.take({Kind::kRecordDamaged})) mend_damaged(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kRecordFolderMissing})) {
    std::optional<ChainId> chain = chain_of(finding);
    const Learnt<std::string>* folder = chain ? p.rebuilt.folder(*chain) : nullptr;
    if (!chain) {
      p.open.push_back(std::move(finding));
    } else if (folder != nullptr && p.survey.folders.contains(folder->value)) {
      mend_file(p, std::move(finding), *chain, "cache-id");
    } else {
      restore(p, std::move(finding), *chain);
    }
  }
  for (Finding& finding : p.take({Kind::kFilesMissing})) {
    const ChainId* holder = p.rebuilt.holder(name_below(finding, p.survey.home()));
    if (holder != nullptr) {
      mend_with_itself(p, std::move(finding), *holder,
                       "made of the tar-split, if it has no contents");
    } else {
      p.open.push_back(std::move(finding));  // a container's
    }
  }
}

void plan_missing(Planning& p) {
  for (Finding& finding : p.take({Kind::kRecordParentMissing})) {
    std::optional<ChainId> chain = chain_of(finding);
    if (!chain || p.rebuilt.is_needed(*chain)) {
      std::vector<ChainId> chains = chain_down_from(p, chain);
      if (!chains.empty()) chains.pop_back();
      mend_chain(p, finding, chains);
    } else {
      p.add(std::move(finding), {SetAside{record_path(p, chain->hex())}},
            "nobody needs the layer, and what it lay on is gone", about_layer(*chain));
    }
  }
  std::vector<Finding> missing = p.take({Kind::kImageLayerMissing});
  // Base first: a layer is linked to those below.
  std::ranges::stable_sort(missing, {}, [&](const Finding& finding) {
    return chain_down_from(p, chain_of(finding)).size();
  });
  for (Finding& finding : missing) {
    std::optional<ChainId> chain = chain_of(finding);
    if (chain) {
      restore(p, std::move(finding), *chain);
    } else {
      p.open.push_back(std::move(finding));
    }
  }
}

void plan_contents(Planning& p) {
  for (Finding& finding : p.take({Kind::kFileExtra})) {
    const std::string path = finding.path;
    p.add(std::move(finding), {SetAside{path}}, "the layer does not have it");
  }
  std::map<ChainId, std::vector<Finding>> layers;
  for (Finding& finding :
       p.take({Kind::kFileMissing, Kind::kFileChanged, Kind::kFileMetadata, Kind::kLayerChanged})) {
    if (std::optional<ChainId> chain = chain_of(finding)) layers[*chain].push_back(finding);
  }
  for (auto& [chain, findings] : layers) mend_contents(p, chain, std::move(findings));
}

void plan_suspects(Planning& p) {
  for (Finding& finding : p.take({Kind::kUnsynced})) {
    std::optional<ChainId> chain = chain_of(finding);
    const Learnt<Lineage>* known = chain ? p.rebuilt.lineage(*chain) : nullptr;
    if (known == nullptr || p.about(about_layer(*chain)) != nullptr) {
      p.open.push_back(std::move(finding));
      continue;
    }
    std::vector<Action> actions = restoring(p, *chain, known->value);
    actions.push_back(VerifyLayer{*chain});
    p.add(std::move(finding), std::move(actions),
          "its files and its tar-split say whether it is whole", about_layer(*chain));
  }
}

}  // namespace strata::doctor
