// SPDX-License-Identifier: Apache-2.0
// The digest of a layer's tar is not the digest of a blob: a DiffId where a Digest is wanted.
// Expect: invalid initialization of reference of type .*Digest
// Expect: no matching function for call to .digest_of_blob
#include "hash/digest.h"

strata::Digest digest_of_blob(const strata::Digest& digest) { return digest; }

strata::Digest use(const strata::DiffId& layer) {
#ifdef STRATA_MISTAKE
  return digest_of_blob(layer);
#else
  return digest_of_blob(layer.digest());
#endif
}
