// SPDX-License-Identifier: Apache-2.0
// Running SHA-256 over OpenSSL's EVP interface (SHA-NI, ARMv8 and portable code are chosen by
// OpenSSL). Threads: one at a time per object.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "base/bytes.h"
#include "base/stream.h"
#include "hash/digest.h"

namespace strata {

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(Sha256&&) noexcept = default;

  void update(ByteSpan bytes);
  // The digest of all that was given; the object begins anew afterwards.
  Digest finish();

 private:
  void begin();

  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// Hashes what passes through to `next`, and counts it.
class HashingSink final : public ByteSink {
 public:
  explicit HashingSink(ByteSink& next) : next_(next) {}
  Status write(ByteSpan bytes) override {
    hash_.update(bytes);
    size_bytes_ += bytes.size();
    return next_.write(bytes);
  }
  Status finish() override { return next_.finish(); }
  Digest digest() { return hash_.finish(); }
  uint64_t size_bytes() const { return size_bytes_; }

 private:
  ByteSink& next_;
  Sha256 hash_;
  uint64_t size_bytes_ = 0;
};

}  // namespace strata
