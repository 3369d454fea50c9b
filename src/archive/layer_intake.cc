// SPDX-License-Identifier: Apache-2.0
#include "archive/layer_intake.h"

#include <algorithm>

#include "archive/transfer_messages.h"
#include "base/timer.h"
#include "codec/decompress.h"

namespace strata::archive {
namespace {

// Layers that may still be unpacking while the next one arrives. Each holds a few blocks.
constexpr size_t kLayersUnderWay = 2;

Status check_diff_id(const IntakeJob& job, const UnpackedEarly& unpacked) {
  if (unpacked.layer.diff_id == job.layer.diff) return {};
  return error(ErrorCode::kCorrupt, "expected diffID {}, found {}", job.layer.diff,
               unpacked.layer.diff_id);
}

bool is_damage(const Status& status) {
  return !status.ok() && (status.error().code() == ErrorCode::kCorrupt ||
                          status.error().code() == ErrorCode::kInvalid ||
                          status.error().code() == ErrorCode::kUnsupported);
}

}  // namespace

LayerIntake::~LayerIntake() {
  for (IntakeJob& job : jobs_) {
    if (!job.kept || job.kept->is_complete()) continue;
    (void)KeptLayer::remove(folder_, std::move(*job.kept)).ok();  // else it goes when it is old
    job.kept.reset();
  }
}

Status LayerIntake::take_kept() {
  Timer timer("unpack what was kept");
  std::vector<IntakeJob*> complete;
  for (IntakeJob& job : jobs_) {
    if (job.copy_of) continue;
    STRATA_TRY(job.kept, KeptLayer::claim(folder_, job.layer.diff));
    if (job.kept && job.kept->is_complete()) complete.push_back(&job);
  }
  return run_in_lanes(pool_.jobs(), complete.size(), [&](size_t i) -> Status {
    Status unpacked = unpack_kept(*complete[i]);
    if (!is_damage(unpacked)) return unpacked;
    return complete[i]->kept->begin(codec::Compression::kNone);  // it will be asked for
  });
}

Status LayerIntake::unpack_kept(IntakeJob& job) {
  RangeSource bytes = job.kept->open();
  std::unique_ptr<ByteSource> tar = codec::make_decompressor(job.kept->compression(), bytes);
  STRATA_TRY(UnpackedEarly unpacked,
             unpack_staged(*tar, tools_).context("layer {}", job.layer.diff));
  STRATA_CHECK(check_diff_id(job, unpacked));
  job.result = std::move(unpacked);
  return {};
}

Status LayerIntake::ask() {
  std::vector<ChainId> chains;
  for (const IntakeJob& job : jobs_) {
    if (!job.copy_of && !job.result) chains.push_back(job.layer.chain);
    if (chains.size() < kMaxWantedInFrame) continue;
    STRATA_CHECK(wire_.write(FrameType::kWant, want_text(chains)));
    chains.clear();
  }
  if (!chains.empty()) STRATA_CHECK(wire_.write(FrameType::kWant, want_text(chains)));
  return wire_.write(FrameType::kWanted, "");
}

Status LayerIntake::receive() {
  for (IntakeJob& job : jobs_) {
    if (job.copy_of || job.result) continue;
    Status arrived = arrive(job);
    if (!arrived.ok()) {
      // A layer before it that is not what it should be says more.
      Status finished = finish_down_to(0);
      return is_damage(finished) ? std::move(finished) : std::move(arrived);
    }
    STRATA_CHECK(finish_down_to(kLayersUnderWay));
  }
  STRATA_CHECK(finish_down_to(0));
  for (IntakeJob& job : jobs_) {
    if (job.copy_of) STRATA_CHECK(copy(job).context("layer {}", job.layer.diff));
  }
  STRATA_TRY([[maybe_unused]] FrameHead commit, wire_.expect(FrameType::kCommit));
  return {};
}

Status LayerIntake::arrive(IntakeJob& job) {
  STRATA_TRY(FrameHead frame, wire_.expect(FrameType::kLayer));
  STRATA_TRY(std::string text, wire_.read_text(frame));
  STRATA_TRY(LayerHead head, parse_layer_head(text));
  if (head.chain != job.layer.chain) {
    return error(ErrorCode::kInvalid, "the other side sent layer {}, expected {}", head.chain,
                 job.layer.chain);
  }
  DiffId diff = job.layer.diff;
  LoadProgress* progress = progress_;
  if (progress != nullptr) progress->layer_started(diff, head.tar_bytes);
  EarlyOptions options{head.compression, [progress, diff](uint64_t bytes) {
                         if (progress != nullptr) progress->layer_advanced(diff, bytes);
                       }};
  STRATA_TRY(std::unique_ptr<EarlyLayer> layer,
             EarlyLayer::begin(txn_, pool_, unpack_buffers_, std::move(options)));
  if (job.kept) STRATA_CHECK(job.kept->begin(head.compression));
  ++layers_received_;
  STRATA_CHECK(take_data(job, *layer));
  under_way_.push_back({&job, std::move(layer)});
  return {};
}

Status LayerIntake::take_data(IntakeJob& job, EarlyLayer& layer) {
  while (true) {
    STRATA_TRY(FrameHead head, wire_.next());
    if (head.type == FrameType::kLayerEnd) break;
    if (head.type != FrameType::kData) {
      return error(ErrorCode::kInvalid, "the other side sent a frame of type '{}' in a layer",
                   static_cast<char>(head.type));
    }
    for (size_t rest = head.size_bytes; rest > 0;) {
      Slice slice;
      slice.block = arriving_.acquire();
      size_t count = std::min(rest, arriving_.block_bytes());
      slice.bytes = {slice.block.get(), count};
      STRATA_CHECK(wire_.read_payload({slice.block.get(), count}));
      rest -= count;
      if (job.kept) STRATA_CHECK(job.kept->append(slice.bytes));
      if (layer.push(slice)) continue;
      STRATA_TRY([[maybe_unused]] UnpackedEarly early,
                 layer.result().context("layer {}", job.layer.diff));
      return error(ErrorCode::kCorrupt, "layer {}: bytes behind its end", job.layer.diff);
    }
  }
  layer.end();
  if (job.kept) STRATA_CHECK(job.kept->complete());
  return {};
}

Status LayerIntake::finish_down_to(size_t count) {
  while (under_way_.size() > count) {
    Arriving front = std::move(under_way_.front());
    under_way_.pop_front();
    front.layer->end();
    Status finished = finish(front);
    if (is_damage(finished) && front.job->kept) {
      (void)front.job->kept->begin(codec::Compression::kNone).ok();  // the first error counts
    }
    STRATA_CHECK(std::move(finished).context("layer {}", front.job->layer.diff));
  }
  return {};
}

Status LayerIntake::finish(Arriving& arriving) {
  IntakeJob& job = *arriving.job;
  STRATA_TRY(UnpackedEarly unpacked, arriving.layer->result());
  STRATA_CHECK(check_diff_id(job, unpacked));
  job.result = std::move(unpacked);
  if (progress_ != nullptr) progress_->layer_finished(job.layer.diff);
  return wire_.write(FrameType::kLayerDone, job.layer.chain.to_string());
}

Status LayerIntake::copy(IntakeJob& job) {
  const UnpackedEarly& first = *jobs_[*job.copy_of].result;
  STRATA_TRY(UnpackedEarly unpacked, unpack_again(first, tools_));
  STRATA_CHECK(check_diff_id(job, unpacked));
  job.result = std::move(unpacked);
  return {};
}

Status LayerIntake::forget_kept(std::span<const DiffId> here) {
  for (IntakeJob& job : jobs_) {
    if (job.kept) {
      STRATA_CHECK(KeptLayer::remove(folder_, std::move(*job.kept)));
      job.kept.reset();
    } else {  // a copy; or somebody else had it, and may have been dying just then
      STRATA_CHECK(KeptLayer::remove_rest(folder_, job.layer.diff));
    }
  }
  for (const DiffId& layer : here) STRATA_CHECK(KeptLayer::remove_rest(folder_, layer));
  return {};
}

}  // namespace strata::archive
