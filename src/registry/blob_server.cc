// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_server.h"

namespace strata::registry {

BlobSink::~BlobSink() = default;
BlobServer::~BlobServer() = default;

}  // namespace strata::registry
