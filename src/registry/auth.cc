// SPDX-License-Identifier: Apache-2.0
//   GET <realm>?[account=USER&]scope=S[&scope=S…]&service=SERVICE      Authorization: Basic …
//   POST <realm>   grant_type=refresh_token&service&scope&client_id&refresh_token
//   200 {"token":T | "access_token":T, "expires_in":SECONDS, "refresh_token":R}
// Source: FORMATS section 9.1.
#include "registry/auth.h"

#include <algorithm>

#include "oci/json.h"
#include "registry/error_body.h"

namespace strata::registry {
namespace {

constexpr std::string_view kClientId = "docker";  // what token servers know
constexpr int64_t kLeastSeconds = 60;             // tokens that say less, or nothing, last so long
constexpr std::chrono::seconds kSlack{10};        // a token is renewed so long before its end

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string form(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (!text.empty()) text += '&';
    text += fmt::format("{}={}", name, percent_encoded(value));
  }
  return text;
}

// A token server's refusal; the hub's says why in a member of its own.
Error refusal(const HttpResponse& answer) {
  Result<boost::json::value> parsed = oci::parse_json(answer.text);
  if (answer.status == 401 && parsed.ok() && parsed->is_object()) {
    const boost::json::value* details = oci::find_member(parsed->get_object(), "details");
    if (details != nullptr && details->is_string()) {
      return error(ErrorCode::kPermission, "unauthorized: {}",
                   std::string_view(details->get_string()).substr(0, 300));
    }
  }
  return answer_error(answer, nullptr);
}

}  // namespace

std::string repository_scope(std::string_view path, std::string_view actions) {
  return fmt::format("repository:{}:{}", path, actions);
}

Result<std::optional<Credentials>> Authorizer::credentials(const std::string& name) {
  auto state = state_.lock();
  auto found = state->credentials.find(name);
  if (found != state->credentials.end()) return found->second;
  STRATA_TRY(std::optional<Credentials> credentials, store_.find(name));
  state->credentials.emplace(name, credentials);
  return credentials;
}

Result<std::optional<Authorizer::Demand>> Authorizer::demand_of(const HttpRequest& sent,
                                                                const HttpResponse& answer) {
  const Url& url = sent.url;
  const bool is_https = url.scheme == "https";
  std::optional<Demand> basic;
  for (std::string_view header : answer.all_headers("www-authenticate")) {
    for (const Challenge& challenge : parse_challenges(header)) {
      if (challenge.scheme == "basic") basic = Demand{true, {}, {}, is_https, sent.insecure};
      if (challenge.scheme != "bearer") continue;
      Result<Url> realm = url.resolve(challenge.value("realm"));
      if (!realm.ok() || challenge.value("realm").empty()) {
        return error(ErrorCode::kInvalid, "{}: its challenge names no token server: \"{}\"",
                     url.shown(), challenge.value("realm").substr(0, 200));
      }
      return std::optional<Demand>(
          Demand{false, *std::move(realm), challenge.value("service"), is_https, sent.insecure});
    }
  }
  return basic;
}

Result<bool> Authorizer::challenged(const HttpRequest& sent, const HttpResponse& answer) {
  STRATA_TRY(std::optional<Demand> demand, demand_of(sent, answer));
  if (!demand) return false;
  auto state = state_.lock();
  state->demands[sent.url.origin()] = *demand;
  if (sent.authorization.empty()) return true;
  if (lacks_rights(answer)) return false;
  // A token that the registry does not take any more; Basic credentials do not become better.
  return std::erase_if(state->tokens, [&](const auto& entry) {
           return "Bearer " + entry.second.value == sent.authorization;
         }) > 0;
}

Result<std::string> Authorizer::authorization(const Url& url, const AuthTarget& target) {
  Demand demand;
  {
    auto state = state_.lock();
    auto found = state->demands.find(url.origin());
    if (found == state->demands.end()) return std::string();
    demand = found->second;
  }
  STRATA_TRY(std::optional<Credentials> who, credentials(target.name));
  if (who && !who->registry_token.empty()) return "Bearer " + who->registry_token;
  if (demand.is_basic) {
    if (!who || who->user.empty()) {
      return error(ErrorCode::kPermission, "no basic auth credentials");
    }
    return "Basic " + basic_token(*who);
  }
  std::string key = demand.realm.to_string() + "\n" + demand.service + "\n" +
                    joined(target.scopes) + "\n" + (who ? who->user : "");
  auto state = state_.lock();  // held while it is fetched: the others need the same
  auto found = state->tokens.find(key);
  if (found != state->tokens.end() && found->second.good_until > std::chrono::steady_clock::now()) {
    return "Bearer " + found->second.value;
  }
  STRATA_TRY(Token token, fetch_token(demand, target.scopes, who, false));
  state->tokens[key] = token;
  return "Bearer " + token.value;
}

Result<Authorizer::Token> Authorizer::fetch_token(const Demand& demand,
                                                  const std::vector<std::string>& scopes,
                                                  const std::optional<Credentials>& credentials,
                                                  bool for_login) {
  HttpRequest request;
  request.url = demand.realm;
  request.insecure = demand.insecure;
  if (credentials && demand.registry_is_https && demand.realm.scheme == "http") {
    return error(
        ErrorCode::kPermission,
        "the registry names the token server {}, to which credentials would go unencrypted",
        demand.realm.shown());
  }
  if (credentials && !credentials->identity_token.empty()) {
    request.method = "POST";
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body = form({{"grant_type", "refresh_token"},
                         {"service", demand.service},
                         {"scope", joined(scopes)},
                         {"client_id", kClientId},
                         {"refresh_token", credentials->identity_token}});
  } else {
    if (credentials) request.url.add_query("account", credentials->user);
    if (for_login) {
      request.url.add_query("client_id", kClientId);
      request.url.add_query("offline_token", "true");
    }
    for (const std::string& scope : scopes) request.url.add_query("scope", scope);
    if (!demand.service.empty()) request.url.add_query("service", demand.service);
    if (credentials) request.authorization = "Basic " + basic_token(*credentials);
  }
  STRATA_TRY(HttpResponse answer, retrier_.perform([&] { return http_.perform(request); }));
  if (answer.status != 200) return refusal(answer);
  STRATA_TRY(boost::json::value value, oci::parse_json(answer.text, demand.realm.shown()));
  if (!value.is_object()) return oci::type_error(value, "auth.tokenResponse");
  const boost::json::object& object = value.get_object();
  Token token;
  STRATA_TRY(token.value, oci::get_string(object, "tokenResponse", "token"));
  if (token.value.empty()) {
    STRATA_TRY(token.value, oci::get_string(object, "tokenResponse", "access_token"));
  }
  STRATA_TRY(token.identity_token, oci::get_string(object, "tokenResponse", "refresh_token"));
  if (token.value.empty() || token.value.find_first_of("\r\n") != token.value.npos) {
    return error(ErrorCode::kInvalid,
                 "{}: authorization server did not include a token in the response",
                 demand.realm.shown());
  }
  STRATA_TRY(int64_t seconds, oci::get_int64(object, "tokenResponse", "expires_in"));
  seconds = std::clamp<int64_t>(seconds, kLeastSeconds, 24 * 3600);
  token.good_until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds) - kSlack;
  return token;
}

Result<std::string> Authorizer::try_login(const HttpRequest& ping, const HttpResponse& answer,
                                          const Credentials& credentials) {
  if (answer.status != 401) return std::string();  // the server asks nobody
  STRATA_TRY(std::optional<Demand> demand, demand_of(ping, answer));
  if (!demand) return answer_error(answer, nullptr);
  HttpRequest request = ping;
  std::string identity_token;
  if (demand->is_basic) {
    request.authorization = "Basic " + basic_token(credentials);
  } else {
    Result<Token> token = fetch_token(*demand, {}, credentials, true);
    if (!token.ok()) {
      return std::move(token.error()).add_context(fmt::format("Get \"{}\"", ping.url.shown()));
    }
    request.authorization = "Bearer " + token->value;
    identity_token = token->identity_token;
  }
  STRATA_TRY(HttpResponse second, retrier_.perform([&] { return http_.perform(request); }));
  if (second.status == 200) return identity_token;
  return error(ErrorCode::kPermission, "login attempt to {} failed with status: {}",
               ping.url.shown(), status_text(second.status));
}

}  // namespace strata::registry
