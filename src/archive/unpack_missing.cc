// SPDX-License-Identifier: Apache-2.0
#include "archive/unpack_missing.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>

#include "archive/layer_jobs.h"
#include "archive/watched_source.h"
#include "base/timer.h"
#include "codec/decompress.h"

namespace strata::archive {
namespace {

// Of gzip streams, inflated ahead: 20 MiB beside the blocks of the operation.
constexpr size_t kPiecesAhead = 6;

// The first layer that failed, so far. Those behind it are given up, those before it go on: which
// error is told does not depend on who was quicker. Only who waits for a network is given up
// wherever it stands (Contents::give_up).
class FirstFailure {
 public:
  void note(size_t index, const Error& error) {
    if (error.code() == ErrorCode::kCancelled) return;  // by another one, which says why
    auto why = why_.lock();
    if (index >= first_) return;
    first_ = index;
    *why = error;
  }
  bool is_before(size_t index) const { return first_.load(std::memory_order_relaxed) < index; }
  std::optional<Error> why() { return *why_.lock(); }

 private:
  std::atomic<size_t> first_{std::numeric_limits<size_t>::max()};
  Guarded<std::optional<Error>> why_;
};

// A layer's tar, until a layer before it has failed.
class AbandonableSource final : public ByteSource {
 public:
  AbandonableSource(ByteSource& from, const FirstFailure& failure, size_t index)
      : from_(from), failure_(failure), index_(index) {}

  Result<size_t> read(MutableByteSpan buffer) override {
    if (failure_.is_before(index_)) return error(ErrorCode::kCancelled, "another layer failed");
    return from_.read(buffer);
  }

 private:
  ByteSource& from_;
  const FirstFailure& failure_;
  const size_t index_;
};

class Unpacking {
 public:
  Unpacking(LoadPlan& plan, Contents& contents, UnpackContext context, std::vector<LayerJob>& jobs)
      : early_sources_({&plan, &contents}),
        gunzip_(context.pool, kPiecesAhead),
        contents_(contents),
        context_(context),
        tools_{context.txn, context.pool, context.buffers},
        jobs_(jobs) {}

  Status run() {
    // Large layers first: the last one to end then ends soonest.
    std::vector<std::pair<uint64_t, size_t>> order;
    for (size_t i = 0; i < jobs_.size(); ++i) order.emplace_back(size_of(jobs_[i]), i);
    std::stable_sort(order.begin(), order.end(),
                     [](auto& a, auto& b) { return a.first > b.first; });

    // Told base first, whatever is begun first.
    for (const LayerJob& job : jobs_) {
      if (context_.progress) context_.progress->layer_started(job.layer.diff, size_of(job));
    }
    Status unpacked = run_in_lanes(context_.pool.jobs(), order.size(), [&](size_t i) {
      Status status = unpack(jobs_[order[i].second], i);
      if (!status.ok()) {
        failure_.note(i, status.error());
        contents_.give_up();
      }
      return status;
    });
    if (unpacked.ok()) return copy_repeated();
    // Given up because of another one, unless the user has interrupted.
    std::optional<Error> why = failure_.why();
    bool given_up = unpacked.error().code() == ErrorCode::kCancelled && !context_.pool.cancelled();
    return given_up && why ? Status(*std::move(why)) : std::move(unpacked);
  }

 private:
  uint64_t size_of(const LayerJob& job) const { return contents_.size_bytes(job.layer.file); }

  // `turn`: which one it is, of those that are unpacked at the same time.
  Status unpack(LayerJob& job, size_t turn) {
    Timer timer("unpack a layer");
    STRATA_TRY(job.result, obtain(job, turn).context("{}", job.layer.file));
    if (!job.result) return {};  // see copy_repeated
    if (context_.progress) context_.progress->layer_finished(job.layer.diff);
    return check_diff_id(job);
  }

  static Status check_diff_id(const LayerJob& job) {
    const DiffId& found = job.result->layer.diff_id;
    if (found == job.layer.diff) return {};
    return error(ErrorCode::kInvalid, "invalid diffID for layer {}: expected \"{}\", got \"{}\"",
                 job.layer_number, job.layer.diff, found);
  }

  // Empty: the layer came by in a stream, once, and another job has taken it.
  Result<std::optional<UnpackedEarly>> obtain(const LayerJob& job, size_t turn) {
    STRATA_TRY(std::optional<UnpackedEarly> early, take_early(job.layer.file));
    if (early) return early;
    Result<OpenedFile> opened = contents_.open(job.layer.file);
    bool came_by = !opened.ok() && opened.error().code() == ErrorCode::kNotFound &&
                   contents_.has(job.layer.file);
    if (came_by) return std::optional<UnpackedEarly>();
    STRATA_TRY(OpenedFile file, std::move(opened));
    const DiffId& diff = job.layer.diff;
    WatchedSource watched(*file.source, [&](uint64_t bytes) {
      if (context_.progress) context_.progress->layer_advanced(diff, bytes);
    });
    // Decoding ahead costs twice the processor time. It is worth that where processors would idle.
    const bool few = jobs_.size() * 2 <= context_.pool.jobs();
    STRATA_TRY(std::unique_ptr<ByteSource> tar, few ? codec::open_decompressed(watched, gunzip_)
                                                    : codec::open_decompressed(watched));
    AbandonableSource abandonable(*tar, failure_, turn);
    STRATA_TRY(UnpackedEarly unpacked, unpack_staged(abandonable, tools_));
    return std::optional<UnpackedEarly>(std::move(unpacked));
  }

  Result<std::optional<UnpackedEarly>> take_early(const std::string& file) {
    auto sources = early_sources_.lock();
    std::map<std::string, UnpackedEarly>& planned = sources->plan->unpacked;
    auto early = planned.find(file);
    if (early == planned.end()) return sources->contents->take_unpacked(file);
    std::optional<UnpackedEarly> taken = std::move(early->second);
    planned.erase(early);
    return taken;
  }

  // The same layer on two parents is stored twice. From a stream it was unpacked once, so the
  // second is made from the first.
  Status copy_repeated() {
    for (LayerJob& job : jobs_) {
      if (job.result) continue;
      auto first = std::find_if(jobs_.begin(), jobs_.end(), [&](const LayerJob& other) {
        return other.result && other.layer.diff == job.layer.diff;
      });
      if (first == jobs_.end()) {
        return error(ErrorCode::kNotFound, "open {}: no such file or directory in the archive",
                     job.layer.file);
      }
      STRATA_TRY(job.result, unpack_again(*first->result, tools_));
      STRATA_CHECK(check_diff_id(job));
      if (context_.progress) context_.progress->layer_finished(job.layer.diff);
    }
    return {};
  }

  // From where layers are taken that were unpacked before: one thread at a time.
  struct EarlySources {
    LoadPlan* plan;
    Contents* contents;
  };
  Guarded<EarlySources> early_sources_;
  codec::GunzipHelpers gunzip_;  // all lanes share it: the last, large layer gets all of it
  const Contents& contents_;
  UnpackContext context_;
  const UnpackTools tools_;
  std::vector<LayerJob>& jobs_;
  FirstFailure failure_;
};

}  // namespace

Result<std::vector<std::string>> unpack_missing_layers(LoadPlan& plan, Contents& contents,
                                                       UnpackContext context) {
  Timer timer("unpack missing layers");
  STRATA_TRY(LayerJobs jobs, list_layer_jobs(plan, context.store, context.txn));
  STRATA_CHECK(Unpacking(plan, contents, context, jobs.missing).run());
  std::vector<std::string> warnings;
  for (LayerJob& job : jobs.missing) STRATA_CHECK(add_layer(job, context.txn, warnings));
  return warnings;
}

}  // namespace strata::archive
