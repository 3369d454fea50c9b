// SPDX-License-Identifier: Apache-2.0
#include "registry/web_file.h"

namespace strata::registry {
namespace {

constexpr int kNotFoundStatus = 404;

class ForwardingSink final : public HttpSink {
 public:
  explicit ForwardingSink(ByteSink& to) : to_(to) {}
  Status begin(const HttpResponse&) override { return {}; }
  Status take(ByteSpan bytes) override { return to_.write(bytes); }

 private:
  ByteSink& to_;
};

}  // namespace

Result<std::unique_ptr<WebFile>> WebFile::open(std::string_view url, const ClientOptions& options,
                                               const Pool& pool) {
  HttpRequest request;
  STRATA_TRY(request.url, Url::parse(url));
  auto settings = std::make_shared<const TlsSettings>();
  STRATA_TRY(std::unique_ptr<Http> http, Http::open(options, pool, [settings](const Url&) {
               return Result<std::shared_ptr<const TlsSettings>>(settings);
             }));
  return std::unique_ptr<WebFile>(new WebFile(std::move(http), std::move(request)));
}

WebFile::WebFile(std::unique_ptr<Http> http, HttpRequest request)
    : http_(std::move(http)),
      request_(std::move(request)),
      content_([this](ByteSink& to) { return fetch(to); }) {}

Status WebFile::fetch(ByteSink& to) {
  ForwardingSink sink(to);
  STRATA_TRY(HttpResponse response, http_->perform(request_, &sink));
  if (response.status / 100 == 2) return {};
  return error(response.status == kNotFoundStatus ? ErrorCode::kNotFound : ErrorCode::kIo,
               "failed to GET {}: status {}", request_.url.shown(), response.status);
}

}  // namespace strata::registry
