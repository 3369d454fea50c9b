// SPDX-License-Identifier: Apache-2.0
// Two identifiers of different kinds are never equal, so they cannot be compared.
// Expect: no match for .operator==
// Expect: invalid operands
#include "hash/digest.h"

bool use(const strata::DiffId& layer, const strata::ChainId& chain) {
#ifdef STRATA_MISTAKE
  return layer == chain;
#else
  return layer.digest() == chain.digest();
#endif
}
