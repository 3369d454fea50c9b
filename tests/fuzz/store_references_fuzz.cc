// SPDX-License-Identifier: Apache-2.0
// repositories.json. Oracles: what is written reads back the same; each name that is listed is found, and points to
// the image that a second JSON reader sees there, and is gone when it is removed.
#include <set>

#include "base/fuzz_oracle.h"
#include "oci/json.h"
#include "store/references.h"

namespace {

using namespace strata;
using fuzz::check;

// What Boost.JSON sees under a key, if the document is as simple as that.
std::string second_reading(std::string_view text, const std::string& key) {
  Result<boost::json::value> value = oci::parse_json(text);
  if (!value.ok() || !value->is_object()) return "";
  const boost::json::value* top = value->get_object().if_contains("Repositories");
  if (top == nullptr || !top->is_object()) return "";
  const std::string repository(store::repository_of(key));
  const boost::json::value* inner = top->get_object().if_contains(repository);
  if (inner == nullptr || !inner->is_object()) return "";
  const boost::json::value* found = inner->get_object().if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::input_text(data, size);
  Result<store::References> first = store::References::parse(text);
  if (!first.ok()) return 0;
  const std::string written = first->to_json();
  Result<store::References> second = store::References::parse(written);
  check(second.ok() && second->to_json() == written, "what is written reads back the same");
  store::References rest = *second;
  std::set<std::string> done;
  for (const auto& [key, image] : second->all()) {
    // A name that stands under another repository is listed and not found, as dockerd has it, too.
    const std::string seen = second_reading(written, key);
    if (seen != image.to_string() || !done.insert(key).second) continue;
    check(second->find(key) == image, "a listed name is found");
    check(rest.remove(key), "it can be removed");
    check(!rest.find(key), "and is gone");
  }
  return 0;
}
