// SPDX-License-Identifier: Apache-2.0
// LayerIntake: takes the layers that a store lacks off a wire, or from what an interrupted transfer
// left, and has them unpacked and verified, staged in a transaction.
// Threads: one per object.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/early_layer.h"
#include "archive/kept_layer.h"
#include "archive/layer_jobs.h"
#include "archive/progress.h"
#include "archive/wire.h"

namespace strata::archive {

// A layer that the store lacks. Its result was verified against the diffID.
struct IntakeJob : LayerJob {
  std::optional<size_t> copy_of;  // number of the job with the same layer on other parents
  std::optional<KeptLayer> kept;
};

class LayerIntake {
 public:
  // All borrowed; `progress` may be null. `jobs` are in the order in which they are asked for.
  LayerIntake(store::Transaction& txn, store::BlobFolder folder, Wire& wire, LoadProgress* progress,
              Pool& pool, std::vector<IntakeJob>& jobs)
      : txn_(txn), folder_(folder), wire_(wire), progress_(progress), pool_(pool), jobs_(jobs) {}
  // Of layers that have not fully arrived nothing is kept.
  ~LayerIntake();
  LayerIntake(const LayerIntake&) = delete;

  // Unpacks what an earlier transfer left, several at a time. What is damaged counts as not there.
  Status take_kept();
  // Asks for what is still missing, and for nothing twice.
  Status ask();
  // Takes that off the wire, each layer while the one before it is still being unpacked; and makes
  // the copies. Errors: kCorrupt (a layer that is not what its diffID says), kInvalid, those of
  // Wire and of unpacking.
  Status receive();
  size_t layers_received() const { return layers_received_; }
  // After the layers were published: nothing stays of them, nor of those that the store had before.
  Status forget_kept(std::span<const DiffId> here);

 private:
  struct Arriving {
    IntakeJob* job;
    std::unique_ptr<EarlyLayer> layer;
  };
  Status unpack_kept(IntakeJob& job);
  Status arrive(IntakeJob& job);
  Status take_data(IntakeJob& job, EarlyLayer& layer);
  Status finish_down_to(size_t count);
  Status finish(Arriving& arriving);
  Status copy(IntakeJob& job);

  store::Transaction& txn_;
  const store::BlobFolder folder_;
  Wire& wire_;
  LoadProgress* progress_;
  Pool& pool_;
  std::vector<IntakeJob>& jobs_;
  BufferPool unpack_buffers_{kBlockBytes, kBlocks};
  const UnpackTools tools_{txn_, pool_, unpack_buffers_};
  BufferPool arriving_{kBlockBytes, kBlocks / 2};
  std::deque<Arriving> under_way_;
  size_t layers_received_ = 0;
};

}  // namespace strata::archive
