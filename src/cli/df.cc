// SPDX-License-Identifier: Apache-2.0
// system df: what images and containers take of the disk.
#include <algorithm>
#include <array>

#include "cli/container_rows.h"
#include "cli/formatter.h"
#include "cli/image_rows.h"
#include "cli/names.h"
#include "cli/routes.h"
#include "cli/units.h"
#include "store/usage.h"

namespace strata::cli {
namespace {

constexpr std::string_view kTable =
    "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
constexpr std::string_view kImageTable =
    "table "
    "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.VirtualSize}}\t{{.SharedSize}}\t"
    "{{.UniqueSize}}\t{{.Containers}}";
constexpr std::string_view kContainerTable =
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t"
    "{{.Status}}\t{{.Names}}";

constexpr std::string_view kRaw =
    "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n"
    "reclaimable: {{.Reclaimable}}\n";

std::string raw_verbose_format() {
  return fmt::format(
      "{{{{range .Images}}}}type: Image\n{}\n{{{{end -}}}}\n"
      "{{{{range .Containers}}}}type: Container\n{}\n{{{{end -}}}}\n",
      raw_image_format(true), raw_container_format(true));
}

struct Total {
  std::string_view type;
  size_t count;
  size_t active;
  uint64_t bytes;
  uint64_t reclaimable_bytes;
};

std::string reclaimable(const Total& total) {
  std::string size = human_size(static_cast<double>(total.reclaimable_bytes));
  if (total.bytes == 0) return size;
  return fmt::format("{} ({}%)", size, total.reclaimable_bytes * 100 / total.bytes);
}

const std::array<Column<Total>, 5> kTotalTable{{
    {"Active", "ACTIVE", [](const Total& total) { return std::to_string(total.active); }},
    {"Reclaimable", "RECLAIMABLE", reclaimable},
    {"Size", "SIZE",
     [](const Total& total) { return human_size(static_cast<double>(total.bytes)); }},
    {"TotalCount", "TOTAL", [](const Total& total) { return std::to_string(total.count); }},
    {"Type", "TYPE", [](const Total& total) { return std::string(total.type); }},
}};
const std::span<const Column<Total>> kTotalColumns(kTotalTable);

std::vector<Total> totals(const store::DiskUsage& usage) {
  std::vector<Total> totals = {{"Images", usage.images.size(), usage.active_images(),
                                usage.layer_bytes, usage.reclaimable_image_bytes()},
                               {"Containers", usage.containers.size(), usage.active_containers(),
                                usage.container_bytes(), usage.reclaimable_container_bytes()}};
  // docker has no such row.
  const store::BlobUsage& kept = usage.kept_blobs;
  if (kept.blobs > 0) {
    totals.push_back({"Downloads", kept.blobs, kept.claimed, kept.bytes, kept.unclaimed_bytes});
  }
  return totals;
}

std::vector<Value> rows_of_totals(const store::DiskUsage& usage) {
  std::vector<Value> rows;
  for (const Total& total : totals(usage)) {
    rows.push_back(Value::record(std::make_shared<RowRecord<Total>>(
        fmt::format("*formatter.diskUsage{}Context", total.type), kTotalColumns, total)));
  }
  return rows;
}

std::vector<Value> rows_of_images(const store::DiskUsage& usage, bool truncate) {
  std::vector<const store::ImageUsage*> sorted;
  for (const store::ImageUsage& image : usage.images) sorted.push_back(&image);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return a->row.config.created > b->row.config.created;
  });
  std::vector<Value> rows;
  for (const store::ImageUsage* image : sorted) {
    rows.push_back(used_image_row(
        image->row, {image->shared_bytes, image->unique_bytes(), image->containers}, truncate));
  }
  return rows;
}

// As `ps` shows them; what they take is known already.
Result<std::vector<Value>> rows_of_containers(const store::Store& store,
                                              const store::DiskUsage& usage, bool truncate) {
  STRATA_TRY(std::vector<ContainerRow> rows, list_container_rows(store, false));
  std::vector<Value> values;
  for (ContainerRow& row : rows) {
    row.truncate = truncate;
    for (const store::ContainerUsage& used : usage.containers) {
      if (used.container.id == row.record.id) row.size_bytes = used.written_bytes;
    }
    values.push_back(container_row(std::move(row)));
  }
  return values;
}

Value list_of(std::vector<Value> rows, std::string_view type) {
  return Value::list({std::move(rows), type});
}

class Df final : public Command {
 public:
  void declare(Options& options) override {
    options.text(kNoShort, "format", "string", "Pretty-print using a Go template, json or raw",
                 format_);
    options.flag('v', "verbose", "Show detailed information on space usage", verbose_);
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
    store::DiskUsage usage;
    if (store) {
      STRATA_TRY(usage, store::disk_usage(*store, context.pool()));
    }
    if (!verbose_) return context.print(summary(usage));
    std::vector<Value> containers;
    if (store) {
      STRATA_TRY(containers, rows_of_containers(*store, usage, is_table()));
    }
    return context.print(verbose(usage, std::move(containers)));
  }

 private:
  bool is_table() const { return format_.empty() || format_ == "table"; }
  bool is_raw() const { return format_ == kRawFormat; }

  Result<std::string> summary(const store::DiskUsage& usage) const {
    const std::string_view format = is_table() ? kTable : is_raw() ? kRaw : format_;
    return format_rows(format, rows_of_totals(usage), headings_of(kTotalColumns));
  }

  Result<std::string> verbose(const store::DiskUsage& usage,
                              std::vector<Value> container_rows) const {
    if (!is_table()) {
      Value images = list_of(rows_of_images(usage, false), "*formatter.imageContext");
      Value containers = list_of(std::move(container_rows), "*formatter.ContainerContext");
      return format_value(
          is_raw() ? raw_verbose_format() : format_,
          Struct::make("*formatter.diskUsageContext", {{"Images", "", std::move(images)},
                                                       {"Containers", "", std::move(containers)}}));
    }
    STRATA_TRY(std::string images,
               format_rows(kImageTable, rows_of_images(usage, true), image_headings()));
    STRATA_TRY(std::string containers,
               format_rows(kContainerTable, std::move(container_rows), container_headings()));
    return fmt::format("Images space usage:\n\n{}\nContainers space usage:\n\n{}", images,
                       containers);
  }

  std::string format_;
  bool verbose_ = false;
};

}  // namespace

std::unique_ptr<Command> make_df() { return std::make_unique<Df>(); }

}  // namespace strata::cli
