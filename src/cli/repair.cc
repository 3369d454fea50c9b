// SPDX-License-Identifier: Apache-2.0
// repair: mends what check finds.
#include "doctor/repair.h"

#include <algorithm>

#include "cli/check_text.h"
#include "cli/formatter.h"
#include "cli/fsck_codes.h"
#include "cli/repair_text.h"
#include "cli/routes.h"
#include "cli/units.h"

namespace strata::cli {
namespace {

class Repair final : public Command {
 public:
  void declare(Options& options) override {
    options.flag(kNoShort, "content", "Compare and mend every file of every layer as well",
                 content_);
    options.flag(kNoShort, "dry-run", "Say what would be done, and change nothing (the default)",
                 dry_run_);
    options.text('f', "format", "string", "Format the output using the given Go template, or json",
                 format_);
    options.list(kNoShort, "from", "place",
                 "Where copies are: an archive, root:FOLDER, docker://REGISTRY/NAME:TAG", from_);
    options.list(kNoShort, "lost", "folder",
                 "Take what was in a folder of docker's that is empty for gone", lost_);
    options.flag(kNoShort, "purge", "With --yes, remove for good what repairs have taken away",
                 purge_);
    options.flag('y', "yes", "Do it", yes_);
  }

  std::optional<int> usage_exit() const override { return fsck::kUsage; }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    if (yes_ && dry_run_)
      return context.fail("Error: --yes and --dry-run contradict", fsck::kUsage);
    if (purge_ && (content_ || !from_.empty() || !lost_.empty() || !format_.empty())) {
      return context.fail("Error: --purge mends nothing: it goes alone, or with --yes",
                          fsck::kUsage);
    }
    Result<int> code = purge_ ? purge(context) : mend(context);
    if (code.ok() || code.error().code() == ErrorCode::kCancelled) return code;
    return context.fail("Error: " + in_one_line(code.error().message()), fsck::kCouldNotWork);
  }

 private:
  Result<int> mend(Context& context) const {
    doctor::RepairOptions options{.root = context.root(), .driver = context.global().driver};
    options.dry_run = !yes_;
    options.content = content_;
    options.from = from_;
    options.lost = lost_;
    CheckProgress progress(context);
    if (content_) {
      options.on_progress = [&](uint64_t done, uint64_t total) { progress.show(done, total); };
    }
    Result<doctor::RepairReport> report = doctor::repair(options, context.pool());
    progress.close();
    if (!report.ok()) return std::move(report).error();
    if (format_.empty()) {
      context.out().print(text_of(options, *report));
    } else {
      Result<std::string> text = format_value(format_, value_of(options, *report));
      if (context.print(text) != 0) return fsck::kCouldNotWork;
    }
    return fsck::code_when_told(context, exit_code_of(*report));
  }

  Result<int> purge(Context& context) const {
    STRATA_TRY(Fd root, open_path(context.root(), O_RDONLY | O_DIRECTORY));
    STRATA_TRY(doctor::Purged purged, yes_ ? doctor::purge(root) : doctor::kept_things(root));
    context.out().print(fmt::format("{} {} of {} repair{}\n", yes_ ? "Removed" : "Would remove",
                                    human_size(static_cast<double>(purged.bytes)), purged.repairs,
                                    purged.repairs == 1 ? "" : "s"));
    if (!yes_ && purged.repairs > 0) {
      context.out().print(fmt::format("Nothing was changed. To do it: {}\n",
                                      purge_command(context.root()) + " --yes"));
    }
    return fsck::code_when_told(context, fsck::kClean);
  }

  // Notes are no problems, for check neither: everything works with them. But what was tried in vain is left.
  static int exit_code_of(const doctor::RepairReport& report) {
    const auto is_problem = [](const doctor::Remedy& remedy) {
      return std::ranges::any_of(remedy.findings, [](const doctor::Finding& finding) {
        return finding.severity > doctor::Severity::kNote;
      });
    };
    if (report.failed || std::ranges::any_of(report.left, is_problem) ||
        std::ranges::any_of(report.planned, is_problem)) {
      return fsck::kLeft;
    }
    return report.mended.empty() ? fsck::kClean : fsck::kMended;
  }

  bool content_ = false;
  bool dry_run_ = false;
  bool purge_ = false;
  bool yes_ = false;
  std::string format_;
  std::vector<std::string> from_;
  std::vector<std::string> lost_;
};

}  // namespace

std::unique_ptr<Command> make_repair() { return std::make_unique<Repair>(); }

}  // namespace strata::cli
