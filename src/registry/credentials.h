// SPDX-License-Identifier: Apache-2.0
// Who the user is at a registry: docker's config.json, containers' auth.json and the helper
// programs that these name.
// Shape:   {"auths":{"HOST":{"auth":"<base64 of user:secret>","identitytoken":"…"}},
//           "credsStore":"NAME","credHelpers":{"HOST":"NAME"}}
// Source:  docker CLI 20.10, "docker login"; containers-auth.json(5); FORMATS section 9.1.
// Threads: any; files are read anew by each call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/reference.h"
#include "registry/client_options.h"

namespace strata::registry {

struct Credentials {
  std::string user = {};
  std::string secret = {};
  std::string identity_token = {};  // an OAuth2 refresh token, instead of user and secret
  std::string registry_token = {};  // a bearer token to be used as it is
  bool operator==(const Credentials&) const = default;
};

// The name under which docker files credentials of a server: "https://index.docker.io/v1/" for
// docker.io and its other names, else host and port alone.
std::string server_key(std::string_view server);

// base64 of "user:secret", as in the file and in `Authorization: Basic`.
std::string basic_token(const Credentials& credentials);

// The key of docker's HMAC over what was pushed with these credentials (FORMATS section 9.6).
std::string push_record_key(const std::optional<Credentials>& credentials);

// Where login() left the secret.
enum class Kept { kInFile, kByHelper };

class CredentialStore {
 public:
  explicit CredentialStore(const ClientOptions& options) : options_(options) {}

  // The credentials for a repository; none when nobody knows any. In this order: --authfile,
  // docker's helpers, docker's file, containers' files (the longest key that leads to the
  // repository). A helper that is not installed knows nobody; so does one that fails, and the options'
  // `warn` is told. What problems() names is passed over. Errors: kCancelled.
  Result<std::optional<Credentials>> find(std::string_view repository) const;
  // What is wrong with the files and with entries of theirs, in docker's words.
  std::vector<std::string> problems() const;
  // By docker's key alone: what login asks. Errors: kInvalid (a file that is not what it should be,
  // naming it), kPermission (what a helper says), kIo, kCancelled.
  Result<std::optional<Credentials>> find_server(const std::string& key) const;

  // Whether finding them may start a helper program.
  bool may_ask_helpers() const;

  // Keeps the credentials, by the helper that the file names for the server, or else in the file:
  // 0600, replaced by rename, members that we do not know kept.
  Result<Kept> put(const std::string& key, const Credentials& credentials) const;
  // Forgets them, if there are any.
  Status remove(const std::string& key) const;
  // The file that put() and remove() change.
  const std::string& file() const;

 private:
  std::vector<std::string> files() const;

  const ClientOptions options_;
};

}  // namespace strata::registry
