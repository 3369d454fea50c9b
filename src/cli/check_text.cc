// SPDX-License-Identifier: Apache-2.0
#include "cli/check_text.h"

#include <algorithm>
#include <array>

#include "cli/ssh_url.h"
#include "cli/units.h"

namespace strata::cli {
namespace {

using doctor::Finding;
using doctor::Kind;
using doctor::Severity;

constexpr size_t kAffectedShown = 6;

// What a person reads. The kind's own word stands behind it.
constexpr std::array kSentences = std::to_array<std::pair<Kind, std::string_view>>({
    {Kind::kReferencesDamaged, "the file of all names is damaged"},
    {Kind::kReferenceDangling, "a name leads to an image that is not there"},
    {Kind::kReferenceInvalid, "a name that nobody can use"},
    {Kind::kConfigDamaged, "an image's config is damaged"},
    {Kind::kConfigInvalid, "an image's config is none"},
    {Kind::kImageLayerMissing, "a layer of images is missing"},
    {Kind::kParentDamaged, "an image's link to its parent is damaged"},
    {Kind::kParentDangling, "an image's parent is not there"},
    {Kind::kMetadataDamaged, "what is known about an image is damaged"},
    {Kind::kMetadataOrphaned, "left of an image that is gone"},
    {Kind::kRecordDamaged, "a layer's record is damaged"},
    {Kind::kRecordParentMissing, "a layer lies on one that is not there"},
    {Kind::kRecordFolderMissing, "a layer's files are not there"},
    {Kind::kRecordShared, "two layers name the same files"},
    {Kind::kRecordUnused, "a layer that nothing needs"},
    {Kind::kRemovalUnfinished, "a layer that was being removed"},
    {Kind::kFolderUnreadable, "a folder cannot be read"},
    {Kind::kFolderEmptied, "a folder is empty that others need"},
    {Kind::kUnreadable, "something cannot be read"},
    {Kind::kFolderUnused, "files that belong to nothing"},
    {Kind::kFilesMissing, "a layer's files are missing"},
    {Kind::kFolderElsewhere, "a layer's folder lies elsewhere"},
    {Kind::kLinkFileDamaged, "a layer does not know its link"},
    {Kind::kLinkMissing, "a layer's link is missing"},
    {Kind::kLinkExtra, "a link that nothing needs"},
    {Kind::kLowerDamaged, "a layer does not know what it lies on"},
    {Kind::kWorkMissing, "a layer cannot be mounted"},
    {Kind::kContainerDamaged, "a container's config is damaged"},
    {Kind::kContainerImageMissing, "a container's image is gone"},
    {Kind::kContainerMountMissing, "a container's files are missing"},
    {Kind::kMountDamaged, "a container does not know its layers"},
    {Kind::kMountOrphaned, "left of a container that is gone"},
    {Kind::kDistributionDamaged, "a record of where a blob was is damaged"},
    {Kind::kDatabaseDamaged, "a database of dockerd's is damaged"},
    {Kind::kFileMissing, "a file of a layer is missing"},
    {Kind::kFileChanged, "a file of a layer was changed"},
    {Kind::kFileExtra, "a file that is not the layer's"},
    {Kind::kFileMetadata, "a file of a layer is not as it was"},
    {Kind::kLayerChanged, "a layer is not what it was"},
    {Kind::kLeftover, "left by a run that was stopped"},
    {Kind::kUnsynced, "a layer that may not have reached the disk"},
});

std::string_view sentence_of(Kind kind) {
  const auto* row = std::ranges::find(kSentences, kind, &std::pair<Kind, std::string_view>::first);
  return row == kSentences.end() ? "" : row->second;
}

// Digests in full only where there is room: in JSON.
std::string shortened(const std::string& title) {
  constexpr size_t kShort = 12;
  return title.starts_with("sha256:") ? title.substr(7, kShort) : title;
}

std::string affected_text(const std::vector<std::string>& affected) {
  std::string text;
  for (size_t i = 0; i < affected.size() && i < kAffectedShown; ++i) {
    text += (i == 0 ? "" : ", ") + in_one_line(shortened(affected[i]));
  }
  if (affected.size() > kAffectedShown) {
    text += fmt::format(" and {} more", affected.size() - kAffectedShown);
  }
  return text;
}

// "1,000"
std::string with_commas(size_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string counted(size_t number, std::string_view word) {
  return fmt::format("{} {}{}", with_commas(number), word, number == 1 ? "" : "s");
}

struct Counts {
  std::array<size_t, 4> by_severity{};
  uint64_t unused_bytes = 0;

  explicit Counts(const doctor::CheckReport& report) {
    for (const Finding& finding : report.findings) {
      ++by_severity.at(static_cast<size_t>(finding.severity));
      unused_bytes += finding.bytes;
    }
  }
  size_t of(Severity severity) const { return by_severity.at(static_cast<size_t>(severity)); }
  size_t problems() const {
    return of(Severity::kFatal) + of(Severity::kError) + of(Severity::kWarning);
  }
};

std::string summary_of(const doctor::CheckReport& report, const Counts& counts) {
  std::string text =
      fmt::format("{}, {}", counted(report.images, "image"), counted(report.layers, "layer"));
  if (report.containers > 0) text += ", " + counted(report.containers, "container");
  std::string found;
  auto add = [&](std::string more) { found += (found.empty() ? "" : ", ") + std::move(more); };
  if (counts.of(Severity::kFatal) > 0) add(counted(counts.of(Severity::kFatal), "fatal error"));
  if (counts.of(Severity::kError) > 0) add(counted(counts.of(Severity::kError), "error"));
  if (counts.of(Severity::kWarning) > 0) add(counted(counts.of(Severity::kWarning), "warning"));
  if (found.empty()) add("nothing is wrong");
  if (counts.of(Severity::kNote) > 0) add(counted(counts.of(Severity::kNote), "note"));
  if (counts.unused_bytes > 0) {
    add(human_size(static_cast<double>(counts.unused_bytes)) + " that nothing uses");
  }
  text += ": " + found + "\n";
  if (report.content_bytes > 0) {
    text +=
        fmt::format("{} of content read\n", human_size(static_cast<double>(report.content_bytes)));
  }
  return text;
}

// A word of a command line as it has to be typed; $'…' is bash's, for what cannot be seen.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  const bool is_plain = !word.empty() && word.find_first_not_of(kPlain) == word.npos;
  if (is_plain) return word;
  if (in_one_line(word) == word) return quote_for_shell(word);
  std::string escaped;
  for (char c : word) escaped += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return fmt::format("$'{}'", in_one_line(escaped));
}

std::string advice_of(const doctor::CheckOptions& options, const doctor::CheckReport& report,
                      const Counts& counts) {
  const std::string command =
      repair_command({.root = options.root, .driver = options.driver, .content = options.content});
  std::string text;
  if (report.in_use > 0) {
    text += fmt::format("{} left out: the dockerd on this root may be just making or removing {}\n",
                        counted(report.in_use, "finding"), report.in_use == 1 ? "it" : "them");
  }
  if (report.findings.empty()) return text;
  if (counts.problems() == 0) {
    return text + fmt::format("Everything works. What can be tidied up: {}\n", command);
  }
  if (report.beside_daemon) text += "Stop the dockerd on this root before you repair it.\n";
  return text + fmt::format(
                    "What to do: {} shows what would mend this, and changes nothing without "
                    "--yes\n",
                    command);
}

Value strings_of(const std::vector<std::string>& texts) { return Value::strings(texts); }
Value number_of(uint64_t number) { return Value::integer(static_cast<int64_t>(number), "int64"); }

}  // namespace

std::string row(std::string_view name, std::string_view text) {
  return text.empty() ? "" : fmt::format("    {:<10}{}\n", name, in_one_line(text));
}

std::string text_of(const Finding& finding) {
  std::string text =
      fmt::format("{}: {} [{}]\n    {}\n", to_string(finding.severity), sentence_of(finding.kind),
                  to_string(finding.kind), in_one_line(finding.path));
  text += row("expected", finding.expected);
  text += row("found", finding.found);
  if (!finding.subject.empty() &&
      finding.path.find(shortened(finding.subject)) == std::string::npos) {
    text += row("of", shortened(finding.subject));
  }
  text += row("affects", affected_text(finding.affected));
  if (finding.bytes > 0) text += row("holds", human_size(static_cast<double>(finding.bytes)));
  for (size_t i = 0; i < finding.proof.size(); ++i) {
    text += row(i == 0 ? "because" : "", finding.proof[i]);
  }
  return text;
}

std::string repair_command(const doctor::RepairOptions& options) {
  std::string text = "strata";
  if (!options.driver.empty()) text += " --storage-driver " + options.driver;
  text += " repair --root " + shell_word(options.root);
  if (options.content) text += " --content";
  for (const std::string& place : options.from) text += " --from " + shell_word(place);
  for (const std::string& folder : options.lost) text += " --lost " + shell_word(folder);
  return text + (options.dry_run ? "" : " --yes");
}

std::string purge_command(const std::string& root) {
  return fmt::format("strata repair --root {} --purge", shell_word(root));
}

std::string text_of(const doctor::CheckOptions& options, const doctor::CheckReport& report) {
  const Counts counts(report);
  std::string text;
  for (const Finding& finding : report.findings) text += text_of(finding) + "\n";
  text += summary_of(report, counts);
  if (!report.not_judged.empty()) {
    text += fmt::format("Not looked at, since it belongs to others: {}\n",
                        in_one_line(fmt::format("{}", fmt::join(report.not_judged, ", "))));
  }
  return text + advice_of(options, report, counts);
}

std::string lines_of(const doctor::CheckReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    text += fmt::format("{} {} {}\n", to_string(finding.severity), to_string(finding.kind),
                        in_one_line(finding.path));
  }
  return text;
}

Value value_of(const Finding& finding) {
  return Struct::make("doctor.Finding",
                      {{"Kind", "", Value::string(std::string(to_string(finding.kind)))},
                       {"Severity", "", Value::string(std::string(to_string(finding.severity)))},
                       {"Path", "", Value::string(finding.path)},
                       {"PathBytes", "", Value::string(doctor::path_bytes(finding.path)), true},
                       {"Subject", "", Value::string(finding.subject)},
                       {"Expected", "", Value::string(finding.expected)},
                       {"Found", "", Value::string(finding.found)},
                       {"Affected", "", strings_of(finding.affected)},
                       {"Bytes", "", number_of(finding.bytes)},
                       {"Proof", "", strings_of(finding.proof)}});
}

Value value_of(const std::string& root, const doctor::CheckReport& report) {
  const Counts counts(report);
  Value::List findings;
  findings.item_type = "doctor.Finding";
  for (const Finding& finding : report.findings) findings.items.push_back(value_of(finding));
  return Struct::make("doctor.Report", {{"Root", "", Value::string(root)},
                                        {"Driver", "", Value::string(report.driver)},
                                        {"Images", "", number_of(report.images)},
                                        {"Layers", "", number_of(report.layers)},
                                        {"Containers", "", number_of(report.containers)},
                                        {"Fatal", "", number_of(counts.of(Severity::kFatal))},
                                        {"Errors", "", number_of(counts.of(Severity::kError))},
                                        {"Warnings", "", number_of(counts.of(Severity::kWarning))},
                                        {"Notes", "", number_of(counts.of(Severity::kNote))},
                                        {"UnusedBytes", "", number_of(counts.unused_bytes)},
                                        {"ContentBytes", "", number_of(report.content_bytes)},
                                        {"BesideDaemon", "", Value::boolean(report.beside_daemon)},
                                        {"InUse", "", number_of(report.in_use)},
                                        {"Findings", "", Value::list(std::move(findings))},
                                        {"NotJudged", "", strings_of(report.not_judged)}});
}

void CheckProgress::show(uint64_t done_bytes, uint64_t total_bytes) {
  constexpr std::chrono::milliseconds kInterval{100};
  if (context_.progress_mode() != ProgressMode::kTerminal) return;
  const Clock::time_point now = Clock::now();
  if (now - shown_ < kInterval) return;
  shown_ = now;
  drawn_ = true;
  context_.err().print(fmt::format("\r\x1b[KReading layers: {} of {}",
                                   human_size(static_cast<double>(done_bytes)),
                                   human_size(static_cast<double>(total_bytes))));
}

void CheckProgress::close() {
  if (drawn_) context_.err().print("\r\x1b[K");
  drawn_ = false;
}

}  // namespace strata::cli
