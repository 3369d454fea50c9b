// SPDX-License-Identifier: Apache-2.0
#include "runtime/changes_layer.h"

#include <chrono>
#include <thread>

#include "registry/piped_source.h"

namespace strata::runtime {
namespace {

using Clock = std::chrono::system_clock;

// The kernel's times of files are behind the clock by up to a tick.
constexpr std::chrono::milliseconds kTick{20};

}  // namespace

Result<archive::UnpackedEarly> layer_of_changes(const driver::ComparedTrees& trees,
                                                const driver::DiffTarOptions& options,
                                                const archive::UnpackTools& tools) {
  const auto begun = std::chrono::floor<std::chrono::seconds>(Clock::now());
  int64_t latest = 0;
  registry::PipedSource tar([&](ByteSink& to) -> Status {
    STRATA_TRY(latest, driver::write_diff_tar(trees, options, to, tools.pool));
    return {};
  });
  STRATA_TRY(archive::UnpackedEarly made, archive::unpack_staged(tar, tools));
  const bool whole = trees.kind == driver::ComparedTrees::Upper::kWhole;
  if (whole && latest >= begun.time_since_epoch().count()) {
    std::this_thread::sleep_until(begun + std::chrono::seconds(1) + kTick);
  }
  return made;
}

}  // namespace strata::runtime
