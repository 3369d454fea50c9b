// SPDX-License-Identifier: Apache-2.0
// version: of the program; there is no server.
#include "cli/formatter.h"
#include "cli/routes.h"
#include "oci/platform.h"

namespace strata::cli {
namespace {

class Version final : public Command {
 public:
  void declare(Options& options) override {
    options.text('f', "format", "string", "Format the output using the given Go template, or json",
                 format_);
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    const oci::Platform host = oci::Platform::host();
    if (format_.empty()) {
      context.out().print(
          fmt::format("Client:\n Version:           {}\n OS/Arch:           {}/{}\n",
                      STRATA_VERSION, host.os, host.architecture));
      return 0;
    }
    Value client =
        Struct::make("*system.clientVersion", {{"Version", "", Value::string(STRATA_VERSION)},
                                               {"Os", "", Value::string(host.os)},
                                               {"Arch", "", Value::string(host.architecture)}});
    Value both = Struct::make("system.versionInfo", {{"Client", "", client},
                                                     {"Server", "", Value::nil("*types.Version")}});
    return context.print(format_value(format_, both));
  }

 private:
  std::string format_;
};

}  // namespace

std::unique_ptr<Command> make_version() { return std::make_unique<Version>(); }

}  // namespace strata::cli
