// SPDX-License-Identifier: Apache-2.0
// layers: what an image is made of, base first, and which other images have it too.
#include <algorithm>
#include <array>
#include <set>

#include "archive/layer_list.h"
#include "cli/formatter.h"
#include "cli/names.h"
#include "cli/routes.h"
#include "cli/units.h"
#include "store/list_images.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr std::string_view kTable =
    "table {{.DiffID}}\t{{.ChainID}}\t{{.CacheID}}\t{{.Size}}\t{{.SharedWith}}";
constexpr size_t kSharedColumns = 60;

struct Row {
  store::Layer layer;
  std::vector<std::string> shared_with;  // names, or short IDs of images without a name
  bool truncate = true;
};

std::string shared_with(const Row& row) {
  std::string all;
  for (const std::string& name : row.shared_with) all += (all.empty() ? "" : ", ") + name;
  return row.truncate ? ellipsis(all, kSharedColumns) : all;
}

const std::array<Column<Row>, 5> kColumnTable{{
    {"CacheID", "CACHE ID",
     [](const Row& row) {
       return row.truncate ? row.layer.cache.name().substr(0, 12) : row.layer.cache.name();
     }},
    {"ChainID", "CHAIN ID", [](const Row& row) { return id_text(row.layer.chain, row.truncate); }},
    {"DiffID", "DIFF ID", [](const Row& row) { return id_text(row.layer.diff, row.truncate); }},
    {"SharedWith", "SHARED WITH", shared_with},
    {"Size", "SIZE",
     [](const Row& row) { return human_size(static_cast<double>(row.layer.size_bytes), 3); }},
}};
const std::span<const Column<Row>> kColumns(kColumnTable);

// Other images that have the layer: by their names; images without one only if nothing is built on
// them, as in lists.
std::vector<std::string> images_with(const store::ImageList& images, const ImageId& but,
                                     const ChainId& chain) {
  std::vector<std::string> names;
  for (const store::ImageRow& image : images.rows) {
    bool has = std::find(image.chains.begin(), image.chains.end(), chain) != image.chains.end();
    if (image.id == but || !has) continue;
    if (image.references.empty() && !image.has_children) names.push_back(image.id.short_hex());
    names.insert(names.end(), image.references.begin(), image.references.end());
  }
  return names;
}

class Layers final : public Command {
 public:
  void declare(Options& options) override {
    options.flag(kNoShort, "export", "List layers for \"strata save --have\"; all without an IMAGE",
                 export_);
    options.text(kNoShort, "format", "string",
                 "Pretty-print the layers using a Go template, or json", format_);
    options.flag(kNoShort, "no-trunc", "Don't truncate output", no_trunc_);
    options.flag('q', "quiet", "Only show diffIDs", quiet_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (export_) return export_list(context, arguments);
    if (arguments.size() != 1) {
      return context.fail("\"strata layers\" requires exactly 1 argument, or --export.");
    }
    STRATA_TRY(store::Store store, context.open_for_reading());
    // What somebody removes or loads again meanwhile is not damaged.
    constexpr int kTries = 5;
    for (int tries = 0; tries < kTries; ++tries) {
      STRATA_TRY(store::Resolved found, store::resolve(store, arguments[0]));
      STRATA_TRY(std::optional<std::vector<Value>> rows, rows_of(context, store, found.image));
      if (!rows) continue;
      return context.print(format_rows(chosen_format(context), *rows, headings_of(kColumns)));
    }
    return error(ErrorCode::kCorrupt, "image {} is damaged, or one of its layers is", arguments[0]);
  }

 private:
  // None: not all of it is there.
  Result<std::optional<std::vector<Value>>> rows_of(Context& context, const store::Store& store,
                                                    const ImageId& id) const {
    STRATA_TRY(store::ImageList images, store::list_images(store, context.pool()));
    auto image = std::find_if(images.rows.begin(), images.rows.end(),
                              [&](const store::ImageRow& row) { return row.id == id; });
    if (image == images.rows.end()) return std::optional<std::vector<Value>>();
    std::vector<Value> rows;
    for (const ChainId& chain : image->chains) {
      STRATA_TRY(std::optional<store::Layer> layer, store.layers().find(chain));
      if (!layer) return std::optional<std::vector<Value>>();
      Row row{std::move(*layer), images_with(images, id, chain), !no_trunc_};
      rows.push_back(
          Value::record(std::make_shared<RowRecord<Row>>("layer", kColumns, std::move(row))));
    }
    return std::optional(std::move(rows));
  }

  Result<int> export_list(Context& context, const std::vector<std::string>& names) const {
    if (!format_.empty() || quiet_ || no_trunc_) {
      return error(ErrorCode::kInvalid,
                   "--export has a format of its own: --format, --quiet and --no-trunc do not go "
                   "with it");
    }
    STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
    std::vector<store::Layer> layers;
    if (names.empty() && store) {
      STRATA_TRY(layers, archive::usable_layers(*store));
    }
    std::set<ChainId> listed;
    for (const std::string& name : names) {
      if (!store) return error(ErrorCode::kNotFound, "No such image: {}", name);
      STRATA_TRY(store::Resolved found, store::resolve(*store, name));
      STRATA_TRY(std::vector<store::Layer> chain, archive::layers_of_image(*store, found.image));
      for (const store::Layer& layer : chain) {
        if (listed.insert(layer.chain).second) layers.push_back(layer);
      }
    }
    context.out().print(archive::layer_list_text(layers));
    return 0;
  }

  std::string chosen_format(const Context& context) const {
    if (!format_.empty() && format_ != "table") return format_;
    return std::string(quiet_ || context.global().quiet ? "{{.DiffID}}" : kTable);
  }

  bool export_ = false;
  std::string format_;
  bool no_trunc_ = false;
  bool quiet_ = false;
};

}  // namespace

std::unique_ptr<Command> make_layers() { return std::make_unique<Layers>(); }

}  // namespace strata::cli
