// SPDX-License-Identifier: Apache-2.0
// What a registry wants to see as Authorization: Basic, or a token of the server that it names.
// Source:  Distribution, "Token Authentication" and "OAuth2"; FORMATS section 9.1.
// Threads: any; one token is asked for at a time.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "registry/credentials.h"
#include "registry/http.h"
#include "registry/http_fields.h"
#include "registry/retry.h"

namespace strata::registry {

// For what a request needs rights.
struct AuthTarget {
  std::string name;                 // "host/path": whose credentials
  std::vector<std::string> scopes;  // "repository:library/x:pull"
};

std::string repository_scope(std::string_view path, std::string_view actions);

class Authorizer {
 public:
  Authorizer(Http& http, const CredentialStore& store, const Retrier& retrier)
      : http_(http), store_(store), retrier_(retrier) {}

  // The header's value for a request to `url`; empty as long as its origin has not asked for any.
  // Errors: kPermission (in docker's words), and those of Http and of credential helpers.
  Result<std::string> authorization(const Url& url, const AuthTarget& target);
  // Reads the challenge of a 401 answer to `sent`. False: there is no use in sending it again.
  Result<bool> challenged(const HttpRequest& sent, const HttpResponse& answer);

  // As CredentialStore::find, once for each name.
  Result<std::optional<Credentials>> credentials(const std::string& name);

  // Whether the server whose answer to `ping` it is takes these: the identity token, or nothing.
  // Errors: kPermission, `login attempt to … failed with status: 401 Unauthorized`.
  Result<std::string> try_login(const HttpRequest& ping, const HttpResponse& answer,
                                const Credentials& credentials);

 private:
  struct Demand {  // what an origin asks for
    bool is_basic = false;
    Url realm = {};
    std::string service = {};
    bool registry_is_https = true;
    bool insecure = false;  // as the registry, so its token server
  };
  struct Token {
    std::string value;
    std::string identity_token;
    std::chrono::steady_clock::time_point good_until;
  };
  struct State {
    std::map<std::string, Demand> demands;  // by origin
    std::map<std::string, Token> tokens;    // by realm, service, scopes and user
    std::map<std::string, std::optional<Credentials>> credentials;  // by full name
  };
  static Result<std::optional<Demand>> demand_of(const HttpRequest& sent,
                                                 const HttpResponse& answer);
  Result<Token> fetch_token(const Demand& demand, const std::vector<std::string>& scopes,
                            const std::optional<Credentials>& credentials, bool for_login);

  Http& http_;
  const CredentialStore& store_;
  const Retrier& retrier_;
  Guarded<State> state_;
};

}  // namespace strata::registry
