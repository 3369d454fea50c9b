// SPDX-License-Identifier: Apache-2.0
//   key  = "sha256:" hex(sha256(J)), J = compact JSON of the members that are not empty, in this
//          order: username, password, auth, email, serveraddress, identitytoken, registrytoken
//   HMAC = hex(HMAC-SHA256(key, digest repository))
// Source: FORMATS section 9.6.
#include "oci/json.h"
#include "registry/credentials.h"

namespace strata::registry {

std::string push_record_key(const std::optional<Credentials>& credentials) {
  boost::json::object object;
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) object[name] = value;
  };
  if (credentials) {
    add("username", credentials->user);
    add("password", credentials->secret);
    add("identitytoken", credentials->identity_token);
    add("registrytoken", credentials->registry_token);
  }
  return Digest::of(oci::go_json(object)).to_string();
}

}  // namespace strata::registry
