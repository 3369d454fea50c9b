// SPDX-License-Identifier: Apache-2.0
#include "archive/forecast_receive.h"

#include <set>

#include "archive/kept_layer.h"
#include "archive/offered_images.h"
#include "archive/transfer_messages.h"

namespace strata::archive {
namespace {

// The end of a transfer in which nothing travels.
Status want_nothing(Wire& wire) {
  STRATA_CHECK(wire.write(FrameType::kWanted, ""));
  STRATA_TRY([[maybe_unused]] FrameHead commit, wire.expect(FrameType::kCommit));
  return wire.write(FrameType::kFinished, finished_text({}));
}

Status count_missing(const PlannedLayer& layer, const store::Store* store, bool is_first,
                     ReceiveForecast& forecast) {
  bool kept = false;
  if (store != nullptr) {
    STRATA_TRY(kept, KeptLayer::is_kept(store::BlobFolder(store->root()), layer.diff));
  }
  if (!layer.tar_bytes) ++forecast.unknown_sizes;
  forecast.unpacked_bytes += layer.tar_bytes.value_or(0);
  if (kept) {
    ++forecast.layers_kept;
  } else if (is_first) {  // on other parents it does not travel again
    forecast.fetch_bytes += layer.tar_bytes.value_or(0);
  }
  return {};
}

}  // namespace

Result<ReceiveForecast> forecast_receive(const store::Store* store, Wire& wire,
                                         const std::vector<std::string>& asked,
                                         const std::optional<oci::Platform>& platform) {
  STRATA_TRY(LoadPlan plan, read_offer(wire, &asked, platform));
  STRATA_CHECK(want_nothing(wire));

  ReceiveForecast forecast;
  std::set<ChainId> seen;
  std::set<DiffId> travelling;
  for (const PlannedImage& image : plan.images) {
    if (image.below_another) {
      ++forecast.steps;
    } else {
      LoadedImage& named = forecast.images.emplace_back(LoadedImage{image.config.id(), {}});
      for (const oci::Reference& tag : image.tags) named.tags.push_back(tag.familiar_string());
    }
    for (const PlannedLayer& layer : image.layers) {
      if (!seen.insert(layer.chain).second) continue;
      ++forecast.layers;
      bool here = false;
      if (store != nullptr) {
        STRATA_TRY(here, store->has_layer(layer.chain));
      }
      if (here) {
        ++forecast.layers_here;
      } else {
        STRATA_CHECK(count_missing(layer, store, travelling.insert(layer.diff).second, forecast));
      }
    }
  }
  return forecast;
}

}  // namespace strata::archive
