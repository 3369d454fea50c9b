// SPDX-License-Identifier: Apache-2.0
#include "doctor/check.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <tuple>

#include "base/timer.h"
#include "doctor/bolt_file.h"
#include "doctor/check_content.h"
#include "doctor/judges.h"
#include "driver/tree_size.h"

namespace strata::doctor {
namespace {

using Findings = std::vector<Finding>;

// What else there is in a root; dockerd's names of its parts that are no images.
constexpr std::string_view kOurs[] = {"image", "containers", "tmp", "tmp-old", "strata"};

struct Look {
  Survey survey;
  Findings findings;
};

void append(Findings& all, Findings more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

Findings judge_unreadable(const Survey& survey) {
  Findings findings;
  for (const std::string& path : survey.unreadable) {
    const bool needed = path.starts_with("image/");  // dockerd lists it when it starts
    Finding finding{.kind = Kind::kFolderUnreadable,
                    .severity = needed ? Severity::kFatal : Severity::kError,
                    .path = path};
    auto trouble = survey.troubles.find(path);
    finding.expected = "a folder";
    finding.found =
        trouble != survey.troubles.end() ? trouble->second : "something that cannot be listed";
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings judge_emptied(const Survey& survey) {
  Findings findings;
  for (const auto& [path, users] : survey.emptied) {
    Finding finding{.kind = Kind::kFolderEmptied, .severity = Severity::kError, .path = path};
    finding.expected = "what is needed by " + users;
    finding.found = "nothing in it: is it on a disk that is not mounted?";
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings judge_databases(const Fd& root, Troubles& troubles) {
  Findings findings;
  Result<std::vector<std::string>> paths = bolt_files(root);
  if (!paths.ok()) troubles.note("buildkit", paths.error());
  for (const std::string& path : paths.ok() ? *paths : std::vector<std::string>()) {
    Result<std::string> trouble = bolt_trouble(root, path);
    if (!trouble.ok()) troubles.note(path, trouble.error());
    if (!trouble.ok() || trouble->empty()) continue;
    Finding finding{.kind = Kind::kDatabaseDamaged, .severity = Severity::kFatal, .path = path};
    finding.expected = "a bolt database";
    finding.found = *trouble;
    findings.push_back(std::move(finding));
  }
  return findings;
}

// What could not be read and is in no finding: otherwise nobody would know that it was not looked at.
void tell_rest(const std::map<std::string, std::string>& troubles, Findings& findings) {
  std::set<std::string> told;
  for (const Finding& finding : findings) told.insert(finding.path);
  for (const auto& [path, trouble] : troubles) {
    if (told.contains(path)) continue;
    Finding finding{.kind = Kind::kUnreadable, .severity = Severity::kError, .path = path};
    finding.expected = "something that can be read";
    finding.found = trouble;
    findings.push_back(std::move(finding));
  }
}

Result<Look> look(const CheckOptions& options, Pool& pool) {
  Look look;
  STRATA_TRY(look.survey, survey_root(options.root, options.driver, pool));
  if (options.alone) look.survey.daemon_runs = false;
  // Who writes now makes layers before the first image, and a container's layers before the container.
  if (look.survey.daemon_runs || look.survey.operations_live) look.survey.emptied.clear();
  for (const std::string& folder : options.lost) look.survey.emptied.erase(folder);
  STRATA_TRY(Fd root, open_path(options.root, O_RDONLY | O_DIRECTORY));
  const Graph graph(look.survey);
  append(look.findings, judge_unreadable(look.survey));
  append(look.findings, judge_emptied(look.survey));
  append(look.findings, judge_references(graph));
  append(look.findings, judge_images(graph));
  append(look.findings, judge_records(graph));
  append(look.findings, judge_folders(graph));
  append(look.findings, judge_containers(graph));
  append(look.findings, judge_distribution(look.survey));
  Troubles more;
  append(look.findings, find_leftovers(root, look.survey, more));
  append(look.findings, judge_databases(root, more));
  append(look.findings, judge_modes(root, look.survey, more));
  if (std::optional<Error> fatal = more.fatal()) return *fatal;
  look.survey.troubles.merge(more.take());
  tell_rest(look.survey.troubles, look.findings);
  return look;
}

auto identity(const Finding& finding) {
  return std::tie(finding.kind, finding.path, finding.subject, finding.found);
}

// Of `later`, what was there before.
void keep_common(Findings& later, const Findings& before) {
  auto less = [](const Finding* a, const Finding* b) { return identity(*a) < identity(*b); };
  std::set<const Finding*, decltype(less)> known(less);
  for (const Finding& finding : before) known.insert(&finding);
  std::erase_if(later, [&](const Finding& finding) { return !known.contains(&finding); });
}

bool read_less(const Look& a, const Look& b) {
  return a.survey.troubles.size() > b.survey.troubles.size();
}

// Looks again, beside others who write several times, until what is left is not just being written. A look that could read less says
// nothing against one that could read more: what it did not see may be there.
Result<Look> look_until_settled(const CheckOptions& options, Pool& pool) {
  constexpr std::chrono::milliseconds kPauses[] = {std::chrono::milliseconds(300),
                                                   std::chrono::milliseconds(1000)};
  STRATA_TRY(Look last, look(options, pool));
  for (std::chrono::milliseconds pause : kPauses) {
    if (last.findings.empty()) break;
    const bool moving = last.survey.daemon_runs || last.survey.operations_live;
    if (moving) std::this_thread::sleep_for(pause);
    STRATA_TRY(Look next, look(options, pool));
    const bool comparable = next.survey.troubles == last.survey.troubles;
    if (comparable) keep_common(next.findings, last.findings);
    if (comparable || !read_less(next, last)) last = std::move(next);
    if (!moving) break;
  }
  return last;
}

// Such findings as dockerd leaves for as long as it pulls, builds, creates or removes, which may be minutes.
bool may_be_in_progress(const Finding& finding) {
  switch (finding.kind) {
    case Kind::kRecordUnused:
    case Kind::kRemovalUnfinished:
    case Kind::kFolderUnused:
    case Kind::kLinkExtra:
    case Kind::kMountOrphaned:
    case Kind::kMetadataOrphaned:
    case Kind::kLeftover:
      return true;
    case Kind::kContainerDamaged:
      return finding.found == "missing";  // the config comes last
    default:
      return false;
  }
}

// The time of the last change of what a finding is about, or of the nearest folder above that is there.
std::optional<time_t> changed_at(const Fd& root, std::string path) {
  while (true) {
    Result<struct stat> info = lstat_at(root, path);
    if (info.ok()) return info->st_ctim.tv_sec;
    const size_t slash = path.rfind('/');
    if (slash == path.npos) return std::nullopt;
    path.resize(slash);
  }
}

// Leaves out what the running dockerd can have made, or is just removing: only what is older than it is nobody's.
void leave_out_in_use(const Fd& root, const Survey& survey, CheckReport& report) {
  if (!survey.daemon_runs) return;
  constexpr time_t kSlackSeconds = 2;
  report.in_use = std::erase_if(report.findings, [&](const Finding& finding) {
    auto container = survey.containers.find(finding.subject);
    if (container != survey.containers.end() && container->second.is_going) return true;
    if (!may_be_in_progress(finding)) return false;
    std::optional<time_t> changed = changed_at(root, finding.path);
    return !survey.daemon_since || !changed || *changed >= *survey.daemon_since - kSlackSeconds;
  });
}

// The files of a record that is unused, or going.
std::string folder_of_record(const Survey& survey, const Finding& finding) {
  auto record = survey.layers.find(finding.path.substr(survey.layer_folder().size() + 1));
  if (record == survey.layers.end()) return "";
  std::optional<std::string> folder = Graph::folder_of(record->second);
  return folder ? survey.home() + "/" + *folder : "";
}

uint64_t size_of(const Fd& root, const std::string& path) {
  Result<struct stat> info = lstat_at(root, path);
  if (!info.ok()) return 0;
  if (!S_ISDIR(info->st_mode)) return static_cast<uint64_t>(info->st_size);
  Result<Fd> folder = open_at(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  Result<uint64_t> bytes =
      folder.ok() ? driver::tree_size_bytes(*folder) : Result<uint64_t>(folder.error());
  return bytes.ok() ? *bytes : 0;  // it goes just now
}

// The bytes that each unused thing holds.
Status measure(const Fd& root, const Survey& survey, Pool& pool, Findings& findings) {
  return pool.parallel_for(findings.size(), [&](size_t i) -> Status {
    Finding& finding = findings[i];
    switch (finding.kind) {
      case Kind::kRecordUnused:
      case Kind::kRemovalUnfinished:
        finding.bytes = size_of(root, finding.path);
        if (std::string files = folder_of_record(survey, finding); !files.empty()) {
          finding.bytes += size_of(root, files);
        }
        break;
      case Kind::kMountOrphaned: {
        auto mount = survey.mounts.find(finding.subject);
        const std::string layer(trimmed(mount->second.mount_id.text));
        if (!is_mount_id(layer)) break;
        finding.bytes = size_of(root, survey.home() + "/" + layer) +
                        size_of(root, survey.home() + "/" + layer + "-init");
        break;
      }
      case Kind::kFolderUnused:
      case Kind::kLeftover:
        if (finding.bytes == 0) finding.bytes = size_of(root, finding.path);
        break;
      default:
        break;
    }
    return pool.check_cancelled();
  });
}

std::vector<std::string> not_judged(const Fd& root, const Survey& survey) {
  const std::string home = survey.home().substr(0, survey.home().find('/'));
  std::vector<std::string> others;
  (void)visit_dir_at(root, ".", [&](const DirEntry& entry) -> Status {
    const bool ours = std::find(std::begin(kOurs), std::end(kOurs), entry.name) != std::end(kOurs);
    if (!ours && entry.name != home) others.push_back(entry.name);
    return {};
  }).ok();
  const auto snapshots =
      std::count_if(survey.folders.begin(), survey.folders.end(),
                    [](const auto& folder) { return is_buildkit_name(folder.first); });
  if (snapshots > 0) {
    others.push_back(fmt::format("{} ({} folders of BuildKit)", survey.home(), snapshots));
  }
  std::sort(others.begin(), others.end());
  return others;
}

void count(const Survey& survey, CheckReport& report) {
  report.driver = survey.driver;
  report.beside_daemon = survey.daemon_runs;
  report.containers = survey.containers.size();
  for (const auto& [name, config] : survey.configs) report.images += config.image ? 1 : 0;
  for (const auto& [name, record] : survey.layers) report.layers += record.chain ? 1 : 0;
}

void sort(Findings& findings) {
  std::sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    if (a.severity != b.severity) return a.severity > b.severity;
    return std::tie(a.path, a.kind, a.subject, a.found) <
           std::tie(b.path, b.kind, b.subject, b.found);
  });
}

}  // namespace

Result<CheckReport> check(const CheckOptions& options, Pool& pool) {
  // Metadata and structure, as often as it takes until nothing moves.
  Timer timer("check: structure");
  STRATA_TRY(Look seen, look_until_settled(options, pool));
  CheckReport report{.findings = std::move(seen.findings)};
  count(seen.survey, report);
  // From here on only the contents of layers can add something.
  STRATA_TRY(Fd root, open_path(options.root, O_RDONLY | O_DIRECTORY));
  leave_out_in_use(root, seen.survey, report);
  STRATA_CHECK(measure(root, seen.survey, pool, report.findings));
  report.not_judged = not_judged(root, seen.survey);
  if (options.content) {
    Timer contents("check: content");
    STRATA_CHECK(check_content(Graph(seen.survey), options, pool, report));
  }
  sort(report.findings);
  return report;
}

}  // namespace strata::doctor
