// SPDX-License-Identifier: Apache-2.0
// References and times. Oracle: every form that we print of a name is read as the same name, but
// for one case, which is docker's own: "docker.io/a.b/c" has the familiar form "a.b/c", another
// name.
#include "base/fuzz_oracle.h"
#include "oci/go_time.h"
#include "oci/reference.h"

namespace {

using strata::fuzz::check;
namespace oci = strata::oci;

bool begins_like_a_host(std::string_view path) {
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view first = path.substr(0, slash);
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
}

void fuzz_reference(std::string_view text) {
  auto reference = oci::Reference::parse(text);
  if (!reference.ok()) return;
  const oci::Reference& name = reference.value();
  check(!name.path().empty(), "a name without a path");
  if (name.domain() != oci::kDefaultDomain || !begins_like_a_host(name.path())) {
    auto familiar = oci::Reference::parse(name.familiar_string());
    check(familiar.ok() && familiar.value() == name, "the familiar form is another name");
  }
  // A name that only looks as if it began with a host is kept without one; it has no full form.
  if (!name.domain().empty()) {
    auto full = oci::Reference::parse(name.full_string());
    check(full.ok() && full.value() == name, "the full form is another name");
  }
  if (!name.tag().empty()) check(oci::is_tag(name.tag()), "a tag that is none");
  check(!name.with_default_tag().is_name_only(), "no tag after with_default_tag");
}

void fuzz_time(std::string_view text) {
  auto time = oci::parse_time(text);
  if (!time.ok()) return;
  auto again = oci::parse_time(oci::format_time(time.value()));
  check(again.ok() && again.value() == time.value(), "a time changes when written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz_reference(strata::fuzz::input_text(data, size));
  fuzz_time(strata::fuzz::input_text(data, size));
  return 0;
}
