// SPDX-License-Identifier: Apache-2.0
// WebFile: a file at an http or https URL, read while it arrives.
// Threads: one reader; a thread of its own fetches.
#pragma once

#include <memory>

#include "registry/http.h"
#include "registry/piped_source.h"

namespace strata::registry {

// HTTP to servers that are no registries: no credentials, certificates of the system's authorities.
// Errors: kUnsupported (no libcurl).
Result<std::unique_ptr<Http>> open_web(const ClientOptions& options, const Pool& pool);
// Docker's words for an answer that is no file: `failed to GET http://... with status 404 Not Found:
// <what the server says>`. kNotFound for 404, else kIo.
Error refused_file(std::string_view url, const HttpResponse& response);

class WebFile final : public ByteSource {
 public:
  // Starts to fetch; what goes wrong is told by read(). Redirects are followed, but not from https to
  // http. Errors: kInvalid (no URL of http or https), kUnsupported (no libcurl).
  static Result<std::unique_ptr<WebFile>> open(std::string_view url, const ClientOptions& options,
                                               const Pool& pool);

  // Errors: those of Http::perform; kNotFound and kIo for an answer that is no file, with its status.
  Result<size_t> read(MutableByteSpan buffer) override { return content_.read(buffer); }

 private:
  WebFile(std::unique_ptr<Http> http, HttpRequest request);
  Status fetch(ByteSink& to);

  std::unique_ptr<Http> http_;
  const HttpRequest request_;
  PipedSource content_;  // last: its thread uses the others
};

}  // namespace strata::registry
