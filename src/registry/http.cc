// SPDX-License-Identifier: Apache-2.0
#include "registry/http.h"

#include <algorithm>
#include <cstdlib>

#include "registry/http_transfer.h"

namespace strata::registry {
namespace {

constexpr int kPollMilliseconds = 100;  // how soon a cancellation or a stall is seen

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string_view> HttpResponse::all_headers(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : headers) {
    if (key == name) values.push_back(value);
  }
  return values;
}

// A curl handle with the connections that it keeps.
class Http::Handle {
 public:
  explicit Handle(const CurlLibrary& curl)
      : curl_(curl), easy(curl.easy_init()), multi(curl.multi_init()) {}
  Handle(const Handle&) = delete;
  ~Handle() {
    if (easy != nullptr) curl_.easy_cleanup(easy);
    if (multi != nullptr) curl_.multi_cleanup(multi);
  }
  bool sound() const { return easy != nullptr && multi != nullptr; }

 private:
  const CurlLibrary& curl_;

 public:
  CURL* const easy;
  CURLM* const multi;
};

struct Http::Transfer : HttpTransfer {
  using HttpTransfer::HttpTransfer;
};

Http::Http(const CurlLibrary& curl, const ClientOptions& options, const Pool& pool, TlsLookup tls)
    : curl_(curl),
      connect_timeout_(options.connect_timeout),
      stall_timeout_(options.stall_timeout),
      pool_(pool),
      tls_(std::move(tls)) {}

Http::~Http() = default;

Result<std::unique_ptr<Http>> Http::open(const ClientOptions& options, const Pool& pool,
                                         TlsLookup tls) {
  STRATA_TRY(const CurlLibrary* curl, curl_library());
  return std::unique_ptr<Http>(new Http(*curl, options, pool, std::move(tls)));
}

Result<std::unique_ptr<Http::Handle>> Http::take_handle(const Url& url) {
  {
    auto idle = idle_.lock();
    // The newest one: its connection is the least likely to have been closed by the server.
    auto found = std::find_if(idle->rbegin(), idle->rend(),
                              [&](const auto& entry) { return entry.first == url.origin(); });
    if (found != idle->rend()) {
      std::unique_ptr<Handle> handle = std::move(found->second);
      idle->erase(std::next(found).base());
      return handle;
    }
  }
  auto handle = std::make_unique<Handle>(curl_);
  if (!handle->sound()) return error(ErrorCode::kIo, "libcurl: no memory for a connection");
  return handle;
}

void Http::give_back(std::unique_ptr<Handle> handle, const Url& url) {
  curl_.easy_reset(handle->easy);
  std::unique_ptr<Handle> oldest;  // closed without the lock
  auto idle = idle_.lock();
  if (idle->size() >= kIdleHandles) {
    oldest = std::move(idle->front().second);
    idle->erase(idle->begin());
  }
  idle->emplace_back(url.origin(), std::move(handle));
}

Status Http::drive(Handle& handle, Transfer& transfer) {
  int running = 1;
  while (running > 0) {
    if (CURLMcode code = curl_.multi_perform(handle.multi, &running); code != CURLM_OK) {
      return error(ErrorCode::kIo, "libcurl: error {}", static_cast<int>(code));
    }
    STRATA_CHECK(pool_.check_cancelled());
    if (!transfer.is_wanted()) return error(ErrorCode::kCancelled, "nobody waits for it any more");
    if (transfer.idle_for() > stall_timeout_) {
      return error(ErrorCode::kIo, "no byte for {} seconds", stall_timeout_.count());
    }
    if (running > 0) {
      (void)curl_.multi_poll(handle.multi, nullptr, 0, kPollMilliseconds, nullptr);
    }
  }
  int left = 0;
  CURLMsg* message = curl_.multi_info_read(handle.multi, &left);
  if (message == nullptr || message->msg != CURLMSG_DONE) {
    return error(ErrorCode::kIo, "libcurl: the transfer has no end");
  }
  return transfer.outcome(message->data.result);
}

Status Http::transfer(Transfer& transfer) {
  STRATA_TRY(std::shared_ptr<const TlsSettings> tls, tls_(transfer.url(), transfer.is_insecure()));
  STRATA_TRY(std::unique_ptr<Handle> handle, take_handle(transfer.url()));
  STRATA_CHECK(transfer.set_up(handle->easy, *tls, connect_timeout_));
  if (curl_.multi_add_handle(handle->multi, handle->easy) != CURLM_OK) {
    return error(ErrorCode::kIo, "libcurl: the transfer cannot be started");
  }
  Status status = drive(*handle, transfer);
  curl_.multi_remove_handle(handle->multi, handle->easy);
  if (status.ok()) give_back(std::move(handle), transfer.url());
  return status;
}

Result<HttpResponse> Http::perform(const HttpRequest& request, HttpSink* sink) {
  Url url = request.url;
  bool may_authorize = true;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    Transfer transfer(curl_, request, url, may_authorize, sink);
    Status status = this->transfer(transfer);
    if (!status.ok()) {
      bool ours = transfer.failed_in_callback() || status.error().code() == ErrorCode::kCancelled;
      if (ours) return std::move(status).error();
      return std::move(status).error().add_context(request.method + " " + url.shown());
    }
    HttpResponse response = transfer.take_response();
    std::string_view location = response.header("location");
    bool follow = is_redirect(response.status) && !location.empty() &&
                  (request.method == "GET" || request.method == "HEAD");
    if (!follow) return response;
    Result<Url> next = url.resolve(location);
    if (!next.ok()) {
      return std::move(next).error().add_context(request.method + " " + url.shown() + ": redirect");
    }
    if (url.scheme == "https" && next->scheme == "http" && !request.content_is_checked) {
      return error(ErrorCode::kInvalid, "{} {}: it redirects from https to {}, which is not safe",
                   request.method, url.shown(), next->shown());
    }
    // Once lost, the right to authorize does not come back: a chain A -> B -> A is B's doing.
    may_authorize = may_authorize && next->same_origin(request.url);
    url = *std::move(next);
  }
  return error(ErrorCode::kInvalid, "{} {}: more than {} redirects", request.method,
               request.url.shown(), kMaxRedirects);
}

}  // namespace strata::registry
