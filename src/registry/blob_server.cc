// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_server.h"

namespace strata::registry {

BlobSink::~BlobSink() = default;
BlobServer::~BlobServer() = default;

Status BlobServer::get_blob_from(const std::string& url, const Digest&, const BlobRange&,
                                 BlobSink&) {
  return error(ErrorCode::kUnsupported, "nothing is fetched from {}", url);
}

}  // namespace strata::registry
