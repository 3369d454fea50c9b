// SPDX-License-Identifier: Apache-2.0
#include "archive/receive_images.h"

#include <map>
#include <set>

#include "archive/layer_intake.h"
#include "archive/offered_images.h"
#include "archive/transfer_messages.h"
#include "base/timer.h"

namespace strata::archive {
namespace {

constexpr size_t kMaxWarningsTold = 100;

struct Jobs {
  std::vector<IntakeJob> missing;  // each parent before its child
  std::vector<DiffId> here;
};

Result<Jobs> list_jobs(const LoadPlan& plan, const store::Store& store, store::Transaction& txn) {
  Jobs jobs;
  std::vector<ChainId> present;
  std::set<ChainId> seen;
  std::map<DiffId, size_t> first;
  for (const PlannedImage& image : plan.images) {
    std::optional<ChainId> parent;
    for (const PlannedLayer& layer : image.layers) {
      std::optional<ChainId> below = std::exchange(parent, layer.chain);
      if (!seen.insert(layer.chain).second) continue;
      STRATA_TRY(bool here, store.has_layer(layer.chain));
      if (here) {
        present.push_back(layer.chain);
        jobs.here.push_back(layer.diff);
        continue;
      }
      auto [twin, fresh] = first.try_emplace(layer.diff, jobs.missing.size());
      IntakeJob& job = jobs.missing.emplace_back(IntakeJob{layer, below, {}, {}, {}});
      if (!fresh) job.copy_of = twin->second;
    }
  }
  STRATA_CHECK(txn.hold_layers(present));
  return jobs;
}

// What was there can be removed by somebody else before we hold it; then the question is asked
// anew.
Result<Jobs> hold_and_list(const LoadPlan& plan, const store::Store& store,
                           store::Transaction& txn) {
  constexpr int kTries = 10;
  for (int tries = 1; true; ++tries) {
    Result<Jobs> jobs = list_jobs(plan, store, txn);
    if (jobs.ok() || jobs.error().code() != ErrorCode::kNotFound || tries == kTries) return jobs;
  }
}

// Base first; still staged. Returns warnings.
Result<std::vector<std::string>> add_layers(std::vector<IntakeJob>& jobs, store::Transaction& txn) {
  std::vector<std::string> warnings;
  for (IntakeJob& job : jobs) {
    const driver::UnpackedLayer& layer = job.result->layer;
    for (const std::string& xattr : layer.warnings) {
      warnings.push_back(
          fmt::format("layer {}: the file system does not take xattr {}", layer.diff_id, xattr));
    }
    STRATA_TRY([[maybe_unused]] ChainId chain,
               txn.add_layer(std::move(job.result->staged), job.parent ? &*job.parent : nullptr,
                             layer.diff_id, layer.size_bytes));
  }
  return warnings;
}

Status tell_finished(const LoadReport& report, Wire& wire) {
  LoadReport told = report;
  if (told.warnings.size() > kMaxWarningsTold) told.warnings.resize(kMaxWarningsTold);
  std::string text = finished_text(told);
  if (text.size() > kMaxFrameBytes) text = finished_text({});
  return wire.write(FrameType::kFinished, text);
}

Result<ReceiveReport> receive(store::Store& store, Wire& wire, const ReceiveOptions& options,
                              Pool& pool) {
  STRATA_TRY(store::Transaction txn, store.begin());  // staging folder and lease
  STRATA_TRY(LoadPlan plan, read_offer(wire, options.asked ? &*options.asked : nullptr));
  STRATA_TRY(Jobs jobs, hold_and_list(plan, store, txn));
  // Beyond this point the set of images and layers is fixed.

  LayerIntake intake(txn, store::BlobFolder(store.root()), wire, options.progress, pool,
                     jobs.missing);
  STRATA_CHECK(intake.take_kept());  // what an interrupted transfer left
  STRATA_CHECK(intake.ask());
  STRATA_CHECK(intake.receive());  // unpacked and verified while they arrive
  STRATA_TRY(std::vector<std::string> warnings, add_layers(jobs.missing, txn));
  STRATA_CHECK(add_images(plan, txn));  // configs, names and parent links, still staged
  STRATA_CHECK(txn.commit());
  STRATA_CHECK(intake.forget_kept());

  ReceiveReport report;
  report.loaded = report_on(plan, txn, std::move(warnings));
  report.already_here = std::move(jobs.here);
  report.layers_received = intake.layers_received();
  report.wire_bytes = wire.data_bytes_read();
  STRATA_CHECK(tell_finished(report.loaded, wire));
  return report;
}

}  // namespace

Result<ReceiveReport> receive_images(store::Store& store, Wire& wire, const ReceiveOptions& options,
                                     Pool& pool) {
  Result<ReceiveReport> report = receive(store, wire, options, pool);
  if (report.ok()) return report;
  if (wire.write_failed()) return wire.told_before_end(std::move(report).error());
  wire.write_error(report.error());
  return report;
}

}  // namespace strata::archive
