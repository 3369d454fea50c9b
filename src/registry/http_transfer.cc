// SPDX-License-Identifier: Apache-2.0
#include "registry/http_transfer.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "registry/proxy.h"

namespace strata::registry {
namespace {

constexpr long kReceiveBufferBytes = 256 << 10;
constexpr long kSendBufferBytes = 256 << 10;

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_tls_failure(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
         code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

HttpTransfer::HttpTransfer(const CurlLibrary& curl, const HttpRequest& request, const Url& url,
                           bool may_authorize, HttpSink* sink)
    : curl_(curl), request_(request), may_authorize_(may_authorize), sink_(sink) {
  response_.url = url;
}

HttpTransfer::~HttpTransfer() {
  if (headers_ != nullptr) curl_.slist_free_all(headers_);
}

// curl_easy_setopt is variadic: Value must be exactly long, curl_off_t or a pointer.
template <typename Value>
void HttpTransfer::set(CURLoption option, Value value) {
  CURLcode code = curl_.easy_setopt(easy_, option, value);
  if (set_up_code_ == CURLE_OK) set_up_code_ = code;
}

Status HttpTransfer::set_up(CURL* easy, const TlsSettings& tls,
                            std::chrono::seconds connect_timeout) {
  easy_ = easy;
  connect_timeout = std::min(connect_timeout, request_.connect_timeout.value_or(connect_timeout));
  set(CURLOPT_URL, response_.url.to_string().c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::chrono::milliseconds(connect_timeout).count()));
  set(CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kSendBufferBytes);
  set(CURLOPT_ERRORBUFFER, &error_text_[0]);
  set(CURLOPT_USERAGENT, "strata/" STRATA_VERSION);
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set_body();
  set_headers();
  set_tls(tls);
  STRATA_CHECK(set_proxy());
  moved_at_ = std::chrono::steady_clock::now();
  if (set_up_code_ == CURLE_OK) return {};
  return error(ErrorCode::kUnsupported, "libcurl: {}", curl_.easy_strerror(set_up_code_));
}

void HttpTransfer::set_body() {
  const std::string& method = request_.method;
  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request_.upload != nullptr) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &on_upload);
    set(CURLOPT_READDATA, this);
    curl_off_t size = -1;  // unknown: chunked
    if (request_.upload_bytes) size = static_cast<curl_off_t>(*request_.upload_bytes);
    set(CURLOPT_INFILESIZE_LARGE, size);
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
  } else if (method != "GET") {
    if (method != "DELETE" || !request_.body.empty()) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

void HttpTransfer::set_headers() {
  auto append = [&](const std::string& line) {
    curl_slist* longer = curl_.slist_append(headers_, line.c_str());
    if (longer == nullptr) set_up_code_ = CURLE_OUT_OF_MEMORY;
    if (longer != nullptr) headers_ = longer;
  };
  bool has_type = false;
  for (const std::string& line : request_.headers) {
    has_type = has_type || line.starts_with("Content-Type:");
    append(line);
  }
  if (!has_type) append("Content-Type:");  // else curl calls every body a form
  append("Expect:");                       // no pause for "100 Continue": we have asked before
  if (may_authorize_ && !request_.authorization.empty()) {
    append("Authorization: " + request_.authorization);
  }
  set(CURLOPT_HTTPHEADER, headers_);
}

void HttpTransfer::set_tls(const TlsSettings& tls) {
  if (response_.url.scheme != "https") return;
  set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  // The names that Go's programs read too.
  if (is_set("SSL_CERT_FILE")) set(CURLOPT_CAINFO, std::getenv("SSL_CERT_FILE"));
  if (is_set("SSL_CERT_DIR")) set(CURLOPT_CAPATH, std::getenv("SSL_CERT_DIR"));
  if (!tls.authorities_pem.empty()) {
    // A blob replaces CAINFO; the system's authorities then come from the folder.
    if (!is_set("SSL_CERT_DIR")) set(CURLOPT_CAPATH, "/etc/ssl/certs");
    curl_blob blob{const_cast<char*>(tls.authorities_pem.data()), tls.authorities_pem.size(),
                   CURL_BLOB_COPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!tls.certificate_file.empty()) {
    set(CURLOPT_SSLCERT, tls.certificate_file.c_str());
    set(CURLOPT_SSLKEY, tls.key_file.c_str());
  }
}

// curl has rules of its own for the same variables; it is told the outcome.
Status HttpTransfer::set_proxy() {
  STRATA_TRY(const std::string proxy, ProxySettings::of_environment().proxy_of(response_.url));
  set(CURLOPT_PROXY, proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  return {};
}

std::chrono::steady_clock::duration HttpTransfer::idle_for() {
  return std::chrono::steady_clock::now() - moved_at_;
}

int HttpTransfer::on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  if (down + up != transfer->moved_bytes_) {
    transfer->moved_bytes_ = down + up;
    transfer->moved_at_ = std::chrono::steady_clock::now();
  }
  return 0;
}

size_t HttpTransfer::on_header(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  transfer->callback_status_ = transfer->take_header({data, size * count});
  transfer->moved_at_ = std::chrono::steady_clock::now();
  return transfer->callback_status_.ok() ? size * count : 0;
}

Status HttpTransfer::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // also behind "100 Continue" and a proxy's own answer
    response_.headers.clear();
    header_bytes_ = 0;
    size_t space = line.find(' ');
    response_.status = 0;
    if (space != line.npos) {
      const char* digits = line.data() + space + 1;
      (void)std::from_chars(digits, line.data() + line.size(), response_.status);
    }
    return {};
  }
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes || response_.headers.size() >= kMaxHeaders) {
    return error(ErrorCode::kInvalid,
                 "{} {}: the answer has more than {} headers or {} bytes of them", request_.method,
                 response_.url.shown(), kMaxHeaders, kMaxHeaderBytes);
  }
  size_t colon = line.find(':');
  if (colon == line.npos) return {};
  std::string name(trimmed(line.substr(0, colon)));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  response_.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  return {};
}

size_t HttpTransfer::on_body(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  transfer->callback_status_ = transfer->take_body(as_bytes({data, size * count}));
  transfer->moved_at_ = std::chrono::steady_clock::now();
  return transfer->callback_status_.ok() ? size * count : 0;
}

Status HttpTransfer::begin_body() {
  if (body_begun_) return {};
  body_begun_ = true;
  to_sink_ = sink_ != nullptr && response_.status >= 200 && response_.status < 300;
  return to_sink_ ? sink_->begin(response_) : Status();
}

Status HttpTransfer::take_body(ByteSpan bytes) {
  STRATA_CHECK(begin_body());
  if (to_sink_) return sink_->take(bytes);
  std::string& text = response_.text;
  if (response_.status >= 200 && response_.status < 300) {
    if (bytes.size() > request_.text_limit_bytes - text.size()) {
      return error(ErrorCode::kCorrupt, "{} {}: the answer is longer than {} bytes",
                   request_.method, response_.url.shown(), request_.text_limit_bytes);
    }
    text += as_text(bytes);
  } else {
    text += as_text(bytes).substr(0, kMaxErrorBodyBytes - text.size());
  }
  return {};
}

size_t HttpTransfer::on_upload(char* buffer, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  MutableByteSpan room(reinterpret_cast<std::byte*>(buffer), size * count);
  Result<size_t> bytes = transfer->request_.upload->read(room);
  transfer->moved_at_ = std::chrono::steady_clock::now();
  if (bytes.ok()) return *bytes;
  transfer->callback_status_ = std::move(bytes).error();
  return CURL_READFUNC_ABORT;
}

Status HttpTransfer::outcome(CURLcode code) {
  if (!callback_status_.ok()) return callback_status_;
  if (code == CURLE_OK) {
    if (response_.status < 200) return error(ErrorCode::kInvalid, "the answer is no HTTP");
    callback_status_ = begin_body();  // an empty body
    return callback_status_;
  }
  std::string_view text = error_text_[0] != '\0' ? error_text_ : curl_.easy_strerror(code);
  if (is_tls_failure(code)) return error(ErrorCode::kPermission, "{}", text);
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY) {
    return error(ErrorCode::kInvalid, "{}", text);
  }
  return error(ErrorCode::kIo, "{}", text);
}

}  // namespace strata::registry
