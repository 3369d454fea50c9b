// SPDX-License-Identifier: Apache-2.0
// create, run: a new container of an image; run also runs its program, in the foreground.
#include <unistd.h>

#include "cli/attach.h"
#include "cli/container_options.h"
#include "cli/find_image.h"
#include "cli/routes.h"
#include "runtime/remove.h"

namespace strata::cli {
namespace {

constexpr int kFailed = 125;  // docker's, when the container is at fault and not its program

// Before the container, which would stay without anybody who knows its ID. Invalid without a path.
Result<Fd> make_cid_file(const std::string& path) {
  if (path.empty()) return Fd();
  Result<Fd> file = open_at(Fd(), path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (!file.ok() && file.error().code() == ErrorCode::kConflict) {
    return error(ErrorCode::kConflict,
                 "Container ID file found, make sure the other container isn't running or delete "
                 "{}",
                 path);
  }
  return std::move(file).context("failed to create the container ID file");
}

// The ID of the new container.
Result<std::string> make_container(Context& context, const ContainerOptions& options,
                                   runtime::NewContainer wanted, store::Store& store) {
  STRATA_TRY(wanted.image, find_or_pull_image(context, store, wanted.image_name, options.pull(),
                                              options.platform()));
  STRATA_TRY(Fd cid_file, make_cid_file(options.cid_file()));
  Result<std::string> id = runtime::create_container(store, std::move(wanted));
  if (!cid_file.valid()) return id;
  if (id.ok()) {
    STRATA_CHECK(write_all(cid_file.get(), as_bytes(*id)));
  } else {
    (void)unlink_at(Fd(), options.cid_file()).ok();
  }
  return id;
}

// As docker says what is wrong with the options of these commands, and whatever `run` fails at.
Result<int> fail(Context& context, std::string_view command, const Error& error) {
  if (error.code() == ErrorCode::kCancelled) return error;
  std::string_view text = error.message();
  if (text.ends_with('.')) text.remove_suffix(1);
  return context.fail(fmt::format("strata: {}.\nSee 'strata {} --help'.", text, command), kFailed);
}

class Create final : public Command {
 public:
  void declare(Options& options) override { options_.declare(options); }
  bool options_end_at_argument() const override { return true; }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    Result<runtime::NewContainer> wanted = options_.read(arguments);
    if (!wanted.ok()) return fail(context, "create", wanted.error());
    STRATA_TRY(store::Store store, context.open_for_writing(Context::IfMissing::kCreate));
    STRATA_CHECK(runtime::settle_killed_containers(store));
    STRATA_TRY(std::string id, make_container(context, options_, std::move(*wanted), store));
    context.out().print(id + "\n");
    return 0;
  }

 private:
  ContainerOptions options_;
};

class Run final : public Command {
 public:
  void declare(Options& options) override {
    options_.declare(options);
    options_.declare_detach(options);
    options.flag(kNoShort, "sig-proxy", "Proxy received signals to the process", proxy_signals_);
  }
  bool options_end_at_argument() const override { return true; }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    Result<runtime::NewContainer> wanted = options_.read(arguments);
    if (!wanted.ok()) return fail(context, "run", wanted.error());
    if (options_.detach()) {
      return context.fail(
          "strata: --detach: there is no daemon that a container could be left to; run it in the "
          "foreground, or with another program that keeps it (systemd-run, nohup)",
          kFailed);
    }
    if (options_.terminal() && options_.interactive() && ::isatty(STDIN_FILENO) == 0) {
      return context.fail("the input device is not a TTY");
    }
    Result<store::Store> store = context.open_for_writing(Context::IfMissing::kCreate);
    if (!store.ok()) return fail(context, "run", store.error());
    STRATA_CHECK(runtime::settle_killed_containers(*store));
    const Attachment attached{.input = options_.interactive(),
                              .output = wanted->config.attach_stdout,
                              .error = wanted->config.attach_stderr,
                              .terminal = options_.terminal(),
                              .proxy_signals = proxy_signals_,
                              .runtime = options_.runtime()};
    Result<std::string> id = make_container(context, options_, std::move(*wanted), *store);
    if (!id.ok()) return fail(context, "run", id.error());
    if (!attached.output && !attached.error) context.out().print(*id + "\n");
    return run_attached(context, *store, *id, attached);
  }

 private:
  ContainerOptions options_;
  bool proxy_signals_ = true;
};

}  // namespace

std::unique_ptr<Command> make_create() { return std::make_unique<Create>(); }
std::unique_ptr<Command> make_run() { return std::make_unique<Run>(); }

}  // namespace strata::cli
