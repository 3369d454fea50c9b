// SPDX-License-Identifier: Apache-2.0
// v1 IDs: what images had before 1.10, one for each layer. docker save still makes them up: they
// are the folders of its legacy layout, and the `json` files in both layouts.
// Source: FORMATS section 6.1; checked against the fixtures of dockerd 20.10 and 28.5.
// Threads: functions without state.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "oci/image_config.h"

namespace strata::oci {

struct V1Layer {
  std::string id;    // 64 hex digits
  std::string json;  // the bytes of <id>/json
};

// The v1 form of each layer of an image, base first; empty for an image without layers.
// All but the top layer are dated to the epoch, which dockerd prints in its own time zone:
// `zone_offset_seconds` east of UTC changes every ID.
// Errors: kInvalid for a config whose "Size" is not a number; parse() has checked all else.
Result<std::vector<V1Layer>> v1_layers(const ImageConfig& image, int32_t zone_offset_seconds = 0);

}  // namespace strata::oci
