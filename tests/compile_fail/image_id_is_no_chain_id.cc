// SPDX-License-Identifier: Apache-2.0
// An image is not a layer.
// Expect: invalid initialization of reference of type .*ChainIdTag
// Expect: no matching function for call to .has_layer
#include "hash/digest.h"

bool has_layer(const strata::ChainId& layer) { return layer == strata::ChainId(); }

bool use(const strata::ImageId& image, const strata::ChainId& layer) {
#ifdef STRATA_MISTAKE
  (void)layer;
  return has_layer(image);
#else
  (void)image;
  return has_layer(layer);
#endif
}
