// SPDX-License-Identifier: Apache-2.0
// What runs that were stopped have left, and records of where blobs were.
// Source: FORMATS sections 1.1, 1.3 and 9.6 for dockerd's names; docs/store.md for ours.
#include <dirent.h>

#include <algorithm>
#include <ctime>

#include "doctor/check.h"
#include "doctor/judges.h"
#include "store/blob_folder.h"
#include "store/unsynced.h"
#include "store/work_folder.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kTempPrefix = ".tmp-";

// What a name in <root>/tmp stands for.
std::string left_by(std::string_view name) {
  if (name.starts_with("docker-import-")) return "a docker load that was stopped";
  if (name.starts_with("docker-export-")) return "a docker save that was stopped";
  if (name.starts_with("GetImageBlob")) return "a docker pull that was stopped";
  if (name.starts_with("docker-builder")) return "a docker build that was stopped";
  return "a run of dockerd that was stopped";
}

class Leftovers {
 public:
  Leftovers(const Fd& root, const Survey& survey, Troubles& troubles)
      : root_(root), survey_(survey), troubles_(troubles) {}

  std::vector<Finding> find() {
    all_of("tmp", [](const DirEntry& entry) { return left_by(entry.name); });
    if (exists("tmp-old")) add("tmp-old", "temporary files of an earlier dockerd");
    all_of(survey_.image_folder() + "/layerdb/tmp",
           [](const DirEntry&) { return std::string("a layer that was not registered"); });
    temporary_files();
    names_of_nothing();
    ours();
    suspects();
    return std::move(findings_);
  }

 private:
  using Judge = std::function<std::string(const DirEntry&)>;  // empty: nothing to say

  // One that is not there has nothing to tell.
  void all_of(const std::string& folder, const Judge& judge) {
    visit(folder, [&](const DirEntry& entry) -> Status {
      std::string what = judge(entry);
      if (!what.empty()) add(folder + "/" + entry.name, std::move(what));
      return {};
    });
  }

  void visit(const std::string& folder, const std::function<Status(const DirEntry&)>& one) {
    Status visited = visit_dir_at(root_, folder, one);
    if (!visited.ok()) troubles_.note(folder, visited.error());
  }

  bool exists(const std::string& path) {
    Result<struct stat> info = lstat_at(root_, path);
    if (!info.ok()) troubles_.note(path, info.error());
    return info.ok();
  }

  void temporary_files() {
    const std::string image = survey_.image_folder();
    const Judge is_temporary = [](const DirEntry& entry) {
      return entry.name.starts_with(kTempPrefix) ? "a file that was not written to its end" : "";
    };
    for (const char* folder :
         {"", "/imagedb/content/sha256", "/imagedb/metadata/sha256",
          "/distribution/diffid-by-digest/sha256", "/distribution/v2metadata-by-diffid/sha256"}) {
      all_of(image + folder, is_temporary);
    }
    for (const auto& [name, record] : survey_.metadata) {
      if (record.trouble.empty()) all_of(survey_.metadata_folder() + "/" + name, is_temporary);
    }
    for (const auto& [name, record] : survey_.containers) {
      if (name != "") all_of("containers/" + name, is_temporary);
    }
    all_of(survey_.home(), is_temporary);
  }

  // Names that cannot be an image, a layer or a container. dockerd skips them, and never removes them.
  void names_of_nothing() {
    const std::string what = "a name that no dockerd gives";
    for (const auto& [name, config] : survey_.configs) {
      if (!config.image && !name.starts_with(kTempPrefix)) {
        add(survey_.config_folder() + "/" + name, what);
      }
    }
    for (const auto& [name, record] : survey_.metadata) {
      if (!ImageId::parse_hex(name).ok()) add(survey_.metadata_folder() + "/" + name, what);
    }
    for (const auto& [name, record] : survey_.layers) {
      if (!record.chain && !name.ends_with("-removing")) {
        add(survey_.layer_folder() + "/" + name, what);
      }
    }
    const Judge plain = [&](const DirEntry& entry) { return entry.type == DT_REG ? what : ""; };
    all_of("containers", plain);
    all_of(survey_.mount_folder(), plain);
  }

  void ours() {
    Result<std::vector<store::Operation>> operations = store::list_operations(root_);
    if (!operations.ok()) troubles_.note("strata/staging", operations.error());
    for (const store::Operation& operation :
         operations.ok() ? *operations : std::vector<store::Operation>()) {
      if (operation.lives) continue;
      add("strata/staging/" + operation.name,
          operation.held.empty() ? "an operation of strata that was stopped"
                                 : "layers that were still read when they were removed; the next "
                                   "command of strata that "
                                   "writes removes them, when nobody reads them any more");
    }
    old_blobs();
    all_of("strata", [](const DirEntry& entry) {
      return entry.name.starts_with("summaries.new-") ? "a file that was not written to its end"
                                                      : "";
    });
  }

  void old_blobs() {
    const time_t limit =
        ::time(nullptr) - std::chrono::seconds(store::BlobFolder::kStaleAfter).count();
    bool any = false;
    visit("strata/blobs", [&](const DirEntry& entry) -> Status {
      Result<struct stat> info = lstat_at(root_, "strata/blobs/" + entry.name);
      if (!info.ok()) troubles_.note("strata/blobs/" + entry.name, info.error());
      any |= info.ok() && S_ISREG(info->st_mode) && info->st_mtim.tv_sec < limit;
      return {};
    });
    if (!any) return;
    Result<store::BlobUsage> usage = store::BlobFolder(root_).usage();
    if (!usage.ok()) troubles_.note("strata/blobs", usage.error());
    if (!usage.ok() || usage->stale_bytes == 0) return;
    add("strata/blobs", "downloads of a strata pull that was stopped more than a day ago");
    findings_.back().bytes = usage->stale_bytes;
  }

  // Layers that may not have reached the disk when the machine was last stopped.
  void suspects() {
    store::Unsynced unsynced(root_);
    Status read = unsynced.read();
    if (!read.ok()) troubles_.note("strata/unsynced", read.error());
    if (!read.ok()) return;
    for (const auto& [name, record] : survey_.layers) {
      std::optional<SoundLayer> layer = sound_layer(record);
      if (!layer) continue;
      Result<CacheId> cache = CacheId::parse(layer->folder);
      Result<bool> suspect =
          cache.ok() ? unsynced.is_suspect(layer->chain, *cache) : Result<bool>(false);
      if (!suspect.ok() || !*suspect) continue;
      Finding finding{.kind = Kind::kUnsynced,
                      .severity = Severity::kNote,
                      .path = survey_.home() + "/" + layer->folder,
                      .subject = layer->chain.to_string()};
      finding.found =
          "written shortly before the machine was stopped, and not read since; strata verifies it "
          "before it uses it";
      findings_.push_back(std::move(finding));
    }
  }

  void add(std::string path, std::string what) {
    Finding finding{.kind = Kind::kLeftover, .severity = Severity::kNote, .path = std::move(path)};
    finding.found = std::move(what);
    findings_.push_back(std::move(finding));
  }

  const Fd& root_;
  const Survey& survey_;
  Troubles& troubles_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> find_leftovers(const Fd& root, const Survey& survey, Troubles& troubles) {
  return Leftovers(root, survey, troubles).find();
}

std::vector<Finding> judge_distribution(const Survey& survey) {
  std::vector<Finding> findings;
  for (const auto& [path, trouble] : survey.bad_distribution) {
    Finding finding{.kind = Kind::kDistributionDamaged, .severity = Severity::kNote, .path = path};
    finding.expected = path.find("diffid-by-digest") == path.npos
                           ? "a JSON list of places where the blob was"
                           : "the diffID of the blob's layer";
    finding.found = trouble;
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace strata::doctor
