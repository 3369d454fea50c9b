// SPDX-License-Identifier: Apache-2.0
// check: what is wrong with the data root.
#include "doctor/check.h"

#include <algorithm>

#include "cli/check_text.h"
#include "cli/formatter.h"
#include "cli/fsck_codes.h"
#include "cli/routes.h"

namespace strata::cli {
namespace {

class Check final : public Command {
 public:
  void declare(Options& options) override {
    options.flag(kNoShort, "content", "Read every file of every layer as well", content_);
    options.text('f', "format", "string", "Format the output using the given Go template, or json",
                 format_);
    options.flag('q', "quiet", "Print one line for each finding", quiet_);
  }

  std::optional<int> usage_exit() const override { return fsck::kUsage; }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    doctor::CheckOptions options{.root = context.root(), .driver = context.global().driver};
    options.content = content_;
    CheckProgress progress(context);
    if (content_) {
      options.on_progress = [&](uint64_t done, uint64_t total) { progress.show(done, total); };
    }
    Result<doctor::CheckReport> report = doctor::check(options, context.pool());
    progress.close();
    if (!report.ok() && report.error().code() == ErrorCode::kCancelled) return report.error();
    if (!report.ok())
      return context.fail("Error: " + in_one_line(report.error().message()), fsck::kCouldNotWork);
    if (!format_.empty()) {
      Result<std::string> text = format_value(format_, value_of(options.root, *report));
      if (context.print(text) != 0) return fsck::kCouldNotWork;
    } else if (quiet_ || context.global().quiet) {
      context.out().print(lines_of(*report));
    } else {
      context.out().print(text_of(options, *report));
    }
    return fsck::code_when_told(context, exit_code_of(*report));
  }

 private:
  // Notes are no problems: everything works.
  static int exit_code_of(const doctor::CheckReport& report) {
    return std::any_of(report.findings.begin(), report.findings.end(),
                       [](const doctor::Finding& finding) {
                         return finding.severity > doctor::Severity::kNote;
                       })
               ? fsck::kLeft
               : fsck::kClean;
  }

  bool content_ = false;
  bool quiet_ = false;
  std::string format_;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace strata::cli
