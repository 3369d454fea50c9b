// SPDX-License-Identifier: Apache-2.0
#include "registry/client.h"

#include "registry/error_body.h"
#include "registry/exchange.h"

namespace strata::registry {

struct Client::State : Shared {
  using Shared::Shared;
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::open(ClientOptions options, const Pool& pool) {
  STRATA_TRY(Registries registries, Registries::read(options));
  auto state = std::make_unique<State>(std::move(options), pool, std::move(registries));
  STRATA_CHECK(state->open(pool));
  if (state->options.warn) {
    for (const std::string& problem : state->credentials.problems()) state->options.warn(problem);
  }
  return std::unique_ptr<Client>(new Client(std::move(state)));
}

Result<std::unique_ptr<Repository>> Client::repository(const oci::Reference& name, Access access,
                                                       Patience patience) {
  std::vector<Location> locations;
  if (access == Access::kPull) {
    STRATA_TRY(locations, state_->registries.pull_locations(name));
  } else {
    STRATA_TRY(Location location, state_->registries.push_location(name));
    locations.push_back(std::move(location));
  }
  std::vector<Exchange::Place> places;
  for (const Location& location : locations) {
    bool wanted = name.digest() ? location.by_digest : location.by_tag;
    if (location.is_mirror && !wanted) continue;
    places.push_back(
        {state_->endpoint(location), location.path, location.name(), location.is_mirror});
  }
  auto exchange =
      std::make_unique<Exchange>(*state_, name.name_only(), access, patience, std::move(places));
  return std::unique_ptr<Repository>(new Repository(std::move(exchange)));
}

Result<std::string> Client::check_login(const std::string& server, const std::string& user,
                                        const std::string& secret) {
  std::shared_ptr<Endpoint> endpoint = state_->endpoint(state_->registries.server_location(server));
  std::string known = *endpoint->scheme.lock();
  std::vector<std::string> schemes = {"https", "http"};
  if (!known.empty()) schemes = {known};
  for (const std::string& scheme : schemes) {
    HttpRequest request;
    request.insecure = endpoint->insecure;
    STRATA_TRY(request.url, Url::parse(scheme + "://" + endpoint->authority + "/v2/"));
    Result<HttpResponse> answer =
        state_->retrier.perform([&] { return state_->http->perform(request); }, nullptr, 2);
    if (!answer.ok() && scheme != schemes.back()) continue;
    if (!answer.ok()) return std::move(answer).error();
    if (answer->status != 200 && answer->status != 401) {
      return error(ErrorCode::kInvalid, "login attempt to {} failed with status: {}",
                   request.url.shown(), status_text(answer->status));
    }
    return state_->authorizer->try_login(request, *answer, Credentials{user, secret});
  }
  return error(ErrorCode::kIo, "{}: no answer", server);
}

Result<std::string> Client::push_record_key(const oci::Reference& name) {
  STRATA_TRY(std::optional<Credentials> who, state_->authorizer->credentials(name.full_name()));
  return registry::push_record_key(who);
}

}  // namespace strata::registry
