// SPDX-License-Identifier: Apache-2.0
#include "store/prune.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <set>

#include "oci/reference.h"
#include "store/blob_folder.h"
#include "store/list_images.h"

namespace strata::store {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

bool has_label(const Labels& labels, std::string_view wanted) {
  size_t equals = wanted.find('=');
  return std::any_of(labels.begin(), labels.end(), [&](const auto& label) {
    return label.first == wanted.substr(0, equals) &&
           (equals == wanted.npos || label.second == wanted.substr(equals + 1));
  });
}

bool has_all(const Labels& labels, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& one) { return has_label(labels, one); });
}

bool is_candidate(const ImageRow& row, const PruneOptions& options) {
  if (row.has_children && (row.references.empty() || !options.all)) return false;
  if (options.until && row.config.created > *options.until) return false;
  if (!has_all(row.config.labels, options.labels)) return false;
  return options.without_labels.empty() || !has_all(row.config.labels, options.without_labels);
}

// Plans the removal of one image. What stands against it leaves it where it is; other errors count.
Status plan_image(RemovalPlan& plan, const ImageId& image, bool all) {
  auto attempt = [&](const std::string& name) -> Status {
    Status planned = plan.remove(image, name, RemoveOptions{});
    bool stays = !planned.ok() && (planned.error().code() == ErrorCode::kConflict ||
                                   planned.error().code() == ErrorCode::kNotFound);
    return stays ? Status() : std::move(planned);
  };
  std::vector<oci::Reference> references = plan.references_of(image);
  if (references.empty()) return attempt(image.hex());
  bool tagged = std::any_of(references.begin(), references.end(),
                            [](const oci::Reference& reference) { return !reference.digest(); });
  if (tagged && !all) return {};
  for (const oci::Reference& reference : references) {
    STRATA_CHECK(attempt(reference.full_string()));
  }
  return {};
}

// Which layers would go, were the plan carried out. Leases of operations that are under way are not
// looked at: they end.
Result<std::set<ChainId>> forecast_layers(const Store& store, const RemovalPlan& plan,
                                          const std::vector<ImageRow>& rows) {
  std::set<ChainId> held;
  for (const ImageRow& row : rows) {
    if (plan.exists(row.id) && !row.chains.empty()) held.insert(row.chains.back());
  }
  STRATA_TRY(std::vector<LayerMount> mounts, store.layers().mounts());
  for (const LayerMount& mount : mounts) {
    if (mount.parent) held.insert(*mount.parent);
  }
  STRATA_TRY(std::vector<Layer> layers, store.layers().list());
  std::map<ChainId, size_t> children;
  for (const Layer& layer : layers) {
    if (layer.parent) ++children[*layer.parent];
  }
  std::set<ChainId> gone;
  for (const RemovalStep& step : plan.steps()) {
    for (size_t i = step.chains.size(); i-- > 0;) {
      const ChainId& chain = step.chains[i];
      if (held.contains(chain) || children[chain] > 0 || !gone.insert(chain).second) break;
      if (i > 0) --children[step.chains[i - 1]];
    }
  }
  return gone;
}

// Sizes of all layers that could go, read while they are there; by the text that events use.
Result<std::map<std::string, uint64_t>> layer_sizes(const Store& store, const RemovalPlan& plan) {
  std::map<std::string, uint64_t> sizes;
  for (const RemovalStep& step : plan.steps()) {
    for (const ChainId& chain : step.chains) {
      auto [at, is_new] = sizes.try_emplace(chain.to_string());
      if (!is_new) continue;
      STRATA_TRY(std::optional<Layer> layer, store.layers().find(chain));
      if (layer) at->second = layer->size_bytes;
    }
  }
  return sizes;
}

// Of downloads that go. They have no labels: who asks for some means images.
std::chrono::seconds least_age(const PruneOptions& options) {
  bool all = options.all && options.labels.empty() && options.without_labels.empty();
  std::chrono::seconds age = all ? std::chrono::seconds(0) : BlobFolder::kStaleAfter;
  if (!options.until) return age;
  return std::max(age, std::chrono::seconds(std::time(nullptr) - options.until->seconds));
}

}  // namespace

Result<PruneReport> prune_images(Store& store, Pool& pool, const PruneOptions& options) {
  if (!options.dry_run && store.access() != Access::kWrite) {
    return error(ErrorCode::kPermission, "{}: opened for reading only", store.root_path());
  }
  PruneReport report;
  // What pulls have left that nobody went on with. First, because the rest needs room for a journal and for names.
  STRATA_TRY(report.reclaimed_bytes,
             BlobFolder(store.root()).remove_unclaimed(least_age(options), options.dry_run));
  std::optional<FileLock> lock;
  if (!options.dry_run) {
    STRATA_TRY(lock, store.reference_file().lock());
  }
  STRATA_TRY(ImageList images, list_images(store, pool));
  STRATA_TRY(RemovalPlan plan, RemovalPlan::begin(store));
  for (const ImageRow& row : images.rows) {
    if (!is_candidate(row, options) || !plan.exists(row.id)) continue;
    STRATA_CHECK(plan_image(plan, row.id, options.all));
  }
  // Beyond this point it is fixed what goes.
  STRATA_TRY(auto sizes, layer_sizes(store, plan));
  if (options.dry_run) {
    STRATA_TRY(std::set<ChainId> gone, forecast_layers(store, plan, images.rows));
    report.events = removal_events(plan, std::move(gone));
  } else {
    STRATA_TRY(report.events, carry_out(store, plan, std::move(*lock)));
  }
  for (const RemovalEvent& event : report.events) {
    bool is_layer = event.kind == RemovalEvent::Kind::kDeleted && sizes.contains(event.what);
    if (is_layer) report.reclaimed_bytes += sizes.at(event.what);
  }
  return report;
}

}  // namespace strata::store
