// SPDX-License-Identifier: Apache-2.0
// rm, container prune: containers away.
#include "cli/container_rows.h"
#include "cli/filters.h"
#include "cli/for_each_container.h"
#include "cli/routes.h"
#include "cli/units.h"
#include "cli/way_out.h"
#include "runtime/remove.h"

namespace strata::cli {
namespace {

class Rm final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('f', "force", "Force the removal of a running container (uses SIGKILL)",
                 options_.force);
    options.flag('v', "volumes", "Remove anonymous volumes associated with the container",
                 options_.volumes);
  }

  Result<int> run(Context& context, const std::vector<std::string>& names) override {
    STRATA_TRY(store::Store store, context.open_for_writing());
    STRATA_CHECK(runtime::settle_killed_containers(store));
    return for_each_container(
        context, store, names,
        [&](const auto& record, const auto& name) -> Status {
          Status removed = runtime::remove_container(store, record.id, options_);
          if (!removed.ok()) return with_way_out(removed.error(), store, Remover::kOne);
          context.out().print(name + "\n");
          return {};
        },
        options_.force);
  }

 private:
  runtime::RemoveContainerOptions options_;
};

class ContainerPrune final : public Command {
 public:
  void declare(Options& options) override {
    options.list(kNoShort, "filter", "filter",
                 "Provide filter values (until=<timestamp>, label=<label>, label!=<label>)",
                 filters_);
    options.check_last(Filters::check_form);
    options.flag('f', "force", "Do not prompt for confirmation", force_);
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    STRATA_TRY(Filters filters, Filters::parse(filters_));
    STRATA_CHECK(filters.check_names({"label", "label!", "until"}));
    STRATA_TRY(std::optional<oci::Time> until, filters.only_until());
    uint64_t reclaimed_bytes = 0;
    bool wanted = force_;
    if (!wanted) {
      STRATA_TRY(wanted, context.confirm("WARNING! This will remove all stopped containers."));
    }
    if (wanted) {
      STRATA_TRY(store::Store store, context.open_for_writing());
      STRATA_CHECK(runtime::settle_killed_containers(store));
      STRATA_TRY(reclaimed_bytes, prune(context, store, filters, until));
    }
    context.out().print(fmt::format("Total reclaimed space: {}\n",
                                    human_size(static_cast<double>(reclaimed_bytes), 4)));
    return 0;
  }

 private:
  Result<uint64_t> prune(Context& context, store::Store& store, const Filters& filters,
                         const std::optional<oci::Time>& until) const {
    STRATA_TRY(std::vector<ContainerRow> rows, list_container_rows(store, true));
    uint64_t bytes = 0;
    std::string ids;
    for (const ContainerRow& row : rows) {
      const bool young = until && !(row.record.created < *until);
      if (row.status.running || young || !filters.match_labels(labels_of(row.record))) continue;
      Status removed = runtime::remove_container(store, row.record.id, {});
      // Somebody has started or removed it meanwhile.
      if (!removed.ok()) {
        context.warn(removed.error().message());
        continue;
      }
      bytes += row.size_bytes;
      ids += row.record.id + "\n";
    }
    if (!ids.empty()) context.out().print("Deleted Containers:\n" + ids + "\n");
    return bytes;
  }

  bool force_ = false;
  std::vector<std::string> filters_;
};

}  // namespace

std::unique_ptr<Command> make_rm() { return std::make_unique<Rm>(); }
std::unique_ptr<Command> make_container_prune() { return std::make_unique<ContainerPrune>(); }

}  // namespace strata::cli
