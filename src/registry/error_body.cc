// SPDX-License-Identifier: Apache-2.0
#include "registry/error_body.h"

#include "oci/go_text.h"
#include "oci/json.h"
#include "registry/http_fields.h"

namespace strata::registry {
namespace {

struct StatusName {
  int status;
  std::string_view name;
};
// RFC 9110 section 15, those that registries and what stands before them send.
constexpr StatusName kNames[] = {
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Request Entity Too Large"},
    {416, "Range Not Satisfiable"},
    {418, "I'm a teapot"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

constexpr size_t kMaxMessage = 1000;  // bytes
constexpr std::string_view kInsufficientScope = "insufficient_scope";

// What a terminal must not be told: control characters of the server's.
std::string printable(std::string_view text, size_t limit) {
  std::string out;
  for (char c : text.substr(0, limit)) {
    bool control = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    out += control ? ' ' : c;
  }
  return out;
}

std::string member_text(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = oci::find_member(object, name);
  if (value == nullptr || !value->is_string()) return {};
  return printable(std::string_view(value->get_string()), kMaxMessage);
}

ErrorCode code_of_status(int status) {
  if (status == 401 || status == 403) return ErrorCode::kPermission;
  if (status == 404 || status == 410) return ErrorCode::kNotFound;
  if (status == 405 || status == 501) return ErrorCode::kUnsupported;
  if (status == 429 || status == 503) return ErrorCode::kBusy;
  return status >= 500 ? ErrorCode::kIo : ErrorCode::kInvalid;
}

// What docker makes of a refused pull.
Error pull_error(const RegistryError& first, ErrorCode code, const oci::Reference& asked) {
  if (first.code == "DENIED") {
    return error(ErrorCode::kPermission,
                 "pull access denied for {}, repository does not exist or may require 'docker "
                 "login': {}",
                 asked.familiar_name(), first.text());
  }
  if (first.code == "MANIFEST_UNKNOWN") {
    return error(ErrorCode::kNotFound, "manifest for {} not found: {}", asked.familiar_string(),
                 first.text());
  }
  if (first.code == "NAME_UNKNOWN") {
    return error(ErrorCode::kNotFound, "repository {} not found: {}", asked.familiar_name(),
                 first.text());
  }
  return Error(code, first.text());
}

// A body that is not of the form. docker quotes it below 500, whatever it is.
Error unreadable_error(int status, ErrorCode code, std::string_view body) {
  if (status == 429) return Error(code, "toomanyrequests: " + printable(body, 300));
  if (status == 401) return Error(code, "unauthorized: authentication required");
  if (status >= 400 && status < 500 && !body.empty()) {
    Result<boost::json::value> parsed = oci::parse_json(body);
    return error(
        code, "error parsing HTTP {} response body: {}: {}{}", status,
        parsed.ok() ? "no error details found in HTTP response body" : parsed.error().message(),
        oci::go_quote(body.substr(0, kMaxMessage)), body.size() > kMaxMessage ? "..." : "");
  }
  if (status == 403) return Error(code, "denied: requested access to the resource is denied");
  return error(code, "received unexpected HTTP status: {}", status_text(status));
}

// RFC 6750 section 3.1, as docker takes it: what the challenge of a 401 says is first among the errors.
std::optional<RegistryError> bearer_error(const HttpResponse& answer) {
  for (std::string_view header : answer.all_headers("www-authenticate")) {
    for (const Challenge& challenge : parse_challenges(header)) {
      if (challenge.scheme != "bearer") continue;
      std::string words = printable(challenge.value("error_description"), kMaxMessage);
      if (challenge.value("error") == kInsufficientScope) {
        return RegistryError{"DENIED",
                             words.empty() ? "requested access to the resource is denied" : words};
      }
      if (challenge.value("error") == "invalid_token") {
        return RegistryError{"UNAUTHORIZED", words.empty() ? "authentication required" : words};
      }
    }
  }
  return std::nullopt;
}

}  // namespace

bool lacks_rights(const HttpResponse& answer) {
  std::optional<RegistryError> said = bearer_error(answer);
  return answer.status == 401 && said && said->code == "DENIED";
}

std::string RegistryError::text() const {
  std::string words;
  for (char c : code.empty() ? std::string_view("UNKNOWN") : std::string_view(code)) {
    bool upper = c >= 'A' && c <= 'Z';
    words += c == '_' ? ' ' : upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return message.empty() ? words : words + ": " + message;
}

std::vector<RegistryError> parse_error_body(std::string_view body) {
  std::vector<RegistryError> errors;
  Result<boost::json::value> parsed = oci::parse_json(body);
  if (!parsed.ok() || !parsed->is_object()) return errors;
  const boost::json::value* list = oci::find_member(parsed->get_object(), "errors");
  if (list == nullptr || !list->is_array()) return errors;
  for (const boost::json::value& value : list->get_array()) {
    if (!value.is_object() || errors.size() == kMaxRegistryErrors) break;
    const boost::json::object& object = value.get_object();
    errors.push_back({member_text(object, "code"), member_text(object, "message")});
  }
  return errors;
}

Error answer_error(const HttpResponse& answer, const oci::Reference* asked) {
  const int status = answer.status;
  ErrorCode code = code_of_status(status);
  std::vector<RegistryError> errors = parse_error_body(answer.text);
  std::optional<RegistryError> said = status == 401 ? bearer_error(answer) : std::nullopt;
  if (said) errors.assign(1, *std::move(said));
  if (errors.empty()) return unreadable_error(status, code, answer.text);
  const RegistryError& first = errors.front();
  if (first.code == "UNSUPPORTED") code = ErrorCode::kUnsupported;
  if (first.code == "TOOMANYREQUESTS") code = ErrorCode::kBusy;
  if (asked != nullptr) return pull_error(first, code, *asked);
  if (errors.size() == 1) return Error(code, first.text());
  std::string all = "errors:\n";  // as docker prints several
  for (const RegistryError& one : errors) all += one.text() + "\n";
  return Error(code, all);
}

std::string status_text(int status) {
  for (const StatusName& entry : kNames) {
    if (entry.status == status) return fmt::format("{} {}", status, entry.name);
  }
  return std::to_string(status);
}

}  // namespace strata::registry
