// SPDX-License-Identifier: Apache-2.0
// A raw int is borrowed; owning it has to be said.
// Expect: conversion from .int. to non-scalar type .*Fd
// Expect: no viable conversion
#include "base/fd.h"

strata::Fd use(int borrowed) {
#ifdef STRATA_MISTAKE
  strata::Fd fd = borrowed;
  return fd;
#else
  return strata::Fd(borrowed);
#endif
}
