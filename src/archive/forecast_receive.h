// SPDX-License-Identifier: Apache-2.0
// What receive_images would do, without changing anything.
// Threads: one per call.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/load.h"
#include "archive/wire.h"
#include "oci/platform.h"

namespace strata::archive {

struct ReceiveForecast {
  std::vector<LoadedImage> images;  // those that were asked for
  size_t steps = 0;                 // images of build steps that go along
  size_t layers = 0;                // of all images, each once
  size_t layers_here = 0;
  size_t layers_kept = 0;    // that an interrupted transfer has brought: they do not travel again
  uint64_t fetch_bytes = 0;  // tars of the layers that would travel; on the wire they are smaller
  uint64_t unpacked_bytes = 0;  // tars of all that are missing
  size_t unknown_sizes = 0;     // missing layers of which the other side does not say the size
  // Bytes that have arrived are kept until all is published.
  uint64_t most_disk_bytes() const { return fetch_bytes + unpacked_bytes; }
};

// Takes the offer for a request with `sizes`, and wants nothing of it. The store may be opened for
// reading, or be none. Errors: those of read_offer and of the store.
Result<ReceiveForecast> forecast_receive(const store::Store* store, Wire& wire,
                                         const std::vector<std::string>& asked,
                                         const std::optional<oci::Platform>& platform);

}  // namespace strata::archive
