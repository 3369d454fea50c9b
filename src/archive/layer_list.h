// SPDX-License-Identifier: Apache-2.0
// Layer lists: which layers a root has, as text, for whoever saves an archive for it.
// Shape:   docs/formats/layer-list.md; the grammar stands in layer_list.cc.
// Threads: functions without state.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "hash/digest.h"
#include "store/store.h"

namespace strata::archive {

// What a list may take in memory; some 400,000 layers.
inline constexpr size_t kMaxLayerListBytes = 64u << 20;

// The layers that can be used as they are, down to their bases and with their files; sorted by
// chainID. Errors: kIo.
Result<std::vector<store::Layer>> usable_layers(const store::Store& store);
// The layers of one image, base first. Errors: kNotFound, kCorrupt, naming the layer.
Result<std::vector<store::Layer>> layers_of_image(const store::Store& store, const ImageId& image);

std::string layer_list_text(const std::vector<store::Layer>& layers);

// Errors: kInvalid, naming the line; kUnsupported for a list of another version.
Result<std::set<ChainId>> parse_layer_list(std::string_view text);

}  // namespace strata::archive
