// SPDX-License-Identifier: Apache-2.0
// diff: what a container changed.
#include "runtime/diff.h"

#include "cli/routes.h"

namespace strata::cli {
namespace {

class Diff final : public Command {
 public:
  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (arguments[0].empty()) return context.fail("Container name cannot be empty");
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_CHECK(
        runtime::diff(store, arguments[0], [&](const driver::TreeChange& change) -> Status {
          context.out().print(fmt::format("{} /{}\n", static_cast<char>(change.kind), change.path));
          return {};
        }));
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_diff() { return std::make_unique<Diff>(); }

}  // namespace strata::cli
