// SPDX-License-Identifier: Apache-2.0
// A digest becomes a diffID only by saying so.
// Expect: conversion from .*Digest.* requested
// Expect: no viable conversion
#include "hash/digest.h"

strata::DiffId use(const strata::Digest& digest) {
#ifdef STRATA_MISTAKE
  strata::DiffId layer = digest;
#else
  strata::DiffId layer(digest);
#endif
  return layer;
}
