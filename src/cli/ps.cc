// SPDX-License-Identifier: Apache-2.0
// ps: the containers of a root, those that run or all.
#include <algorithm>
#include <array>

#include "cli/container_rows.h"
#include "cli/filters.h"
#include "cli/formatter.h"
#include "cli/routes.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr std::string_view kTable =
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
constexpr std::array<std::string_view, 7> kStates = {"created",  "dead",       "exited", "paused",
                                                     "removing", "restarting", "running"};

bool is_in(std::string_view text, const std::vector<std::string>& values) {
  return std::find(values.begin(), values.end(), text) != values.end();
}

// Which containers are listed, as dockerd decides it. Several values of a filter: one of them.
class Selection {
 public:
  static Result<Selection> create(const store::Store& store, const std::vector<ContainerRow>& rows,
                                  const Filters& filters) {
    STRATA_CHECK(filters.check_names({"ancestor", "before", "exited", "id", "label", "name",
                                      "network", "since", "status", "volume"}));
    for (const std::string& state : filters.values("status")) {
      if (std::find(kStates.begin(), kStates.end(), state) == kStates.end()) {
        return error(ErrorCode::kInvalid, "Invalid filter 'status={}'", state);
      }
    }
    Selection selection(filters);
    for (const std::string& name : filters.values("ancestor")) {
      Result<store::Resolved> found = store::resolve(store, name);
      if (found.ok()) selection.ancestors_.push_back(found->image);
    }
    STRATA_TRY(selection.before_, created(store, rows, filters.values("before")));
    STRATA_TRY(selection.since_, created(store, rows, filters.values("since")));
    return selection;
  }

  bool takes(const ContainerRow& row) const {
    const auto& record = row.record;
    if (before_ && !(record.created < *before_)) return false;
    if (since_ && !(record.created > *since_)) return false;
    if (filters_.has("ancestor") &&
        std::find(ancestors_.begin(), ancestors_.end(), record.image) == ancestors_.end()) {
      return false;
    }
    return takes_state(row) && takes_names(row) && takes_mounts(row) &&
           filters_.match_labels(labels_of(row.record));
  }

  // A filter that asks for containers that do not run finds them without -a.
  bool wants_all() const { return filters_.has("status") || filters_.has("exited"); }

 private:
  explicit Selection(const Filters& filters) : filters_(filters) {}

  static Result<std::optional<oci::Time>> created(const store::Store& store,
                                                  const std::vector<ContainerRow>& rows,
                                                  const std::vector<std::string>& names) {
    std::optional<oci::Time> time;
    for (const std::string& name : names) {
      STRATA_TRY(runtime::ContainerRecord found, runtime::find_container(store, name));
      for (const ContainerRow& row : rows) {
        if (row.record.id == found.id) time = row.record.created;
      }
    }
    return time;
  }

  bool takes_state(const ContainerRow& row) const {
    if (filters_.has("status") && !is_in(row.status.word(), filters_.values("status")))
      return false;
    if (!filters_.has("exited")) return true;
    return row.status.word() == "exited" &&
           is_in(std::to_string(row.status.exit_code), filters_.values("exited"));
  }

  bool takes_names(const ContainerRow& row) const {
    auto any = [&](std::string_view filter, auto matches) {
      const std::vector<std::string>& values = filters_.values(filter);
      return values.empty() || std::any_of(values.begin(), values.end(), matches);
    };
    return any("id", [&](const std::string& id) { return row.record.id.starts_with(id); }) &&
           any("name",
               [&](const std::string& part) {
                 const std::string& name = row.record.name;
                 if (part.starts_with('^')) return name.starts_with(part.substr(1));
                 return name.find(part.starts_with('/') ? part.substr(1) : part) != name.npos;
               }) &&
           any("network", [&](const std::string& network) { return row.network == network; });
  }

  bool takes_mounts(const ContainerRow& row) const {
    const std::vector<std::string>& wanted = filters_.values("volume");
    return wanted.empty() ||
           std::any_of(row.mounts.begin(), row.mounts.end(), [&](const runtime::MountPoint& mount) {
             return is_in(mount.name, wanted) || is_in(mount.destination, wanted);
           });
  }

  const Filters& filters_;
  std::vector<ImageId> ancestors_;
  std::optional<oci::Time> before_;
  std::optional<oci::Time> since_;
};

class Ps final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "all", "Show all containers (default shows just running)", all_);
    options.list('f', "filter", "filter", "Filter output based on conditions provided", filters_);
    options.check_last(Filters::check_form);
    options.text(kNoShort, "format", "string",
                 "Pretty-print containers using a Go template, json or raw", format_);
    options.number('n', "last", "Show n last created containers (includes all states)", last_);
    options.flag('l', "latest", "Show the latest created container (includes all states)", latest_);
    options.flag(kNoShort, "no-trunc", "Don't truncate output", no_trunc_);
    options.flag('q', "quiet", "Only display container IDs", quiet_);
    options.flag('s', "size", "Display total file sizes", size_);
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    STRATA_TRY(Filters filters, Filters::parse(filters_));
    STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
    std::vector<Value> values;
    if (store) {
      STRATA_TRY(std::vector<ContainerRow> rows, select(*store, filters));
      for (ContainerRow& row : rows) values.push_back(container_row(std::move(row)));
    }
    return context.print(format_rows(chosen_format(context), values, container_headings()));
  }

 private:
  Result<std::vector<ContainerRow>> select(const store::Store& store,
                                           const Filters& filters) const {
    const bool sizes = size_ || format_.find(".Size") != format_.npos || format_ == "json";
    STRATA_TRY(std::vector<ContainerRow> rows, list_container_rows(store, sizes));
    STRATA_TRY(Selection selection, Selection::create(store, rows, filters));
    const size_t most = latest_ ? 1 : last_;
    const bool all = all_ || most > 0 || selection.wants_all();
    std::erase_if(rows, [&](const ContainerRow& row) {
      return (!all && !row.status.running) || !selection.takes(row);
    });
    if (most > 0 && rows.size() > most) rows.resize(most);
    for (ContainerRow& row : rows) row.truncate = !no_trunc_;
    return rows;
  }

  std::string chosen_format(const Context& context) const {
    const bool quiet = quiet_ || context.global().quiet;
    if (format_ == kRawFormat) {
      return quiet ? "container_id: {{.ID}}" : raw_container_format(size_);
    }
    if (!format_.empty() && format_ != "table") return format_;
    if (quiet) return "{{.ID}}";
    return std::string(kTable) + (size_ ? "\t{{.Size}}" : "");
  }

  bool all_ = false, latest_ = false, no_trunc_ = false, quiet_ = false, size_ = false;
  unsigned last_ = 0;
  std::string format_;
  std::vector<std::string> filters_;
};

}  // namespace

std::unique_ptr<Command> make_ps() { return std::make_unique<Ps>(); }

}  // namespace strata::cli
