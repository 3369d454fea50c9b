// SPDX-License-Identifier: Apache-2.0
// Requests about one repository: to the place where it is, with the rights that it takes, again
// where that helps, and with errors in docker's words.
// Threads: any.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "registry/auth.h"
#include "registry/client.h"
#include "registry/registries.h"

namespace strata::registry {

// One server. What is found out about it holds for all its repositories.
struct Endpoint {
  std::string authority;  // "host:port"
  bool insecure = false;
  // Empty until it is known whether an insecure server speaks TLS: https is tried first.
  Guarded<std::string> scheme;
  std::atomic<bool> has_answered{false};
};

// What all repositories of a Client share.
struct Shared {
  Shared(ClientOptions client_options, const Pool& pool, Registries where)
      : options(std::move(client_options)),
        registries(std::move(where)),
        credentials(options),
        retrier(options, pool) {}

  // Errors: those of Http::open.
  Status open(const Pool& pool);
  std::shared_ptr<Endpoint> endpoint(const Location& location);
  // Registries::tls_for(), read once for each server.
  Result<std::shared_ptr<const TlsSettings>> tls_for(const Url& url, bool insecure);

  const ClientOptions options;
  const Registries registries;
  const CredentialStore credentials;
  const Retrier retrier;
  std::unique_ptr<Http> http;
  std::unique_ptr<Authorizer> authorizer;
  // By server, and whether it is insecure: one of registries.conf may be under one name alone.
  Guarded<std::map<std::pair<std::string, bool>, std::shared_ptr<Endpoint>>> endpoints;
  Guarded<std::map<std::pair<std::string, bool>, std::shared_ptr<const TlsSettings>>> tls;
};

struct Call {
  std::string method = "GET";
  std::string target = {};      // behind "/v2/<path>/": "manifests/latest"
  std::optional<Url> url = {};  // instead: where an earlier answer pointed to
  std::vector<std::string> headers = {};
  std::string body = {};
  ByteSource* upload = nullptr;
  std::optional<uint64_t> upload_bytes = {};
  std::string extra_scope = {};  // of another repository, for a mount
  bool repeatable = true;
  bool content_is_checked = false;
  size_t text_limit_bytes = 1 << 20;
};

class Exchange {
 public:
  struct Place {
    std::shared_ptr<Endpoint> endpoint;
    std::string path;
    std::string name;  // Location::name()
    bool is_mirror = false;
  };

  Exchange(Shared& shared, oci::Reference name, Access access, Patience patience,
           std::vector<Place> places)
      : shared_(shared),
        name_(std::move(name)),
        access_(access),
        patience_(patience),
        places_(std::move(places)) {}

  const oci::Reference& name() const { return name_; }
  Access access() const { return access_; }
  const Retrier& retrier() const { return shared_.retrier; }

  // What the server answers, whatever the status; from the first place that does not refuse.
  // Errors: those of Http, and of asking for a token.
  Result<HttpResponse> send(const Call& call, HttpSink* sink = nullptr);
  // The same, an answer that is not 2xx being an error; `asked`: see answer_error().
  Result<HttpResponse> call(const Call& call, HttpSink* sink = nullptr,
                            const oci::Reference* asked = nullptr);
  // The path of the repository at the place where it is pushed to.
  const std::string& push_path() const { return places_.back().path; }

 private:
  Result<HttpResponse> send_to(const Place& place, const Call& call, HttpSink* sink, bool* begun);
  Result<HttpResponse> send_by(const std::string& scheme, const Place& place, const Call& call,
                               HttpSink* sink);
  AuthTarget target_of(const Place& place, const Call& call) const;

  Shared& shared_;
  const oci::Reference name_;
  const Access access_;
  const Patience patience_;
  const std::vector<Place> places_;     // not empty; the registry itself is last
  std::atomic<size_t> first_place_{0};  // those before it have failed
};

}  // namespace strata::registry
