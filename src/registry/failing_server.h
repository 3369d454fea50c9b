// SPDX-License-Identifier: Apache-2.0
// A BlobServer for tests that has one blob and does with each request what it was told to.
// Threads: as BlobServer.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "registry/blob_server.h"

namespace strata::registry {

class FailingServer final : public BlobServer {
 public:
  struct Behaviour {
    Status instead = {};                // this, before any answer
    bool takes_ranges = true;           // else the whole, whatever was asked for
    std::string etag = "\"one\"";       // of the version that answers
    std::string content = {};           // empty: the server's
    std::optional<uint64_t> says = {};  // total size; none: the content's
    size_t drops_after = SIZE_MAX;      // bytes of the body; then the connection is lost
    size_t ends_after = SIZE_MAX;       // the same, but nobody says so
    bool stalls = false;                // no answer, until nobody wants it any more
  };

  explicit FailingServer(std::string content) : content_(std::move(content)) {}

  // What the next requests meet, in this order; those behind them meet `otherwise`.
  std::deque<Behaviour> next = {};
  Behaviour otherwise = {};
  // Called before each block of a body goes out.
  std::function<void(uint64_t offset)> before_block = {};

  std::vector<BlobRange> requests() { return *requests_.lock(); }
  uint64_t sent_bytes() { return *sent_.lock(); }

  Status get_blob(const Digest&, const BlobRange& range, BlobSink& sink) override {
    Behaviour now = begin(range);
    STRATA_CHECK(std::move(now.instead));
    while (now.stalls && sink.is_wanted())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (now.stalls) return Error(ErrorCode::kCancelled, "not wanted any more");
    const std::string& content = now.content.empty() ? content_ : now.content;
    bool whole = !now.takes_ranges || (!range.validator.empty() && range.validator != now.etag);
    uint64_t offset = whole ? 0 : range.offset;
    uint64_t end = content.size();
    if (!whole && range.size_bytes) end = std::min<uint64_t>(end, offset + *range.size_bytes);
    STRATA_CHECK(
        sink.begin({offset, now.says.value_or(content.size()), now.takes_ranges, now.etag}));
    return send(now, std::string_view(content).substr(offset, end - offset), offset, sink);
  }

 private:
  static constexpr size_t kBlockBytes = 1000;

  Behaviour begin(const BlobRange& range) {
    auto requests = requests_.lock();
    requests->push_back(range);
    if (next.empty()) return otherwise;
    Behaviour now = std::move(next.front());
    next.pop_front();
    return now;
  }

  Status send(const Behaviour& now, std::string_view body, uint64_t offset, BlobSink& sink) {
    size_t sent = 0;
    while (sent < body.size()) {
      if (before_block) before_block(offset + sent);
      if (sent >= now.ends_after) return {};
      if (sent >= now.drops_after) return Error(ErrorCode::kIo, "connection lost");
      std::string_view block =
          body.substr(sent, std::min({kBlockBytes, now.drops_after - sent, now.ends_after - sent}));
      STRATA_CHECK(sink.take(as_bytes(block)));
      sent += block.size();
      *sent_.lock() += block.size();
    }
    return {};
  }

  const std::string content_;
  Guarded<std::vector<BlobRange>> requests_;
  Guarded<uint64_t> sent_{0};
};

}  // namespace strata::registry
