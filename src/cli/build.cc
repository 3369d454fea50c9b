// SPDX-License-Identifier: Apache-2.0
// build: an image from a Dockerfile.
#include "build/build.h"

#include <cstdlib>
#include <mutex>

#include "cli/build_check.h"
#include "cli/build_display.h"
#include "cli/build_options.h"
#include "cli/build_status.h"
#include "cli/pull_display.h"
#include "cli/registry_options.h"
#include "cli/routes.h"
#include "driver/mount.h"
#include "oci/reference.h"
#include "registry/pull.h"

namespace strata::cli {
namespace {

class Build final : public Command {
 public:
  void declare(Options& options) override {
    options_.declare(options);
    registry_.declare(options);
    registry_.declare_content_trust(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(build::BuildRequest request, options_.request());
    STRATA_TRY(outputs_, options_.outputs());
    for (const BuildOutput& output : outputs_) {
      for (const std::string& name : output.names) {
        STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
        request.tags.push_back(reference.with_default_tag().store_key());
      }
      to_standard_output_ = to_standard_output_ || output.to_standard_output();
    }
    if (to_standard_output_ && context.out().is_terminal()) {
      return context.fail("an archive cannot be written to a terminal: redirect it, or give dest=");
    }
    for (const BuildOutput& output : outputs_) STRATA_CHECK(check_build_output(output, request));
    if (options_.check()) return check(context, arguments.front(), request);
    // Before the first thread: all mounts of the build are our own, and end with us.
    STRATA_CHECK(driver::enter_private_mounts());
    STRATA_TRY(store::Store store, context.open_for_writing(Context::IfMissing::kCreate));
    request.fetch = [&](const std::string& name, const oci::Platform& platform) {
      return fetch(context, store, name, platform);
    };
    request.open_client = [&] { return open_client(context); };
    STRATA_TRY(auto build_context,
               build::BuildContext::open(options_.context(arguments.front(), &store.root()),
                                         context.pool()));
    const bool quiet = options_.quiet() || context.global().quiet;
    // Where an archive goes to standard output, words go beside it.
    Output& words = to_standard_output_ ? context.err() : context.out();
    BuildDisplay lines(words, quiet, context.progress_mode() == ProgressMode::kJson);
    BuildStatus objects(context.err());
    BuildView& display = is_raw(context) ? static_cast<BuildView&>(objects) : lines;
    build::FailedCommand failed;
    Result<build::BuildReport> report =
        build::build(store, *build_context, request, display, context.pool(), &failed);
    display.close(!report.ok());
    if (!report.ok()) {
      if (failed.exit_code == 0) return std::move(report).error();
      return context.fail(report.error().message(), failed.exit_code);
    }
    for (const BuildOutput& output : outputs_) {
      STRATA_CHECK(write_build_output(
          context, store, output,
          {report->image, request.tags, request.open_client, words, quiet || is_raw(context)}));
    }
    STRATA_CHECK(finish(context, display, request, *report));
    if (quiet) words.print(fmt::format("{}\n", report->image));
    return 0;
  }

 private:
  bool is_raw(const Context& context) const {
    return context.global().progress == "rawjson" && !options_.quiet() && !context.global().quiet;
  }

  // Writes nothing, so that it goes beside a daemon and without a root; but what has to be unpacked
  // is unpacked in the root.
  Result<int> check(Context& context, const std::string& place,
                    const build::BuildRequest& request) {
    Result<struct stat> info = lstat_at(Fd(), place);
    std::optional<store::Store> store;
    if (info.ok() && !S_ISREG(info->st_mode)) {
      STRATA_TRY(store, context.open_if_there());
    } else {
      STRATA_TRY(store, context.open_for_writing(Context::IfMissing::kCreate));
    }
    const Fd* root = store.has_value() ? &store->root() : nullptr;
    STRATA_TRY(auto build_context,
               build::BuildContext::open(options_.context(place, root), context.pool()));
    return check_dockerfile(
        *build_context, request,
        shown_dockerfile(options_.dockerfile(), place, build_context->dockerfile_name()),
        store.has_value() ? &*store : nullptr, context.out());
  }

  Status finish(Context& context, BuildView& display, const build::BuildRequest& request,
                const build::BuildReport& report) const {
    if (!report.unused_args.empty()) {
      context.err().print(fmt::format("[Warning] One or more build-args [{}] were not consumed\n",
                                      fmt::join(report.unused_args, " ")));
    }
    for (const std::string& warning : report.warnings) context.warn(warning);
    STRATA_CHECK(options_.write_files(report.image, request.tags));
    display.image_built(report.image, request.tags);
    return {};
  }

  // Called by the threads of stages.
  Status fetch(Context& context, store::Store& store, const std::string& name,
               const oci::Platform& platform) {
    STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
    STRATA_TRY(registry::Client * client, open_client(context));
    std::lock_guard one_at_a_time(fetching_);
    reference = reference.with_default_tag();
    STRATA_TRY(auto repository, client->repository(reference, registry::Access::kPull));
    // Line by line, since other stages may be printing.
    ProgressMode mode = context.progress_mode();
    if (mode == ProgressMode::kTerminal) mode = ProgressMode::kPlain;
    if (options_.quiet() || is_raw(context)) mode = ProgressMode::kNone;
    Output& words = to_standard_output_ ? context.err() : context.out();
    PullDisplay display(mode, ProgressDisplay::to_descriptor(words.fd()));
    registry::PullOptions options;
    options.platform = platform;
    options.watcher = &display;
    Result<registry::PullReport> report =
        registry::pull(store, *repository, reference, options, context.pool());
    display.close();
    return report.ok() ? Status() : Status(std::move(report).error());
  }

  Result<registry::Client*> open_client(Context& context) {
    auto client = client_.lock();
    if (*client == nullptr) {
      STRATA_TRY(*client, registry_.open_client(context));
    }
    return client->get();
  }

  BuildOptions options_;
  std::vector<BuildOutput> outputs_;
  bool to_standard_output_ = false;
  RegistryOptions registry_;
  Guarded<std::unique_ptr<registry::Client>> client_;
  std::mutex fetching_;
};

}  // namespace

std::unique_ptr<Command> make_build() { return std::make_unique<Build>(); }

}  // namespace strata::cli
