// SPDX-License-Identifier: Apache-2.0
#include "cli/repair_text.h"

#include <algorithm>

#include "cli/check_text.h"

namespace strata::cli {
namespace {

using doctor::Remedy;
using doctor::RepairOptions;
using doctor::RepairReport;

constexpr size_t kActionsShown = 12;

// The cause in full; of what followed from it, where it is.
std::string text_of_remedy(const Remedy& remedy, std::string_view does) {
  std::string text = text_of(remedy.findings.front());
  for (size_t i = 1; i < remedy.findings.size() && i <= kActionsShown; ++i) {
    text += row("and so", fmt::format("{} [{}]", remedy.findings[i].path,
                                      to_string(remedy.findings[i].kind)));
  }
  for (size_t i = 0; i < remedy.actions.size() && i < kActionsShown; ++i) {
    text += row(does, describe(remedy.actions[i]));
  }
  return text + row(remedy.heals() && !does.empty() ? "why" : "needed", remedy.reason) + "\n";
}

std::string counted(size_t number, std::string_view verb) {
  return fmt::format("{} {} {}", number, number == 1 ? "thing" : "things", verb);
}

std::string summary_of(const RepairOptions& options, const RepairReport& report) {
  if (report.planned.empty() && report.mended.empty() && report.left.empty()) {
    return "Nothing is wrong.\n";
  }
  std::string text = options.dry_run ? counted(report.planned.size(), "can be mended")
                                     : counted(report.mended.size(), "mended");
  const auto unsure = std::ranges::count_if(report.planned, &Remedy::unsure);
  if (unsure > 0) text += fmt::format(" ({} of them perhaps: see above)", unsure);
  if (!report.left.empty()) text += ", " + counted(report.left.size(), "left as they are");
  text += "\n";
  if (!report.kept.empty()) {
    text += fmt::format("What was taken away or replaced is in {}/{} until {} --yes\n",
                        in_one_line(options.root), report.kept, purge_command(options.root));
  }
  if (report.more_may_follow) {
    text +=
        "More may follow: when that is done, repair looks again, and mends what it finds then.\n";
  }
  if (options.dry_run && report.beside_daemon) {
    text += "A dockerd is running on this root: stop it before you repair it.\n";
  }
  if (options.dry_run && !report.planned.empty()) {
    RepairOptions for_good = options;
    for_good.dry_run = false;
    text += fmt::format("Nothing was changed. To do it: {}\n", repair_command(for_good));
  }
  return text;
}

Value value_of_remedy(const Remedy& remedy, std::string_view state) {
  Value::List findings;
  findings.item_type = "doctor.Finding";
  for (const doctor::Finding& finding : remedy.findings)
    findings.items.push_back(value_of(finding));
  std::vector<std::string> actions;
  for (const doctor::Action& action : remedy.actions) actions.push_back(describe(action));
  return Struct::make("doctor.Remedy", {{"State", "", Value::string(std::string(state))},
                                        {"Findings", "", Value::list(std::move(findings))},
                                        {"Actions", "", Value::strings(actions)},
                                        {"Reason", "", Value::string(remedy.reason)},
                                        {"Unsure", "", Value::boolean(remedy.unsure)}});
}

}  // namespace

std::string text_of(const RepairOptions& options, const RepairReport& report) {
  std::string text;
  for (const Remedy& remedy : report.planned)
    text += text_of_remedy(remedy, remedy.unsure ? "may" : "would");
  for (const Remedy& remedy : report.mended) text += text_of_remedy(remedy, "did");
  for (const Remedy& remedy : report.left) text += text_of_remedy(remedy, "");
  return text + summary_of(options, report);
}

Value value_of(const RepairOptions& options, const RepairReport& report) {
  Value::List remedies;
  remedies.item_type = "doctor.Remedy";
  for (const Remedy& remedy : report.planned)
    remedies.items.push_back(value_of_remedy(remedy, "planned"));
  for (const Remedy& remedy : report.mended)
    remedies.items.push_back(value_of_remedy(remedy, "mended"));
  for (const Remedy& remedy : report.left)
    remedies.items.push_back(value_of_remedy(remedy, "left"));
  return Struct::make("doctor.Repair",
                      {{"Root", "", Value::string(options.root)},
                       {"DryRun", "", Value::boolean(options.dry_run)},
                       {"BesideDaemon", "", Value::boolean(report.beside_daemon)},
                       {"MoreMayFollow", "", Value::boolean(report.more_may_follow)},
                       {"Kept", "", Value::string(report.kept)},
                       {"Remedies", "", Value::list(std::move(remedies))}});
}

}  // namespace strata::cli
