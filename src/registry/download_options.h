// SPDX-License-Identifier: Apache-2.0
// How blobs are downloaded, and who is told of it.
// Threads: DownloadOptions are values. A BlobWatcher's methods are called by any thread, also at
//          the same time; they should be quick.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>

#include "base/guarded.h"
#include "base/pool.h"
#include "hash/digest.h"

namespace strata::registry {

struct DownloadOptions {
  unsigned connections = 6;           // of one pull
  unsigned connections_per_blob = 4;  // where the server takes ranges
  uint64_t piece_bytes = 8u << 20;    // what one of several connections asks for at a time
  unsigned attempts = 5;              // in a row in which not one byte came
  unsigned refusals = 2;              // in a row; the server has asked several times for each
  std::chrono::milliseconds first_wait{500};  // before the second attempt; doubles each time
};

class BlobWatcher {
 public:
  virtual ~BlobWatcher() = default;
  // Somebody else downloads this blob; we wait for what comes of it.
  virtual void blob_waits(const Digest& blob) = 0;
  virtual void blob_arrived(const Digest& blob, uint64_t bytes, uint64_t total_bytes) = 0;
  virtual void blob_read(const Digest& blob, uint64_t bytes, uint64_t total_bytes) = 0;
  // All of it was read, and it has its digest.
  virtual void blob_verified(const Digest& blob) = 0;
};

// At most so many connections at a time.
class ConnectionLimit {
 public:
  explicit ConnectionLimit(unsigned count) : free_(count) {}

  class Slot {
   public:
    explicit Slot(ConnectionLimit& limit) : limit_(limit) { limit_.take(); }
    ~Slot() { limit_.give_back(); }
    Slot(const Slot&) = delete;

   private:
    ConnectionLimit& limit_;
  };

 private:
  void take() {
    auto free = free_.lock();
    free.wait(returned_, [&] { return *free > 0; });
    --*free;
  }
  void give_back() {
    ++*free_.lock();
    returned_.notify_one();
  }

  Guarded<unsigned> free_;
  std::condition_variable returned_;
};

}  // namespace strata::registry
