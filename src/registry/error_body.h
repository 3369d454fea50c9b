// SPDX-License-Identifier: Apache-2.0
// What a registry says when it refuses, in docker's words.
// Shape:   {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":…}]}
// Source:  Distribution spec v1.1, "Error Codes"; how docker 20.10 words them: FORMATS section 9.5.
// Threads: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/reference.h"
#include "registry/http.h"

namespace strata::registry {

struct RegistryError {
  std::string code;  // "MANIFEST_UNKNOWN"
  std::string message;
  // "manifest unknown: manifest unknown"; the code alone where there is no message.
  std::string text() const;
};

// The errors in a body; none when it is not of that form. At most kMaxRegistryErrors.
inline constexpr size_t kMaxRegistryErrors = 32;
std::vector<RegistryError> parse_error_body(std::string_view body);

// The error of an answer that is not 2xx: kNotFound (404, and what docker takes for "not there"),
// kPermission (401, 403), kBusy (429, 503), kUnsupported (405, UNSUPPORTED), kIo (other 5xx),
// kInvalid (the rest). `asked` is what the request was about, for the messages of a pull; null: the
// registry's words alone. A 401 that says `error="insufficient_scope"` is DENIED, as for docker.
Error answer_error(const HttpResponse& answer, const oci::Reference* asked);

// Whether it is such a 401: another token would not have more rights.
bool lacks_rights(const HttpResponse& answer);

// "500 Internal Server Error".
std::string status_text(int status);

}  // namespace strata::registry
