// SPDX-License-Identifier: Apache-2.0
// The texts that a registry sends. Oracles: what a reader gives back is part of what it was given
// or bounded, and reading it again gives the same.
#include <cstdlib>
#include <string_view>

#include "registry/error_body.h"
#include "registry/http_fields.h"
#include "registry/registries.h"
#include "registry/url.h"

namespace strata::registry {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void challenges(std::string_view text) {
  for (const Challenge& challenge : parse_challenges(text)) {
    check(!challenge.scheme.empty());
    for (const auto& [name, value] : challenge.values) {
      check(!name.empty() && name.size() + value.size() <= text.size());
    }
  }
}

void links(std::string_view text) {
  std::optional<std::string> target = find_link(text, "next");
  check(!target || text.find(*target) != text.npos);
}

void urls(std::string_view text) {
  Result<Url> url = Url::parse(text);
  if (url.ok()) {
    Result<Url> again = Url::parse(url->to_string());
    check(again.ok() && again->to_string() == url->to_string());
  }
  Url base = Url::parse("https://h:5000/v2/a/b?c=d").value();
  Result<Url> resolved = base.resolve(text);
  if (resolved.ok()) check(resolved->path.starts_with('/') && resolved->port != 0);
}

// All readers of one text.
void read_all(std::string_view text) {
  challenges(text);
  links(text);
  urls(text);
  check(parse_error_body(text).size() <= kMaxRegistryErrors);
  (void)parse_retry_after(text, {});
  std::optional<ContentRange> range = parse_content_range(text);
  check(!range || !range->first || *range->first <= *range->last);
  RegistryConfig config;
  (void)parse_registries_conf(text, config).ok();
}

}  // namespace
}  // namespace strata::registry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strata::registry::read_all({reinterpret_cast<const char*>(data), size});
  return 0;
}
