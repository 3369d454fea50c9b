// SPDX-License-Identifier: Apache-2.0
// import: an image of the tar of a root file system.
#include "runtime/import.h"

#include <unistd.h>

#include "base/interrupt.h"
#include "cli/confine_to.h"
#include "cli/new_image_options.h"
#include "cli/routes.h"
#include "registry/web_file.h"

namespace strata::cli {
namespace {

constexpr std::string_view kStandardInput = "-";

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

class Import final : public Command {
 public:
  void declare(Options& options) override {
    options.list('c', "change", "list", "Apply Dockerfile instruction to the created image",
                 changes_);
    options.text('m', "message", "string", "Set commit message for imported image", message_);
    options.text(kNoShort, "platform", "string", "Set platform if server is multi-platform capable",
                 platform_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    runtime::ImportOptions options;
    options.message = message_;
    options.platform = oci::Platform::host();
    if (!platform_.empty()) {
      STRATA_TRY(options.platform, oci::Platform::parse(platform_));
    }
    STRATA_TRY(options.reference, new_image_name(arguments.size() > 1 ? arguments[1] : "",
                                                 "cannot import digest reference"));
    STRATA_TRY(options.change, config_change(changes_));
    if (is_url(arguments[0])) {
      options.source = arguments[0];
      context.out().print(fmt::format("Downloading from {}\n", options.source));
    }
    STRATA_TRY(std::unique_ptr<ByteSource> tar, open_source(arguments[0], context.pool()));
    STRATA_TRY(store::Store store, context.open_for_writing(Context::IfMissing::kCreate));
    confine_to(context, store, is_url(arguments[0]) ? Network::kNeeded : Network::kNone);
    STRATA_TRY(runtime::ImportReport report, runtime::import(store, *tar, options, context.pool()));
    for (const std::string& warning : report.warnings) context.warn(warning);
    context.out().print(fmt::format("{}\n", report.image));
    return 0;
  }

 private:
  Result<std::unique_ptr<ByteSource>> open_source(const std::string& name, Pool& pool) {
    if (name == kStandardInput) return std::unique_ptr<ByteSource>(new WaitingSource(STDIN_FILENO));
    if (is_url(name)) {
      STRATA_TRY(std::unique_ptr<registry::WebFile> file,
                 registry::WebFile::open(name, registry::client_options(), pool));
      return std::unique_ptr<ByteSource>(std::move(file));
    }
    STRATA_TRY(file_, open_path(name, O_RDONLY));
    return std::unique_ptr<ByteSource>(new WaitingSource(file_.get()));
  }

  std::vector<std::string> changes_;
  std::string message_;
  std::string platform_;
  Fd file_;
};

}  // namespace

std::unique_ptr<Command> make_import() { return std::make_unique<Import>(); }

}  // namespace strata::cli
