// SPDX-License-Identifier: Apache-2.0
// A cache-id becomes part of a path: text is checked before it is one.
// Expect: is private within this context
// Expect: calling a private constructor
#include "hash/digest.h"

strata::Result<strata::CacheId> use(const std::string& text) {
#ifdef STRATA_MISTAKE
  return strata::CacheId(text);
#else
  return strata::CacheId::parse(text);
#endif
}
