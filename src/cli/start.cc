// SPDX-License-Identifier: Apache-2.0
// start: the program of a container that exists, in the foreground.
#include "cli/attach.h"
#include "cli/routes.h"
#include "runtime/container_record.h"
#include "runtime/container_status.h"
#include "runtime/remove.h"

namespace strata::cli {
namespace {

class Start final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "attach", "Attach STDOUT/STDERR and forward signals", attach_);
    options.flag('i', "interactive", "Attach container's STDIN", interactive_);
    options.text(kNoShort, "network", "network", "host or none, instead of what the container has",
                 network_);
    options.check_last([](const std::string& value) {
      const bool known = value == "host" || value == "none";
      return known ? Status() : Status(Error(ErrorCode::kInvalid, "must be host or none"));
    });
    options.text(kNoShort, "runtime", "string",
                 "OCI runtime to use (STRATA_RUNTIME; crun, else runc)", runtime_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(store::Store store, context.open_for_writing());
    STRATA_CHECK(runtime::settle_killed_containers(store));
    STRATA_TRY(runtime::ContainerRecord record, runtime::find_container(store, arguments[0]));
    STRATA_TRY(runtime::ContainerStatus status, runtime::status_of(store, record));
    const bool attach = attach_ || interactive_;
    if (status.running) {
      if (attach) {
        return error(ErrorCode::kUnsupported,
                     "container {} runs already; only who started it is attached (see logs)",
                     record.name);
      }
      context.out().print(arguments[0] + "\n");
      return 0;
    }
    if (!attach) context.out().print(arguments[0] + "\n");
    Attachment attachment{.input = interactive_ && record.config.open_stdin,
                          .output = attach,
                          .error = attach,
                          .terminal = record.config.tty,
                          .runtime = runtime_};
    if (!network_.empty()) attachment.network = network_;
    STRATA_TRY(int code, run_attached(context, store, record.id, attachment));
    return attach ? code : 0;
  }

 private:
  bool attach_ = false;
  bool interactive_ = false;
  std::string network_;
  std::string runtime_;
};

}  // namespace

std::unique_ptr<Command> make_start() { return std::make_unique<Start>(); }

}  // namespace strata::cli
