// SPDX-License-Identifier: Apache-2.0
// load: images from an archive, a folder or standard input.
#include "archive/load.h"

#include <unistd.h>

#include "base/timer.h"
#include "cli/confine_to.h"
#include "cli/load_report.h"
#include "cli/routes.h"
#include "oci/platform.h"

namespace strata::cli {
namespace {

class Load final : public Command {
 public:
  void declare(Options& options) override {
    options.text('i', "input", "string", "Read from archive file or OCI folder, instead of STDIN",
                 input_);
    options.flag(kNoShort, "no-verify", "Do not read the layers that an archive leaves to the root",
                 no_verify_);
    options.text(kNoShort, "platform", "string", "Load this platform of an archive with several",
                 platform_);
    options.flag('q', "quiet", "Suppress the load output", quiet_);
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    if (input_.empty() && ::isatty(STDIN_FILENO) == 1) {
      return context.fail("requested load from stdin, but stdin is empty");
    }
    archive::LoadOptions options;
    options.verify_taken = !no_verify_;
    if (!platform_.empty()) {
      STRATA_TRY(options.plan.platform, oci::Platform::parse(platform_));
    }
    STRATA_TRY(Fd file, open_input());
    STRATA_TRY(store::Store store, context.open_for_writing(Context::IfMissing::kCreate));
    confine_to(context, store, Network::kNone);
    ProgressDisplay progress(quiet_ ? ProgressMode::kNone : context.progress_mode(),
                             "Loading layer", ProgressDisplay::to_descriptor(context.err().fd()));
    options.progress = &progress;
    const archive::ArchiveInput input{&file, input_.empty() ? "standard input" : input_};
    Result<archive::LoadReport> report = archive::load(store, input, options, context.pool());
    progress.close();
    if (!report.ok()) return std::move(report).error();
    print_load_report(context, *report, "Loaded");
    return 0;
  }

 private:
  Result<Fd> open_input() const {
    if (!input_.empty()) return open_path(input_, O_RDONLY);
    int copy = ::dup(STDIN_FILENO);
    if (copy < 0) return errno_error(errno, "standard input");
    return Fd(copy);
  }

  std::string input_;
  bool no_verify_ = false;
  std::string platform_;
  bool quiet_ = false;
};

}  // namespace

std::unique_ptr<Command> make_load() { return std::make_unique<Load>(); }

}  // namespace strata::cli
