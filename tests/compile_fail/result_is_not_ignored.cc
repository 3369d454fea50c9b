// SPDX-License-Identifier: Apache-2.0
// An error cannot be dropped by leaving the result alone.
// Expect: ignoring return
#include "base/result.h"

strata::Status write_it();
strata::Result<int> count_it();

bool use() {
#ifdef STRATA_MISTAKE
  write_it();
  count_it();
  return true;
#else
  return write_it().ok() && count_it().ok();
#endif
}
