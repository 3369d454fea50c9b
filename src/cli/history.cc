// SPDX-License-Identifier: Apache-2.0
// history: the steps that made an image, newest first.
#include <algorithm>
#include <array>

#include "cli/formatter.h"
#include "cli/names.h"
#include "cli/routes.h"
#include "cli/time_text.h"
#include "cli/units.h"
#include "oci/image_config.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr std::string_view kMissing = "<missing>";
constexpr size_t kCommandColumns = 45;

struct Row {
  std::optional<ImageId> image;
  oci::History step;
  uint64_t size_bytes = 0;
  bool truncate = true;
  bool human = true;
};

std::string created_by(const Row& row) {
  std::string text = row.step.created_by;
  std::replace(text.begin(), text.end(), '\t', ' ');
  return row.truncate ? ellipsis(text, kCommandColumns) : text;
}

const std::array<Column<Row>, 6> kColumnTable{{
    {"Comment", "COMMENT", [](const Row& row) { return row.step.comment; }},
    {"CreatedAt", "CREATED AT",
     [](const Row& row) { return local_rfc3339(row.step.created.seconds); }},
    {"CreatedBy", "CREATED BY", created_by},
    {"CreatedSince", "CREATED",
     [](const Row& row) {
       return row.human ? ago(row.step.created) : local_rfc3339(row.step.created.seconds);
     }},
    {"ID", "IMAGE",
     [](const Row& row) {
       return row.image ? id_text(*row.image, row.truncate) : std::string(kMissing);
     }},
    {"Size", "SIZE",
     [](const Row& row) {
       return row.human ? human_size(static_cast<double>(row.size_bytes), 3)
                        : std::to_string(row.size_bytes);
     }},
}};
const std::span<const Column<Row>> kColumns(kColumnTable);

// The steps with the sizes of their layers, newest first. Errors: kCorrupt when there are more
// steps with a layer than layers.
Result<std::vector<Row>> read_steps(const store::Store& store, const oci::ImageConfig& config) {
  std::vector<Row> rows;
  const std::vector<ChainId> chains = config.chain_ids();
  size_t layer = 0;
  for (const oci::History& step : config.history()) {
    Row row;
    row.step = step;
    if (!step.empty_layer) {
      if (layer == chains.size()) {
        return error(ErrorCode::kCorrupt, "image {}: too many non-empty layers in History section",
                     config.id());
      }
      STRATA_TRY(row.size_bytes, store.layers().size_bytes(chains[layer++]));
    }
    rows.push_back(std::move(row));
  }
  std::reverse(rows.begin(), rows.end());
  return rows;
}

// Names the images of the newest steps, as far as parent links reach.
Status name_images(const store::Store& store, const ImageId& newest, std::vector<Row>& rows) {
  std::optional<ImageId> image = newest;
  for (Row& row : rows) {
    row.image = image;
    STRATA_TRY(image, store.images().parent(*image));
    if (!image) break;
    STRATA_TRY(bool there, store.images().exists(*image));
    if (!there) break;
  }
  return {};
}

class HistoryCommand final : public Command {
 public:
  void declare(Options& options) override {
    options.text(kNoShort, "format", "string",
                 "Pretty-print the steps using a Go template, or json", format_);
    options.flag('H', "human", "Print sizes and dates in human readable format", human_);
    options.flag(kNoShort, "no-trunc", "Don't truncate output", no_trunc_);
    options.flag('q', "quiet", "Only show image IDs", quiet_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_TRY(store::Resolved found, store::resolve(store, arguments[0]));
    STRATA_TRY(std::string raw, store.images().read_config(found.image));
    STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
    STRATA_TRY(std::vector<Row> steps, read_steps(store, config));
    STRATA_CHECK(name_images(store, found.image, steps));
    return context.print(
        format_rows(chosen_format(context), as_values(std::move(steps)), headings_of(kColumns)));
  }

 private:
  std::vector<Value> as_values(std::vector<Row> steps) const {
    std::vector<Value> rows;
    for (Row& step : steps) {
      step.truncate = !no_trunc_;
      step.human = human_;
      rows.push_back(Value::record(std::make_shared<RowRecord<Row>>("*formatter.historyContext",
                                                                    kColumns, std::move(step))));
    }
    return rows;
  }

  std::string chosen_format(const Context& context) const {
    if (!format_.empty() && format_ != "table") return format_;
    if (quiet_ || context.global().quiet) return "{{.ID}}";
    return fmt::format(
        "table {{{{.ID}}}}\t{{{{.{}}}}}\t{{{{.CreatedBy}}}}\t{{{{.Size}}}}\t{{{{.Comment}}}}",
        human_ ? "CreatedSince" : "CreatedAt");
  }

  bool human_ = true;
  bool no_trunc_ = false;
  bool quiet_ = false;
  std::string format_;
};

}  // namespace

std::unique_ptr<Command> make_history() { return std::make_unique<HistoryCommand>(); }

}  // namespace strata::cli
