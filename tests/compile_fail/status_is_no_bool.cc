// SPDX-License-Identifier: Apache-2.0
// A result is not silently a number: 0 and -1 have no meaning here.
// Expect: cannot convert .*Status
// Expect: no viable conversion
#include "base/result.h"

strata::Status write_it();

int use() {
#ifdef STRATA_MISTAKE
  int result = write_it();
  return result;
#else
  return write_it().ok() ? 0 : 1;
#endif
}
