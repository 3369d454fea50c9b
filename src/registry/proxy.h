// SPDX-License-Identifier: Apache-2.0
// Which proxy a request goes through, by the environment's variables and the rules of Go's programs,
// docker and skopeo among them: docs/man/strata.1, ENVIRONMENT.
// Source:  golang.org/x/net/http/httpproxy, its documentation.
// Threads: values.
#pragma once

#include <string>

#include "registry/url.h"

namespace strata::registry {

struct ProxySettings {
  std::string for_http = {};   // HTTP_PROXY, http_proxy
  std::string for_https = {};  // HTTPS_PROXY, https_proxy
  std::string none_for = {};   // NO_PROXY, no_proxy
  bool in_cgi = false;         // HTTP_PROXY may then be a header of a client's request

  // Of each pair of variables the first that is not empty.
  static ProxySettings of_environment();

  // The proxy's URL or "host:port", as curl takes it; empty: none.
  // Errors: kInvalid (an http proxy in CGI).
  Result<std::string> proxy_of(const Url& url) const;
};

}  // namespace strata::registry
