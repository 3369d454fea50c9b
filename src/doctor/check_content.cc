// SPDX-License-Identifier: Apache-2.0
#include "doctor/check_content.h"

#include <algorithm>

#include "base/guarded.h"
#include "doctor/layer_content.h"
#include "driver/driver.h"

namespace strata::doctor {
namespace {

constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kBlocksPerLane = 10;

class ContentCheck {
 public:
  ContentCheck(const Graph& graph, const Fd& root, const driver::Driver& driver,
               const CheckOptions& options, Pool& pool)
      : graph_(graph),
        root_(root),
        driver_(driver),
        options_(options),
        pool_(pool),
        buffers_(kBlockBytes, kBlocksPerLane * pool.jobs()) {}

  // The layers whose records and folders are sound, the largest first, so that no lane is left with it at the end.
  void choose() {
    for (const auto& [name, record] : graph_.survey().layers) {
      std::optional<SoundLayer> layer = sound_layer(record);
      if (!layer) continue;
      auto folder = graph_.survey().folders.find(layer->folder);
      if (folder == graph_.survey().folders.end() || !folder->second.has_diff) continue;
      total_bytes_ += layer->size_bytes;
      layers_.push_back(std::move(*layer));
    }
    std::stable_sort(layers_.begin(), layers_.end(),
                     [](const auto& a, const auto& b) { return a.size_bytes > b.size_bytes; });
  }

  Status run(CheckReport& report) {
    std::vector<std::vector<Finding>> found(layers_.size());
    Status all_read = run_in_lanes(pool_.jobs(), layers_.size(), [&](size_t i) -> Status {
      Result<std::vector<Finding>> findings = check(layers_[i]);
      STRATA_CHECK(unless_all_ends(findings));
      found[i] = findings.ok() ? std::move(*findings)
                               : std::vector{broken(layers_[i], findings.error().message())};
      if (!found[i].empty() && is_gone(layers_[i])) found[i].clear();
      return pool_.check_cancelled();
    });
    STRATA_CHECK(std::move(all_read));
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (found[i].empty()) forget_suspect(layers_[i], report);
      std::move(found[i].begin(), found[i].end(), std::back_inserter(report.findings));
    }
    report.content_bytes = *done_.lock();
    return {};
  }

 private:
  Result<std::vector<Finding>> check(const SoundLayer& layer) {
    STRATA_TRY(CacheId cache, CacheId::parse(layer.folder));
    STRATA_TRY(Fd files, driver_.open_files(cache));
    STRATA_TRY(Fd split, open_at(root_, record_path(layer) + "/tar-split.json.gz",
                                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    const LayerForm form =
        graph_.survey().is_overlay() ? LayerForm::kOverlay : LayerForm::kWholeTree;
    STRATA_TRY(LayerContent content, compare_layer(
                                         {&files, &split}, layer.diff, buffers_, pool_,
                                         [&](uint64_t bytes) { advance(bytes); }, form));
    return findings_of(layer, content);
  }

  // Whether somebody has removed the layer since the survey, or put another in its place. The record goes before the
  // files, whoever removes it.
  bool is_gone(const SoundLayer& layer) const {
    Result<std::optional<std::string>> cache =
        read_file_if_exists_at(root_, record_path(layer) + "/cache-id");
    return cache.ok() && (!*cache || trimmed(**cache) != layer.folder);
  }

  std::vector<Finding> findings_of(const SoundLayer& layer, const LayerContent& content) const {
    std::vector<Finding> findings;
    if (!content.split_trouble.empty()) {
      Finding finding =
          start(layer, Kind::kRecordDamaged, record_path(layer) + "/tar-split.json.gz");
      finding.expected = "the record of the layer's tar";
      finding.found = content.split_trouble;
      findings.push_back(std::move(finding));
    }
    for (const FileFault& fault : content.faults) {
      Finding finding =
          start(layer, fault.kind, fmt::format("{}/{}", files_path(layer), fault.name));
      // The tar comes out as it was: what differs is only what a program sees.
      if (content.is_exact) finding.severity = Severity::kWarning;
      finding.expected = fault.expected;
      finding.found = fault.found;
      findings.push_back(std::move(finding));
    }
    if (content.faults_total > content.faults.size()) {
      Finding finding = start(layer, Kind::kLayerChanged, files_path(layer));
      finding.found = fmt::format("{} names more that are not as they were",
                                  content.faults_total - content.faults.size());
      findings.push_back(std::move(finding));
    } else if (findings.empty() && !content.is_exact) {
      Finding finding = start(layer, Kind::kLayerChanged, files_path(layer));
      finding.expected = layer.diff.to_string();
      finding.found = "a tar with another digest, though every file is as recorded";
      if (!content.never_exact.empty()) {  // all of it is there, and always was like this
        finding.severity = Severity::kNote;
        finding.affected.clear();
        finding.found = content.never_exact;
      }
      findings.push_back(std::move(finding));
    }
    return findings;
  }

  Finding broken(const SoundLayer& layer, std::string message) const {
    Finding finding = start(layer, Kind::kLayerChanged, files_path(layer));
    finding.expected = layer.diff.to_string();
    finding.found = std::move(message);
    return finding;
  }

  Finding start(const SoundLayer& layer, Kind kind, std::string path) const {
    Finding finding{.kind = kind,
                    .severity = Severity::kError,
                    .path = std::move(path),
                    .subject = layer.chain.to_string()};
    finding.affected = graph_.affected_by(layer.chain);
    return finding;
  }

  std::string record_path(const SoundLayer& layer) const {
    return graph_.survey().layer_folder() + "/" + layer.chain.hex();
  }
  std::string files_path(const SoundLayer& layer) const {
    const std::string folder = graph_.survey().home() + "/" + layer.folder;
    return graph_.survey().is_overlay() ? folder + "/diff" : folder;
  }

  static void forget_suspect(const SoundLayer& layer, CheckReport& report) {
    std::erase_if(report.findings, [&](const Finding& finding) {
      return finding.kind == Kind::kUnsynced && finding.subject == layer.chain.to_string();
    });
  }

  void advance(uint64_t bytes) {
    auto done = done_.lock();
    *done += bytes;
    if (options_.on_progress) options_.on_progress(std::min(*done, total_bytes_), total_bytes_);
  }

  const Graph& graph_;
  const Fd& root_;
  const driver::Driver& driver_;
  const CheckOptions& options_;
  Pool& pool_;
  BufferPool buffers_;
  std::vector<SoundLayer> layers_;
  uint64_t total_bytes_ = 0;
  Guarded<uint64_t> done_{0};
};

}  // namespace

Status check_content(const Graph& graph, const CheckOptions& options, Pool& pool,
                     CheckReport& report) {
  const Survey& survey = graph.survey();
  STRATA_TRY(Fd root, open_path(survey.root_path, O_RDONLY | O_DIRECTORY));
  STRATA_TRY(auto driver, driver::make_driver(survey.driver, root, survey.root_path));
  ContentCheck check(graph, root, *driver, options, pool);
  check.choose();
  return check.run(report);
}

}  // namespace strata::doctor
