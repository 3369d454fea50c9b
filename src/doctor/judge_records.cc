// SPDX-License-Identifier: Apache-2.0
// layerdb/sha256. A record is judged by what the images say of the layer, and where none has it, by its own chainID.
// Source: FORMATS sections 1.2 and 1.4; layer/filestore.go of dockerd 20.10 for what it trims.
#include <algorithm>
#include <charconv>

#include "doctor/check.h"
#include "doctor/judges.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kRemovalSuffix = "-removing";

bool is_size(std::string_view text) {
  uint64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size();
}

// Every diffID of the root, for who looks for the one that makes a chainID.
std::set<DiffId> known_diffs(const Graph& graph) {
  std::set<DiffId> diffs;
  for (const auto& [chain, layer] : graph.wanted()) diffs.insert(layer.diff);
  for (const auto& [name, record] : graph.survey().layers) {
    Result<DiffId> diff = DiffId::parse(trimmed(record.diff.text));
    if (diff.ok()) diffs.insert(*diff);
  }
  return diffs;
}

class RecordJudge {
 public:
  RecordJudge(const Graph& graph, std::vector<Finding>& findings)
      : graph_(graph), findings_(findings) {}

  void judge(const LayerRecord& record) {
    record_ = &record;
    chain_ = *record.chain;
    const size_t before = findings_.size();
    if (!record.trouble.empty()) {
      add(Kind::kRecordDamaged, "", "a folder", record.trouble);
      return;
    }
    judge_cache();
    judge_diff_and_parent();
    if (!is_size(record.size.text) || !record.size.there()) {
      add(Kind::kRecordDamaged, "/size", "a decimal number", text_of(record.size));
    }
    if (!record.has_split) {
      add(Kind::kRecordDamaged, "/tar-split.json.gz", "a gzip file", record.split_trouble);
    }
    if (findings_.size() == before) judge_parent_record();
    judge_folder();
  }

 private:
  void judge_cache() {
    const SmallFile& file = record_->cache;
    std::optional<std::string> folder = Graph::folder_of(*record_);
    const bool there = folder && graph_.survey().folders.contains(*folder);
    // dockerd takes any name; one that neither it nor BuildKit makes is sound only if it is there.
    if (folder && (there || is_mount_id(*folder) || is_buildkit_name(*folder))) return;
    add(Kind::kRecordDamaged, "/cache-id",
        graph_.lost_folder(chain_).value_or("the name of a folder in " + graph_.survey().home()),
        text_of(file));
  }

  void judge_diff_and_parent() {
    Result<DiffId> diff = DiffId::parse(trimmed(record_->diff.text));
    Result<ChainId> parent = ChainId::parse(trimmed(record_->parent.text));
    const bool has_parent = record_->parent.state != SmallFile::State::kMissing;
    if (const Graph::Wanted* wanted = graph_.find_wanted(chain_)) {
      if (!diff.ok() || *diff != wanted->diff) wrong_diff(wanted->diff.to_string());
      const bool right = wanted->parent ? parent.ok() && *parent == *wanted->parent : !has_parent;
      if (!right) wrong_parent(wanted->parent ? wanted->parent->to_string() : "no such file");
      return;
    }
    if (!diff.ok()) {
      wrong_diff(has_parent && !parent.ok() ? kAnyDigest : guess_diff(parent));
    }
    if (has_parent && !parent.ok()) wrong_parent(diff.ok() ? guess_parent(*diff) : kAnyDigest);
    if (!diff.ok() || (has_parent && !parent.ok())) return;
    if (chain_id(has_parent ? &*parent : nullptr, *diff) != chain_) blame(*diff, parent);
  }

  // Both files are well formed, and one of them is wrong.
  void blame(const DiffId& diff, const Result<ChainId>& parent) {
    std::string better_parent = guess_parent(diff);
    std::string better_diff = guess_diff(parent);
    if (better_parent != kAnyDigest) {
      wrong_parent(better_parent);
    } else if (better_diff != kAnyDigest) {
      wrong_diff(better_diff);
    } else {
      ChainId made = chain_id(parent.ok() ? &*parent : nullptr, diff);
      add(Kind::kRecordDamaged, "/diff", "diff and parent that make " + chain_.to_string(),
          "they make " + made.to_string());
    }
  }

  std::string guess_diff(const Result<ChainId>& parent) {
    if (!parent.ok()) return chain_.to_string();  // a base layer's diffID is its chainID
    if (diffs_.empty()) diffs_ = known_diffs(graph_);
    for (const DiffId& diff : diffs_) {
      if (chain_id(&*parent, diff) == chain_) return diff.to_string();
    }
    return kAnyDigest;
  }

  std::string guess_parent(const DiffId& diff) const {
    if (chain_id(nullptr, diff) == chain_) return "no such file";
    std::optional<ChainId> parent = graph_.parent_of(chain_);
    const bool fits = parent && chain_id(&*parent, diff) == chain_;
    return fits ? parent->to_string() : kAnyDigest;
  }

  void wrong_diff(std::string expected) {
    add(Kind::kRecordDamaged, "/diff", std::move(expected), text_of(record_->diff));
  }
  void wrong_parent(std::string expected) {
    add(Kind::kRecordDamaged, "/parent", std::move(expected), text_of(record_->parent));
  }

  void judge_parent_record() {
    Result<ChainId> parent = ChainId::parse(trimmed(record_->parent.text));
    if (!parent.ok() || graph_.survey().layers.contains(parent->hex())) return;
    if (graph_.find_wanted(*parent) != nullptr) return;  // told once, as the image's layer
    add(Kind::kRecordParentMissing, "/parent",
        fmt::format("{}/{}", graph_.survey().layer_folder(), parent->hex()), "missing");
  }

  void judge_folder() {
    const Survey& survey = graph_.survey();
    std::optional<std::string> folder = Graph::folder_of(*record_);
    if (!folder || survey.unreadable.contains(survey.home())) return;
    std::optional<std::string> lost = graph_.lost_folder(chain_);
    const bool named = is_mount_id(*folder) || is_buildkit_name(*folder);
    if (!survey.folders.contains(*folder)) {
      if (!named) return;  // told as a damaged cache-id
      add(Kind::kRecordFolderMissing, "/cache-id",
          fmt::format("a folder {}/{}{}", survey.home(), *folder,
                      lost ? ", or perhaps " + *lost : ""),
          "missing");
      return;
    }
    if (graph_.owner_of(*folder) == chain_) return;  // it is the others that are wrong
    for (const LayerRecord* other : graph_.owners_of(*folder)) {
      if (other == record_) continue;
      add(Kind::kRecordShared, "/cache-id", lost.value_or("a folder of its own"),
          fmt::format("{}/{}, as layer {}", survey.home(), *folder, other->name));
      return;
    }
  }

  void add(Kind kind, std::string_view file, std::string expected, std::string found) {
    Finding finding{
        .kind = kind,
        .severity = Severity::kError,
        .path = fmt::format("{}/{}{}", graph_.survey().layer_folder(), record_->name, file),
        .subject = chain_.to_string()};
    finding.expected = std::move(expected);
    finding.found = std::move(found);
    finding.affected = graph_.affected_by(chain_);
    findings_.push_back(std::move(finding));
  }

  inline static const std::string kAnyDigest = "\"sha256:\" and 64 hex digits";

  const Graph& graph_;
  std::vector<Finding>& findings_;
  const LayerRecord* record_ = nullptr;
  ChainId chain_;
  std::set<DiffId> diffs_;
};

Finding unused(const Graph& graph, const LayerRecord& record) {
  const Survey& survey = graph.survey();
  Finding finding{.kind = Kind::kRecordUnused,
                  .severity = Severity::kNote,
                  .path = survey.layer_folder() + "/" + record.name,
                  .subject = record.chain->to_string()};
  finding.found = "a layer that nothing needs";
  finding.proof = {
      fmt::format("none of {} images has it", survey.configs.size()),
      fmt::format("none of {} containers lies on it", survey.mounts.size()),
      fmt::format("none of {} layers lies on it and is needed", survey.layers.size()),
      fmt::format("BuildKit's cache does not name it ({} layers)", survey.build_cache.size()),
      fmt::format("no living operation of strata holds it ({} layers)", survey.leased.size())};
  return finding;
}

}  // namespace

std::vector<Finding> judge_records(const Graph& graph) {
  const Survey& survey = graph.survey();
  std::vector<Finding> findings;
  RecordJudge judge(graph, findings);
  const std::set<ChainId> needed = graph.needed();
  const bool can_tell_unused = survey.uses_known && !graph.has_lost_images() &&
                               !survey.unreadable.contains(survey.mount_folder());
  for (const auto& [name, record] : survey.layers) {
    if (!record.chain) {
      if (!name.ends_with(kRemovalSuffix)) continue;  // see leftovers
      Finding finding{.kind = Kind::kRemovalUnfinished,
                      .severity = Severity::kNote,
                      .path = survey.layer_folder() + "/" + name,
                      .subject = "sha256:" + name.substr(0, Digest::kHexDigits)};
      finding.found = "a layer whose removal did not come to its end";
      findings.push_back(std::move(finding));
      continue;
    }
    const size_t before = findings.size();
    judge.judge(record);
    if (findings.size() == before && can_tell_unused && !needed.contains(*record.chain)) {
      findings.push_back(unused(graph, record));
    }
  }
  return findings;
}

std::vector<Finding> judge_records(const Survey& survey) { return judge_records(Graph(survey)); }

std::optional<SoundLayer> sound_layer(const LayerRecord& record) {
  if (!record.chain || !record.trouble.empty() || !record.has_split) return std::nullopt;
  Result<DiffId> diff = DiffId::parse(trimmed(record.diff.text));
  std::optional<std::string> folder = Graph::folder_of(record);
  if (!diff.ok() || !folder || !is_size(record.size.text)) return std::nullopt;
  SoundLayer layer{.chain = *record.chain, .diff = *diff, .parent = {}, .folder = *folder};
  (void)std::from_chars(record.size.text.data(), record.size.text.data() + record.size.text.size(),
                        layer.size_bytes);
  if (record.parent.state != SmallFile::State::kMissing) {
    Result<ChainId> parent = ChainId::parse(trimmed(record.parent.text));
    if (!parent.ok()) return std::nullopt;
    layer.parent = *parent;
  }
  if (chain_id(layer.parent ? &*layer.parent : nullptr, layer.diff) != layer.chain) {
    return std::nullopt;
  }
  return layer;
}

}  // namespace strata::doctor
