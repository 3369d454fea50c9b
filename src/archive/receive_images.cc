// SPDX-License-Identifier: Apache-2.0
#include "archive/receive_images.h"

#include <map>

#include "archive/layer_intake.h"
#include "archive/offered_images.h"
#include "archive/transfer_messages.h"
#include "base/timer.h"

namespace strata::archive {
namespace {

constexpr size_t kMaxWarningsTold = 100;

// A layer that comes again on other parents need not travel again.
std::vector<IntakeJob> intake_jobs(std::vector<LayerJob> missing) {
  std::vector<IntakeJob> jobs;
  std::map<DiffId, size_t> first;
  for (LayerJob& layer : missing) {
    auto [twin, fresh] = first.try_emplace(layer.layer.diff, jobs.size());
    IntakeJob& job = jobs.emplace_back(IntakeJob{std::move(layer), {}, {}});
    if (!fresh) job.copy_of = twin->second;
  }
  return jobs;
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
  STRATA_TRY(LoadPlan plan,
             read_offer(wire, options.asked ? &*options.asked : nullptr, options.platform));
  for (PlannedImage& image : plan.images) {
    if (!options.digests) image.digests.clear();
  }
  STRATA_TRY(LayerJobs layers, list_layer_jobs(plan, store, txn));
  std::vector<IntakeJob> jobs = intake_jobs(std::move(layers.missing));
  // Beyond this point the set of images and layers is fixed.

  LayerIntake intake(txn, store::BlobFolder(store.root()), wire, options.progress, pool, jobs);
  STRATA_CHECK(intake.take_kept());  // what an interrupted transfer left
  STRATA_CHECK(intake.ask());
  STRATA_CHECK(intake.receive());  // unpacked and verified while they arrive
  std::vector<std::string> warnings;
  for (IntakeJob& job : jobs) STRATA_CHECK(add_layer(job, txn, warnings));
  STRATA_CHECK(add_images(plan, txn));  // configs, names and parent links, still staged
  STRATA_CHECK(txn.commit());
  STRATA_CHECK(intake.forget_kept(layers.here));

  ReceiveReport report;
  report.loaded = report_on(plan, txn, std::move(warnings));
  report.already_here = std::move(layers.here);
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
