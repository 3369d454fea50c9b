// SPDX-License-Identifier: Apache-2.0
// Prints the chainID of two layers, given as diffIDs from the lowest up.
#include <cstdio>

#include "hash/digest.h"

namespace {

strata::Result<std::string> chain_of(int count, char** diff_ids) {
  strata::ChainId chain;
  for (int i = 0; i < count; ++i) {
    STRATA_TRY(strata::DiffId layer, strata::DiffId::parse(diff_ids[i]));
    chain = strata::chain_id(i == 0 ? nullptr : &chain, layer);
  }
  return chain.to_string();
}

}  // namespace

int main(int argc, char** argv) {
  const strata::Result<std::string> chain = chain_of(argc - 1, argv + 1);
  std::puts(chain.ok() ? chain.value().c_str() : chain.error().message().c_str());
  return chain.ok() ? 0 : 1;
}
