// SPDX-License-Identifier: Apache-2.0
// A descriptor that two objects own is closed twice.
// Expect: use of deleted function
// Expect: call to deleted constructor
#include "base/fd.h"

void keep(strata::Fd fd);

void use(strata::Fd fd) {
#ifdef STRATA_MISTAKE
  keep(fd);
#else
  keep(std::move(fd));
#endif
}
