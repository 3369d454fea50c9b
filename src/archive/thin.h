// SPDX-License-Identifier: Apache-2.0
// Thin archives: the layers that their receiver has are left out of them.
// Shape:   a member `strata.json` says which; grammar in thin.cc, docs/formats/archives.md "Thin
//          archives". All else is as in a full archive, but that files of layers are not there.
// Threads: one per call; verify_layers uses the pool.
#pragma once

#include <string>
#include <vector>

#include "archive/load_plan.h"
#include "archive/receiver.h"
#include "archive/save_plan.h"
#include "base/buffer.h"
#include "store/transaction.h"

namespace strata::archive {

inline constexpr const char* kThinFile = "strata.json";

struct LeftOutLayer {
  ChainId chain;
  DiffId diff;
  uint64_t tar_bytes = 0;

  bool operator==(const LeftOutLayer&) const = default;
};

std::string thin_record_text(const std::vector<LeftOutLayer>& layers);
// Errors: kInvalid, naming what was expected; kUnsupported for another version.
Result<std::vector<LeftOutLayer>> parse_thin_record(std::string_view text);

// Marks the layers that the receiver has and returns them, each chain once, base first.
std::vector<LeftOutLayer> leave_out(SavePlan& plan, const ReceiverLayers& receiver);
// By how much the layers that are left out make the archive smaller.
uint64_t bytes_left_out(const SavePlan& plan);

// Of the layers that the archive refers to but does not hold: takes those that the store has, so
// that they stay until the transaction ends. Returns their chainIDs.
// Errors: kNotFound, naming each layer that neither has, if the archive says that it is thin; of
// other archives the missing file is named when it is to be read.
Result<std::vector<ChainId>> take_left_out_layers(const LoadPlan& plan, const Contents& contents,
                                                  const store::Store& store,
                                                  store::Transaction& txn);

// Reads each layer of the store once, several at a time, against its diffID.
// Errors: kCorrupt, naming layer and file.
Status verify_layers(const std::vector<ChainId>& chains, const store::Store& store, Pool& pool,
                     BufferPool& buffers);

}  // namespace strata::archive
