// SPDX-License-Identifier: Apache-2.0
#include "archive/layer_jobs.h"

#include <set>

#include "driver/layer_reader.h"
#include "driver/split_file.h"

namespace strata::archive {
namespace {

Result<LayerJobs> list_and_hold(const LoadPlan& plan, const store::Store& store,
                                store::Transaction& txn) {
  LayerJobs jobs;
  std::vector<ChainId> present;
  std::set<ChainId> seen;
  for (const PlannedImage& image : plan.images) {
    for (size_t i = 0; i < image.layers.size(); ++i) {
      const PlannedLayer& layer = image.layers[i];
      if (!seen.insert(layer.chain).second) continue;
      STRATA_TRY(bool here, store.has_layer(layer.chain));
      if (here) {
        present.push_back(layer.chain);
        jobs.here.push_back(layer.diff);
        continue;
      }
      std::optional<ChainId> parent;
      if (i > 0) parent = image.layers[i - 1].chain;
      jobs.missing.push_back({layer, i, parent});
    }
  }
  STRATA_CHECK(txn.hold_layers(present));
  return jobs;
}

}  // namespace

// What was there can be removed by somebody else before we hold it; then the question is asked
// anew.
Result<LayerJobs> list_layer_jobs(const LoadPlan& plan, const store::Store& store,
                                  store::Transaction& txn) {
  constexpr int kTries = 10;
  for (int tries = 1; true; ++tries) {
    Result<LayerJobs> jobs = list_and_hold(plan, store, txn);
    if (jobs.ok() || jobs.error().code() != ErrorCode::kNotFound || tries == kTries) return jobs;
  }
}

Result<UnpackedEarly> unpack_staged(ByteSource& tar, const UnpackTools& tools) {
  STRATA_TRY(store::StagedLayer staged, tools.txn.stage_layer());
  driver::UnpackTarget target{&staged.folder, &staged.diff, &staged.metadata};
  STRATA_TRY(driver::UnpackedLayer layer,
             driver::unpack_layer(tar, target, tools.pool, tools.buffers, nullptr));
  return UnpackedEarly{std::move(staged), std::move(layer)};
}

Result<UnpackedEarly> unpack_again(const UnpackedEarly& first, const UnpackTools& tools) {
  STRATA_TRY(Fd split, open_at(first.staged.metadata, driver::kSplitFileName, O_RDONLY));
  std::unique_ptr<ByteSource> tar = driver::open_layer_tar({&first.staged.diff, &split});
  return unpack_staged(*tar, tools);
}

Status add_layer(LayerJob& job, store::Transaction& txn, std::vector<std::string>& warnings) {
  const driver::UnpackedLayer& layer = job.result->layer;
  for (const std::string& xattr : layer.warnings) {
    warnings.push_back(
        fmt::format("layer {}: the file system does not take xattr {}", layer.diff_id, xattr));
  }
  STRATA_TRY(ChainId chain,
             txn.add_layer(std::move(job.result->staged), job.parent ? &*job.parent : nullptr,
                           layer.diff_id, layer.size_bytes));
  if (chain == job.layer.chain) return {};
  return error(ErrorCode::kCorrupt, "layer {} got chain {}", job.layer.chain, chain);
}

}  // namespace strata::archive
