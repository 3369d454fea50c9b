// SPDX-License-Identifier: Apache-2.0
#include "registry/exchange.h"

#include "registry/error_body.h"

namespace strata::registry {
namespace {

constexpr std::chrono::seconds kShortPatience{5};

// Go's name of a method in the errors of its client, which are docker's: `Get "https://…": …`.
std::string go_method(const std::string& method) {
  std::string name = method;
  for (size_t i = 1; i < name.size(); ++i) name[i] = static_cast<char>(name[i] - 'A' + 'a');
  return name;
}

// Knows whether the body has reached its sink.
class WatchedSink final : public HttpSink {
 public:
  explicit WatchedSink(HttpSink& next, bool& begun) : next_(next), begun_(begun) {}
  Status begin(const HttpResponse& response) override {
    begun_ = true;
    return next_.begin(response);
  }
  Status take(ByteSpan bytes) override { return next_.take(bytes); }
  bool is_wanted() const override { return next_.is_wanted(); }

 private:
  HttpSink& next_;
  bool& begun_;
};

std::string_view actions_of(Access access) {
  switch (access) {
    case Access::kPull:
      return "pull";
    case Access::kPush:
      return "push,pull";
    case Access::kDelete:
      return "pull,delete";
  }
  return "pull";
}

bool is_refused(const Result<HttpResponse>& result) {
  return !result.ok() || result->status >= 400;
}

// What servers that want TLS say to whom speaks without. A registry's own 400 says more.
bool is_of_tls_server(const HttpResponse& answer) {
  return answer.status == 400 && parse_error_body(answer.text).empty();
}

}  // namespace

Status Shared::open(const Pool& pool) {
  STRATA_TRY(http, Http::open(options, pool, [this](const Url& url, bool insecure) {
               return tls_for(url, insecure);
             }));
  authorizer = std::make_unique<Authorizer>(*http, credentials, retrier);
  return {};
}

Result<std::shared_ptr<const TlsSettings>> Shared::tls_for(const Url& url, bool insecure) {
  auto known = tls.lock();
  std::shared_ptr<const TlsSettings>& settings = (*known)[{url.origin(), insecure}];
  if (!settings) {
    STRATA_TRY(settings, registries.tls_for(url, insecure));
  }
  return settings;
}

std::shared_ptr<Endpoint> Shared::endpoint(const Location& location) {
  auto all = endpoints.lock();
  std::shared_ptr<Endpoint>& endpoint = (*all)[{location.host, location.insecure}];
  if (endpoint) return endpoint;
  endpoint = std::make_shared<Endpoint>();
  size_t slashes = location.host.find("://");
  endpoint->authority =
      slashes == location.host.npos ? location.host : location.host.substr(slashes + 3);
  endpoint->insecure = location.insecure;
  if (slashes != location.host.npos) {
    *endpoint->scheme.lock() = location.host.substr(0, slashes);
  } else if (!location.insecure) {
    *endpoint->scheme.lock() = "https";
  }
  return endpoint;
}

AuthTarget Exchange::target_of(const Place& place, const Call& call) const {
  AuthTarget target{place.name, {repository_scope(place.path, actions_of(access_))}};
  if (!call.extra_scope.empty()) target.scopes.push_back(call.extra_scope);
  return target;
}

Result<HttpResponse> Exchange::send_by(const std::string& scheme, const Place& place,
                                       const Call& call, HttpSink* sink) {
  HttpRequest request;
  request.method = call.method;
  STRATA_TRY(Url base, Url::parse(scheme + "://" + place.endpoint->authority + "/"));
  request.url = base;
  if (call.url) {
    request.url = *call.url;
  } else {
    STRATA_TRY(request.url, base.resolve("/v2/" + place.path + "/" + call.target));
  }
  request.headers = call.headers;
  request.body = call.body;
  request.upload = call.upload;
  request.upload_bytes = call.upload_bytes;
  request.content_is_checked = call.content_is_checked;
  request.text_limit_bytes = call.text_limit_bytes;
  request.insecure = place.endpoint->insecure;
  if (patience_ == Patience::kShort) request.connect_timeout = kShortPatience;
  // Where an answer pointed to another server, that one has to do without.
  const bool ours = request.url.same_origin(base);
  // Twice again at most: what is asked for is learned first, and a token that was known may be stale.
  for (int again = 2;; --again) {
    if (ours) {
      Result<std::string> value = shared_.authorizer->authorization(base, target_of(place, call));
      if (!value.ok()) {
        return std::move(value.error())
            .add_context(fmt::format("{} \"{}\"", go_method(call.method), request.url.shown()));
      }
      request.authorization = *std::move(value);
    }
    STRATA_TRY(HttpResponse answer, shared_.http->perform(request, sink));
    // An upload's source is used up: its caller begins anew.
    if (answer.status != 401 || again == 0 || !answer.url.same_origin(base)) return answer;
    STRATA_TRY(bool retry, shared_.authorizer->challenged(request, answer));
    if (!retry || call.upload != nullptr) return answer;
  }
}

Result<HttpResponse> Exchange::send_to(const Place& place, const Call& call, HttpSink* sink,
                                       bool* begun) {
  Endpoint& endpoint = *place.endpoint;
  auto once = [&]() -> Result<HttpResponse> {
    std::string scheme = *endpoint.scheme.lock();
    if (call.url) scheme = call.url->scheme;
    if (!scheme.empty()) return send_by(scheme, place, call, sink);
    Result<HttpResponse> secure = send_by("https", place, call, sink);
    if (secure.ok()) *endpoint.scheme.lock() = "https";
    if (secure.ok() || *begun || secure.error().code() == ErrorCode::kCancelled) return secure;
    Result<HttpResponse> plain = send_by("http", place, call, sink);
    if (plain.ok() && is_of_tls_server(*plain)) return secure;
    if (plain.ok()) *endpoint.scheme.lock() = "http";
    if (plain.ok() || plain.error().code() == ErrorCode::kCancelled) return plain;
    return error(plain.error().code(), "{}; {}", secure.error().message(), plain.error().message());
  };
  // A server of which nothing has been heard gets one more chance only: it is not there, mostly.
  bool once_only = !call.repeatable || patience_ == Patience::kShort;
  unsigned most = once_only ? 1 : endpoint.has_answered ? 0 : 2;
  if (place.is_mirror && most == 0) most = 2;
  Result<HttpResponse> result = shared_.retrier.perform(
      [&] {
        Result<HttpResponse> answer = once();
        if (answer.ok()) endpoint.has_answered = true;
        return answer;
      },
      begun, most, sink);
  return result;
}

Result<HttpResponse> Exchange::send(const Call& call, HttpSink* sink) {
  bool begun = false;
  std::unique_ptr<WatchedSink> watched;
  if (sink != nullptr) watched = std::make_unique<WatchedSink>(*sink, begun);
  for (size_t at = first_place_; at + 1 < places_.size(); ++at) {
    Result<HttpResponse> result = send_to(places_[at], call, watched.get(), &begun);
    if (!is_refused(result) || begun) return result;
    if (!result.ok() && result.error().code() == ErrorCode::kCancelled) return result;
    // A mirror that does not answer is left out from now on; one that lacks this may have others.
    bool is_dead = !result.ok() || result->status >= 500;
    if (is_dead && first_place_ == at) first_place_ = at + 1;
  }
  return send_to(places_.back(), call, watched.get(), &begun);
}

Result<HttpResponse> Exchange::call(const Call& call, HttpSink* sink, const oci::Reference* asked) {
  STRATA_TRY(HttpResponse answer, send(call, sink));
  if (answer.status >= 200 && answer.status < 300) return answer;
  return answer_error(answer, asked);
}

}  // namespace strata::registry
