// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_server.h"

namespace strata::registry {

BlobSink::~BlobSink() = default;
BlobServer::~BlobServer() = default;

Status BlobServer::get_blob_from(const std::string& url, const Digest&, const BlobRange&,
                                 BlobSink&) {
  return error(ErrorCode::kUnsupported, "nothing is fetched from {}", url);
}

Status BlobText::begin(const BlobAnswer& answer) {
  answer_ = answer;
  return {};
}

Status BlobText::take(ByteSpan bytes) {
  if (bytes.size() > limit_bytes_ - text_.size()) {
    return error(ErrorCode::kInvalid, "more than {} bytes", limit_bytes_);
  }
  text_ += as_text(bytes);
  return {};
}

Error about_blob(std::string_view what, const Digest& blob, Error error) {
  std::string name = blob.to_string();
  bool has_it = error.message().find(name) != std::string::npos;
  error.add_context(has_it ? std::string(what) : fmt::format("{} {}", what, name));
  return error;
}

Result<std::string> get_small_blob(BlobServer& server, const Digest& blob, uint64_t limit_bytes) {
  BlobText sink(limit_bytes);
  STRATA_CHECK(server.get_blob(blob, {}, sink));
  Digest found = Digest::of(sink.text());
  if (found == blob) return sink.text();
  return error(ErrorCode::kCorrupt, "what the registry sent has digest {}", found);
}

}  // namespace strata::registry
