// SPDX-License-Identifier: Apache-2.0
// commit: an image of a container.
#include "runtime/commit.h"

#include "cli/new_image_options.h"
#include "cli/routes.h"

namespace strata::cli {
namespace {

class Commit final : public Command {
 public:
  void declare(Options& options) override {
    options.text('a', "author", "string",
                 "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")", author_);
    options.text(kNoShort, "as-docker", "version", "Write the layer as docker 20.10 does, or 24",
                 as_docker_);
    options.hide_last();
    options.list('c', "change", "list", "Apply Dockerfile instruction to the created image",
                 changes_);
    options.text('m', "message", "string", "Commit message", message_);
    options.flag('p', "pause", "Pause container during commit", pause_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    runtime::CommitOptions options;
    options.container = arguments[0];
    options.author = author_;
    options.message = message_;
    options.pause = pause_;
    STRATA_TRY(options.reference,
               new_image_name(arguments.size() > 1 ? arguments[1] : "",
                              "refusing to create a tag with a digest reference"));
    STRATA_TRY(options.change, config_change(changes_));
    if (as_docker_ == "20.10") {
      options.header_style = tar::HeaderStyle::kDocker20;
      STRATA_TRY(Fd etc, open_path("/etc", O_PATH | O_DIRECTORY));
      STRATA_TRY(options.owner_names, driver::read_owner_names(etc));
    }
    STRATA_TRY(store::Store store, context.open_for_writing());
    STRATA_TRY(ImageId image, runtime::commit(store, options, context.pool()));
    context.out().print(fmt::format("{}\n", image));
    return 0;
  }

 private:
  std::string as_docker_ = "24";
  std::string author_;
  std::vector<std::string> changes_;
  std::string message_;
  bool pause_ = true;
};

}  // namespace

std::unique_ptr<Command> make_commit() { return std::make_unique<Commit>(); }

}  // namespace strata::cli
