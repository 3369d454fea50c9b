// SPDX-License-Identifier: Apache-2.0
#include "registry/web_file.h"

namespace strata::registry {
namespace {

constexpr int kNotFoundStatus = 404;

// RFC 9110, section 15: what servers answer with most.
std::string_view reason_of(int status) {
  switch (status) {
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case kNotFoundStatus:
      return " Not Found";
    case 410:
      return " Gone";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    default:
      return "";
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

class ForwardingSink final : public HttpSink {
 public:
  explicit ForwardingSink(ByteSink& to) : to_(to) {}
  Status begin(const HttpResponse&) override { return {}; }
  Status take(ByteSpan bytes) override { return to_.write(bytes); }

 private:
  ByteSink& to_;
};

}  // namespace

Result<std::unique_ptr<Http>> open_web(const ClientOptions& options, const Pool& pool) {
  auto settings = std::make_shared<const TlsSettings>();
  return Http::open(options, pool, [settings](const Url&, bool) {
    return Result<std::shared_ptr<const TlsSettings>>(settings);
  });
}

Error refused_file(std::string_view url, const HttpResponse& response) {
  return error(response.status == kNotFoundStatus ? ErrorCode::kNotFound : ErrorCode::kIo,
               "failed to GET {} with status {}{}: {}", url, response.status,
               reason_of(response.status), trimmed(response.text));
}

Result<std::unique_ptr<WebFile>> WebFile::open(std::string_view url, const ClientOptions& options,
                                               const Pool& pool) {
  HttpRequest request;
  STRATA_TRY(request.url, Url::parse(url));
  STRATA_TRY(std::unique_ptr<Http> http, open_web(options, pool));
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
  return refused_file(request_.url.shown(), response);
}

}  // namespace strata::registry
