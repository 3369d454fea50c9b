// SPDX-License-Identifier: Apache-2.0
// The parent of a layer is a chainID, also when that layer is the lowest and the digests are equal.
// Expect: cannot convert .*DiffIdTag.*ChainIdTag
// Expect: cannot initialize a parameter .*ChainIdTag
#include "hash/digest.h"

strata::ChainId use(const strata::DiffId& base, const strata::DiffId& layer) {
#ifdef STRATA_MISTAKE
  return strata::chain_id(&base, layer);
#else
  const strata::ChainId parent = strata::chain_id(nullptr, base);
  return strata::chain_id(&parent, layer);
#endif
}
