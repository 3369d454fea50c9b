// SPDX-License-Identifier: Apache-2.0
// Go templates. Oracles: executing a template twice gives the same; text without "{{" comes out as
// it is; JSON of a value is JSON.
#include "base/fuzz_oracle.h"
#include "cli/template.h"
#include "cli/value.h"
#include "oci/json.h"

namespace {

using strata::cli::Template;
using strata::cli::Value;
using strata::fuzz::check;

// What `inspect` shows of an image, small.
const Value& sample() {
  static const Value value = strata::cli::raw_value(
      R"({"ID":"sha256:abc","RepoTags":["a:1","b:2"],"Size":1234567,"Zero":0,"None":null,"Empty":[],)"
      R"("Config":{"Env":["PATH=/bin"],"Labels":{"org.x.y":"<&>","b":"\u00e9"},"Deep":[[1,2.5e3],{"k":true}]}})");
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = strata::fuzz::input_text(data, size);
  auto parsed = Template::parse(std::string(text), "x");
  if (!parsed.ok()) {
    check(text.find("{{") != text.npos, "text without an action is refused");
    check(!parsed.error().message().empty(), "an error without words");
    return 0;
  }
  const auto first = parsed.value().execute(sample());
  const auto second = parsed.value().execute(sample());
  check(first.ok() == second.ok(), "executing twice differs");
  if (first.ok()) check(first.value() == second.value(), "executing twice gives other text");
  if (text.find("{{") == text.npos) check(first.ok() && first.value() == text, "text changes");
  if (text == "{{json .}}") check(strata::oci::parse_json(first.value()).ok(), "not JSON");
  return 0;
}
