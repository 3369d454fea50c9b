// SPDX-License-Identifier: Apache-2.0
// The chainID names a layer with all below it; a diffID names one layer.
// Expect: invalid initialization of reference of type .*DiffIdTag
// Expect: no viable conversion from .*DiffIdTag
#include "hash/digest.h"

strata::ChainId use(const strata::ChainId& parent, const strata::DiffId& layer) {
#ifdef STRATA_MISTAKE
  (void)layer;
  return strata::chain_id(nullptr, parent);
#else
  return strata::chain_id(&parent, layer);
#endif
}
