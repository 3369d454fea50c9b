// SPDX-License-Identifier: Apache-2.0
//   url  = "ssh://" [ user "@" ] host [ ":" port ] [ path ]
//   host = name | "[" IPv6 address "]"
// Source: RFC 3986, section 3.2; git-fetch(1), "GIT URLS".
#include "cli/ssh_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace strata::cli {
namespace {

constexpr std::string_view kScheme = "ssh://";

Error invalid(std::string_view url, std::string_view why) {
  return error(ErrorCode::kInvalid,
               "invalid address \"{}\": {}; expected ssh://[user@]host[:port][/root]", url, why);
}

bool is_plain(std::string_view text) {  // nothing that a shell or terminal could take amiss
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("\"'\\`$;&|<>(){}*?!#").find(c) == std::string_view::npos;
  });
}

Result<std::string> percent_decoded(std::string_view url, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '%') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    std::string_view digits = text.substr(1, 2);
    auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || failure != std::errc() || end != digits.data() + 2 || value == 0) {
      return invalid(url, "a \"%\" is not followed by two hex digits");
    }
    out += static_cast<char>(value);
    text.remove_prefix(3);
  }
  return out;
}

// Cuts the port off what stands behind the user.
Status split_port(std::string_view url, std::string_view& host, std::string& port) {
  size_t end = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  if (host.starts_with('[') && end == std::string_view::npos)
    return invalid(url, "a \"]\" is missing");
  size_t colon = host.find(':', end == std::string_view::npos ? 0 : end);
  if (colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
    unsigned number = 0;
    auto [last, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (failure != std::errc() || last != port.data() + port.size() || number == 0 ||
        number > 65535) {
      return invalid(url, "the port is not a number from 1 to 65535");
    }
  }
  if (end != std::string_view::npos) {
    if (end + 1 != host.size()) return invalid(url, "something stands behind the \"]\"");
    host = host.substr(1, end - 1);
  }
  return {};
}

}  // namespace

bool is_ssh_url(std::string_view text) { return text.starts_with(kScheme); }

Result<SshUrl> parse_ssh_url(std::string_view text) {
  std::string_view rest = text.substr(std::min(text.size(), kScheme.size()));
  size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash);
  std::string_view host = rest.substr(0, slash);
  size_t at = host.rfind('@');
  std::string_view user;
  if (at != std::string_view::npos) {
    user = host.substr(0, at);
    host = host.substr(at + 1);
    if (user.empty() || user.starts_with('-') || user.find(':') != std::string_view::npos ||
        !is_plain(user)) {
      return invalid(text, "that is no user's name (and no place for a password)");
    }
  }
  SshUrl url;
  STRATA_CHECK(split_port(text, host, url.port));
  if (host.empty() || host.starts_with('-') || !is_plain(host)) {
    return invalid(text, "that is no host's name");
  }
  url.destination = user.empty() ? std::string(host) : fmt::format("{}@{}", user, host);
  if (path == "/") path = {};
  STRATA_TRY(url.root, percent_decoded(text, path));
  return url;
}

std::string quote_for_shell(std::string_view word) {
  std::string out = "'";
  for (char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string quote_for_shell(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + quote_for_shell(word);
  return out;
}

}  // namespace strata::cli
