// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 over libcurl: one request at a time for each thread, connections kept and reused.
//
// Redirects are followed here and not by curl: Authorization is sent to the origin of the first URL
// only (scheme, host and port), and a step from https down to http is taken only where the
// content is checked by its digest.
// Source:  RFC 9110, RFC 9112.
// Threads: any.
// Memory:  a connection's buffers, at most kIdleHandles connections that wait, and what a request
//          asks to be collected.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/pool.h"
#include "base/stream.h"
#include "registry/client_options.h"
#include "registry/curl_library.h"
#include "registry/url.h"

namespace strata::registry {

inline constexpr size_t kMaxHeaderBytes = 64 << 10;
inline constexpr size_t kMaxHeaders = 256;
inline constexpr int kMaxRedirects = 10;
inline constexpr size_t kMaxErrorBodyBytes = 64 << 10;

// How to speak TLS with one host.
struct TlsSettings {
  bool verify = true;
  std::string authorities_pem = {};  // trusted besides the system's
  std::string certificate_file = {};
  std::string key_file = {};
};
// By "host:port", the port always there. `insecure`: as HttpRequest's.
using TlsLookup =
    std::function<Result<std::shared_ptr<const TlsSettings>>(const Url& url, bool insecure)>;

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  Url url = {};           // that answered, behind the redirects
  std::string text = {};  // the body, where no sink took it

  // The first header of that name (lower case), empty if there is none.
  std::string_view header(std::string_view name) const;
  std::vector<std::string_view> all_headers(std::string_view name) const;
};

// Takes the body of a 2xx answer.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  virtual Status begin(const HttpResponse& response) = 0;
  virtual Status take(ByteSpan bytes) = 0;
  // As BlobSink::is_wanted.
  virtual bool is_wanted() const { return true; }
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<std::string> headers = {};  // "Name: value"
  std::string authorization = {};         // value of that header; never sent to another origin
  std::string body = {};                  // POST, PUT, PATCH
  ByteSource* upload = nullptr;           // instead of `body`; chunked unless its size is known
  std::optional<uint64_t> upload_bytes = {};
  bool insecure =
      false;  // the certificate of `url`'s server is not checked, whatever its host says
  bool content_is_checked = false;    // may be fetched over http behind an https URL
  size_t text_limit_bytes = 1 << 20;  // of HttpResponse::text of a 2xx answer
  std::optional<std::chrono::seconds> connect_timeout = {};  // if not the usual one
};

class Http {
 public:
  // Errors: kUnsupported, when there is no libcurl.
  static Result<std::unique_ptr<Http>> open(const ClientOptions& options, const Pool& pool,
                                            TlsLookup tls);
  ~Http();

  // Sends the request and returns what the server answered, whatever the status. The body goes to
  // `sink` if it is given and the status is 2xx, else into `text`; of other answers at most
  // kMaxErrorBodyBytes are kept.
  // Errors: kIo (no connection, lost, stalled, body shorter than announced), kInvalid (no HTTP,
  // headers beyond the limits, too many redirects), kPermission (a certificate that is not
  // trusted), kCorrupt (a body beyond `text_limit_bytes`), kCancelled, and those of `sink` and `upload`. The message
  // begins with method and URL, without the query.
  Result<HttpResponse> perform(const HttpRequest& request, HttpSink* sink = nullptr);

  static constexpr size_t kIdleHandles = 16;

 private:
  class Handle;
  struct Transfer;
  Http(const CurlLibrary& curl, const ClientOptions& options, const Pool& pool, TlsLookup tls);
  Result<std::unique_ptr<Handle>> take_handle(const Url& url);
  void give_back(std::unique_ptr<Handle> handle, const Url& url);
  // One request without redirects.
  Status transfer(Transfer& transfer);
  Status drive(Handle& handle, Transfer& transfer);

  const CurlLibrary& curl_;
  const std::chrono::seconds connect_timeout_;
  const std::chrono::seconds stall_timeout_;
  const Pool& pool_;
  const TlsLookup tls_;
  Guarded<std::vector<std::pair<std::string, std::unique_ptr<Handle>>>> idle_;  // by origin
};

}  // namespace strata::registry
