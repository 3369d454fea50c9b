// SPDX-License-Identifier: Apache-2.0
// rmi: names of images away, and with the last name the image.
#include "cli/routes.h"
#include "cli/way_out.h"
#include "store/remove_image.h"

namespace strata::cli {
namespace {

class Rmi final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('f', "force", "Force removal of the image", force_);
    options.flag(kNoShort, "no-prune", "Do not delete untagged parents", no_prune_);
  }

  // Goes on after a name that fails; an unknown one is not worth an exit code when forced.
  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(store::Store store, context.open_for_writing());
    std::string failures;
    int code = 0;
    for (const std::string& name : arguments) {
      auto events = store::remove_image(store, name, {force_, !no_prune_});
      if (!events.ok()) {
        bool unknown = events.error().code() == ErrorCode::kNotFound;
        if (!unknown || !force_) code = 1;
        failures += (failures.empty() ? "Error: " : "\nError: ") +
                    with_way_out(events.error(), store, Remover::kOne).message();
        continue;
      }
      for (const store::RemovalEvent& event : *events) {
        bool untagged = event.kind == store::RemovalEvent::Kind::kUntagged;
        context.out().print(fmt::format("{}: {}\n", untagged ? "Untagged" : "Deleted", event.what));
      }
    }
    return failures.empty() ? 0 : context.fail(failures, code);
  }

 private:
  bool force_ = false;
  bool no_prune_ = false;
};

}  // namespace

std::unique_ptr<Command> make_rmi() { return std::make_unique<Rmi>(); }

}  // namespace strata::cli
