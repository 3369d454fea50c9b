// SPDX-License-Identifier: Apache-2.0
// reference = name [ ":" tag ] [ "@" digest ]
// name      = [ domain "/" ] component *( "/" component )
// domain    = ( label *( "." label ) | "[" 1*( hex | ":" ) "]" ) [ ":" 1*digit ]
// label     = alnum [ *( alnum | "-" ) alnum ]
// component = 1*lower *( ( "." | "_" | "__" | *"-" ) 1*lower )         lower = a-z | 0-9
// tag       = ( alnum | "_" ) *127( alnum | "_" | "." | "-" )
// digest    = algorithm ":" 32*hex;  algorithm = part *( one of "-_+." part ), part = alpha *alnum
// Source: CNCF Distribution, reference/regexp.go and normalize.go.
// The first component is a domain only if it holds "." or ":" or is "localhost"; otherwise the
// domain is docker.io, where a single component is preceded by "library/".
#include "oci/reference.h"

#include <algorithm>

namespace strata::oci {
namespace {

constexpr std::string_view kLegacyDomain = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";
constexpr size_t kMaxTagLength = 128;
constexpr size_t kMinDigestHex = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || is_upper(c); }
bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
bool is_lower_alnum(char c) { return is_alnum(c) && !is_upper(c); }
bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

bool all(std::string_view text, bool (*test)(char)) {
  return std::all_of(text.begin(), text.end(), test);
}

std::string lower(std::string text) {
  for (char& c : text) c = is_upper(c) ? static_cast<char>(c + 32) : c;
  return text;
}

// Calls `good` with each part of `text` between separators; false as soon as it says no.
template <typename Good>
bool each_part(std::string_view text, char separator, Good good) {
  while (true) {
    size_t at = text.find(separator);
    if (!good(text.substr(0, at))) return false;
    if (at == text.npos) return true;
    text.remove_prefix(at + 1);
  }
}

bool is_label(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         all(text, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
  size_t host_end = text.find(':');
  if (text.starts_with('[')) {
    size_t close = text.find(']');
    if (close == text.npos || close < 2) return false;
    if (!all(text.substr(1, close - 1), [](char c) { return is_hex(c) || c == ':'; })) return false;
    host_end = close + 1 == text.size() ? text.npos : close + 1;
    if (host_end != text.npos && text[host_end] != ':') return false;
  } else if (!each_part(text.substr(0, host_end), '.', is_label)) {
    return false;
  }
  return host_end == text.npos ||
         (host_end + 1 < text.size() && all(text.substr(host_end + 1), is_digit));
}

bool is_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    size_t from = i;
    while (i < text.size() && !is_lower_alnum(text[i])) ++i;
    std::string_view separator = text.substr(from, i - from);
    bool dashes = separator.find_first_not_of('-') == separator.npos;
    if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    ++i;
  }
  return true;
}

bool is_path(std::string_view text) { return each_part(text, '/', is_component); }

bool looks_like_digest(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == text.npos) return false;
  std::string_view algorithm = text.substr(0, colon);
  bool part_begins = true;
  for (char c : algorithm) {
    bool separator = c == '-' || c == '_' || c == '+' || c == '.';
    if (part_begins ? !is_alpha(c) : !separator && !is_alnum(c)) return false;
    part_begins = separator;
  }
  std::string_view hex = text.substr(colon + 1);
  return !part_begins && hex.size() >= kMinDigestHex && all(hex, is_hex);
}

bool is_image_id(std::string_view text) {
  return text.size() == Digest::kHexDigits &&
         all(text, [](char c) { return is_hex(c) && !is_upper(c); });
}

Error invalid_format() { return Error(ErrorCode::kInvalid, "invalid reference format"); }
Error must_be_lowercase(std::string_view before) {
  return error(ErrorCode::kInvalid, "{}repository name must be lowercase", before);
}

// Errors with the texts of go-digest.
Result<Digest> parse_digest(std::string_view text) {
  size_t colon = text.find(':');
  if (text.substr(0, colon) != "sha256") {
    return Error(ErrorCode::kInvalid,
                 all(text.substr(0, colon), [](char c) { return !is_upper(c); })
                     ? "unsupported digest algorithm"
                     : "invalid checksum digest format");
  }
  std::string_view hex = text.substr(colon + 1);
  if (hex.size() != Digest::kHexDigits) {
    return Error(ErrorCode::kInvalid, "invalid checksum digest length");
  }
  Result<Digest> digest = Digest::parse_hex(hex);
  if (!digest.ok()) return Error(ErrorCode::kInvalid, "invalid checksum digest format");
  return digest;
}

// Cut by position alone; what the parts hold is checked afterwards.
struct Split {
  std::string domain;
  std::string remainder;
};

Split split_domain(std::string_view text) {
  size_t slash = text.find('/');
  std::string_view first = text.substr(0, slash);
  bool has_domain =
      slash != text.npos && (first.find_first_of(".:") != first.npos || first == "localhost");
  Split split{std::string(kDefaultDomain), std::string(text)};
  if (has_domain) {
    split.remainder = text.substr(slash + 1);
    if (first != kLegacyDomain) split.domain = first;
  }
  if (split.domain == kDefaultDomain && split.remainder.find('/') == std::string::npos) {
    split.remainder.insert(0, kOfficialPrefix);
  }
  return split;
}

}  // namespace

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTagLength && text[0] != '.' && text[0] != '-' &&
         all(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

Result<Reference> Reference::parse(std::string_view text) {
  if (is_image_id(text)) {
    return error(ErrorCode::kInvalid,
                 "invalid repository name ({}), cannot specify 64-byte hexadecimal strings", text);
  }
  auto [domain, remainder] = split_domain(text);
  std::string_view rest = remainder;
  // Everything before the first colon, a digest's algorithm included: docker's own cut.
  std::string_view lower_part = rest.substr(0, rest.find(':'));
  if (std::any_of(lower_part.begin(), lower_part.end(), is_upper)) {
    return must_be_lowercase("invalid reference format: ");
  }

  Reference reference;
  size_t name_end = std::min(rest.find_first_of(":@"), rest.size());
  std::string_view path = rest.substr(0, name_end);
  rest.remove_prefix(name_end);
  if (rest.starts_with(':')) {
    reference.tag_ = rest.substr(1, std::min(rest.find('@'), rest.size()) - 1);
    if (!is_tag(reference.tag_)) return invalid_format();
    rest.remove_prefix(1 + reference.tag_.size());
  }
  if (!rest.empty() && !looks_like_digest(rest.substr(1))) return invalid_format();
  STRATA_CHECK(reference.set_name(domain, path));
  if (!rest.empty()) {
    STRATA_TRY(reference.digest_, parse_digest(rest.substr(1)));
  }
  return reference;
}

Status Reference::set_name(const std::string& domain, std::string_view path) {
  if (!is_path(path)) return invalid_format();
  domain_ = domain;
  path_ = path;
  if (!is_domain(domain)) {
    // The pattern then matches without a domain, as docker's does.
    if (!is_component(domain)) {
      return is_component(lower(domain)) ? must_be_lowercase("") : invalid_format();
    }
    path_ = domain + "/" + path_;
    domain_.clear();
  }
  if (full_name().size() > kMaxNameLength) {
    return error(ErrorCode::kInvalid, "repository name must not be more than {} characters",
                 kMaxNameLength);
  }
  return {};
}

std::string Reference::full_name() const { return domain_.empty() ? path_ : domain_ + "/" + path_; }

std::string Reference::familiar_name() const {
  if (domain_ != kDefaultDomain) return full_name();
  std::string_view path = path_;
  // "library/a/b" keeps its prefix: without it the name would mean docker.io/a/b.
  if (path.starts_with(kOfficialPrefix) && path.find('/', kOfficialPrefix.size()) == path.npos) {
    path.remove_prefix(kOfficialPrefix.size());
  }
  return std::string(path);
}

std::string Reference::suffix() const {
  std::string text;
  if (!tag_.empty()) text += ":" + tag_;
  if (digest_) text += "@" + digest_->to_string();
  return text;
}

Reference Reference::with_default_tag() const {
  Reference reference = *this;
  if (is_name_only()) reference.tag_ = kDefaultTag;
  return reference;
}

Result<Reference> Reference::with_tag(std::string_view tag) const {
  if (!is_tag(tag)) return Error(ErrorCode::kInvalid, "invalid tag format");
  Reference reference = name_only();
  reference.tag_ = tag;
  return reference;
}

Reference Reference::with_digest(const Digest& digest) const {
  Reference reference = name_only();
  reference.digest_ = digest;
  return reference;
}

Reference Reference::name_only() const {
  Reference reference = *this;
  reference.tag_.clear();
  reference.digest_.reset();
  return reference;
}

std::string Reference::store_key() const {
  if (!digest_) return familiar_string();
  return with_digest(*digest_).familiar_string();
}

Status Reference::check_storable() const {
  if (familiar_name() == "sha256") {
    return Error(ErrorCode::kInvalid,
                 "refusing to create an ambiguous tag using digest algorithm as name");
  }
  return {};
}

}  // namespace strata::oci
