// SPDX-License-Identifier: Apache-2.0
#include "hash/sha256.h"

#include <cstdlib>
#include <new>

namespace strata {
namespace {

// EVP fails here only when memory or the crypto library itself is broken; there is nothing a caller
// could do.
void require(bool good) {
  if (!good) std::abort();
}

// Fetched once: looking the algorithm up costs more than hashing a small file.
const EVP_MD* sha256() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(algorithm != nullptr);
  return algorithm;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  begin();
}

void Sha256::begin() { require(EVP_DigestInit_ex2(context_.get(), sha256(), nullptr) == 1); }

void Sha256::update(ByteSpan bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  std::array<uint8_t, Digest::kBytes> raw{};
  require(EVP_DigestFinal_ex(context_.get(), raw.data(), nullptr) == 1);
  begin();
  return Digest(raw);
}

}  // namespace strata
