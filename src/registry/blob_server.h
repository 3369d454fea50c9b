// SPDX-License-Identifier: Apache-2.0
// What a download needs of whoever has the blobs: bytes of one blob from an offset on. A registry
// is one (client.h); tests have servers that fail.
// Threads: a BlobServer takes calls from several threads at once; a BlobSink is called by one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "hash/digest.h"

namespace strata::registry {

// Which bytes are wanted. All of them when nothing is set.
struct BlobRange {
  uint64_t offset = 0;
  std::optional<uint64_t> size_bytes = {};  // none: to the end
  // The ETag under which the first part came. The server sends the rest only if the blob is still
  // that one, else the whole (If-Range, RFC 9110 section 13.1.5).
  std::string validator = {};
};

// What the server says before the first byte.
struct BlobAnswer {
  uint64_t offset = 0;                       // where the body begins: 0 when it ignored the range
  std::optional<uint64_t> total_bytes = {};  // of the whole blob, when it says so
  bool takes_ranges = false;                 // 206, or Accept-Ranges: bytes
  std::string validator = {};                // strong ETag; empty: none
};

class BlobSink {
 public:
  virtual ~BlobSink();
  // Once, before the first take(). An error ends the transfer and is what get_blob returns.
  virtual Status begin(const BlobAnswer& answer) = 0;
  virtual Status take(ByteSpan bytes) = 0;
  // False: nobody needs the rest. Asked now and then, also while nothing arrives; the transfer then
  // ends with kCancelled.
  virtual bool is_wanted() const { return true; }
};

class BlobServer {
 public:
  virtual ~BlobServer();
  // Sends the bytes to `sink`, in order, as they arrive. Never more than `range` asked for, if the
  // answer's offset is the one of the range. Retries nothing behind the first byte: what has
  // arrived is the caller's, who asks for the rest.
  // Errors: kNotFound (`blob unknown to registry`), kPermission (401, 403), kBusy (429 or 503, also
  // after the waits that Retry-After asked for), kIo (connection lost, stalled, body shorter than
  // announced), kInvalid (an answer that makes no sense), and those of the sink.
  virtual Status get_blob(const Digest& blob, const BlobRange& range, BlobSink& sink) = 0;
  // The same from another place, one that the blob's descriptor names (`urls`). Only http and https;
  // no credentials go there. Errors: as get_blob; kUnsupported: this server does not do that.
  virtual Status get_blob_from(const std::string& url, const Digest& blob, const BlobRange& range,
                               BlobSink& sink);
};

// Collects what comes: for small blobs, and for parts of large ones.
class BlobText final : public BlobSink {
 public:
  explicit BlobText(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  Status begin(const BlobAnswer& answer) override;
  // Errors: kInvalid (`more than N bytes`).
  Status take(ByteSpan bytes) override;

  const BlobAnswer& answer() const { return answer_; }
  const std::string& text() const { return text_; }

 private:
  const uint64_t limit_bytes_;
  BlobAnswer answer_;
  std::string text_;
};

// Puts "image config sha256:…" before an error, without the digest where the error has it already.
Error about_blob(std::string_view what, const Digest& blob, Error error);
template <typename T>
Result<T> about_blob(std::string_view what, const Digest& blob, Result<T> result) {
  if (result.ok()) return result;
  return about_blob(what, blob, std::move(result).error());
}

// A small blob as a whole, verified.
// Errors: those of get_blob; kInvalid (it is larger than `limit_bytes`), kCorrupt.
Result<std::string> get_small_blob(BlobServer& server, const Digest& blob, uint64_t limit_bytes);

}  // namespace strata::registry
