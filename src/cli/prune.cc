// SPDX-License-Identifier: Apache-2.0
// image prune: all images that nobody needs.
#include "store/prune.h"

#include "cli/filters.h"
#include "cli/routes.h"
#include "cli/units.h"
#include "cli/way_out.h"

namespace strata::cli {
namespace {

class Prune final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "all", "Remove all unused images, not just dangling ones", all_);
    options.flag(kNoShort, "dry-run", "Say what would be removed, and remove nothing", dry_run_);
    options.list(kNoShort, "filter", "filter",
                 "Provide filter values (until=<timestamp>, label=<label>, label!=<label>)",
                 filters_);
    options.check_last(Filters::check_form);
    options.flag('f', "force", "Do not prompt for confirmation", force_);
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    STRATA_TRY(store::PruneOptions options, read_options());
    if (!force_ && !dry_run_) {
      STRATA_TRY(bool wanted, context.confirm(warning(options.all)));
      if (!wanted) {
        context.out().print("Total reclaimed space: 0B\n");
        return 0;
      }
    }
    STRATA_TRY(store::Store store,
               dry_run_ ? context.open_for_reading() : context.open_for_writing());
    Result<store::PruneReport> report = store::prune_images(store, context.pool(), options);
    if (!report.ok()) return with_way_out(report.error(), store, Remover::kPrune);
    print(context, *report);
    return 0;
  }

 private:
  Result<store::PruneOptions> read_options() const {
    STRATA_TRY(Filters filters, Filters::parse(filters_));
    STRATA_CHECK(filters.check_names({"dangling", "label", "label!", "until"}));
    store::PruneOptions options;
    STRATA_TRY(std::optional<bool> dangling_only, filters.yes_or_no("dangling"));
    options.all = all_ || dangling_only == false;
    options.dry_run = dry_run_;
    STRATA_TRY(options.until, filters.only_until());
    options.labels = filters.values("label");
    options.without_labels = filters.values("label!");
    return options;
  }

  static std::string_view warning(bool all) {
    return all ? "WARNING! This will remove all images without at least one container associated "
                 "to them."
               : "WARNING! This will remove all dangling images.";
  }

  void print(Context& context, const store::PruneReport& report) const {
    if (!report.events.empty()) {
      context.out().print(dry_run_ ? "Images to delete:\n" : "Deleted Images:\n");
      for (const store::RemovalEvent& event : report.events) {
        bool untagged = event.kind == store::RemovalEvent::Kind::kUntagged;
        context.out().print(fmt::format("{}: {}\n", untagged ? "untagged" : "deleted", event.what));
      }
      context.out().print("\n");
    }
    context.out().print(fmt::format("Total {}: {}\n",
                                    dry_run_ ? "space to reclaim" : "reclaimed space",
                                    human_size(static_cast<double>(report.reclaimed_bytes))));
  }

  bool all_ = false;
  bool dry_run_ = false;
  bool force_ = false;
  std::vector<std::string> filters_;
};

}  // namespace

std::unique_ptr<Command> make_prune() { return std::make_unique<Prune>(); }

}  // namespace strata::cli
