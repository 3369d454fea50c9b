// SPDX-License-Identifier: Apache-2.0
// --filter of images and image prune.
// Source: docker's documentation of `docker images --filter`; behaviour of dockerd 20.10 and, for
// until with images, of 23. Threads: values.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config_summary.h"
#include "oci/go_time.h"

namespace strata::cli {

// Filters by name; several values of one name.
class Filters {
 public:
  // Reads "name=value"; empty text is no filter. Errors: kInvalid, `bad format of filter (expected
  // name=value)`.
  static Result<Filters> parse(const std::vector<std::string>& texts);
  static Status check_form(const std::string& text);

  // Errors: kInvalid, `Invalid filter 'colour'`.
  Status check_names(const std::set<std::string_view>& known) const;
  bool has(std::string_view name) const { return values_.contains(name); }
  // In the order given; empty if there are none.
  const std::vector<std::string>& values(std::string_view name) const;
  void add(const std::string& name, const std::string& value) { values_[name].push_back(value); }

  // The value of a filter that is yes or no. Errors: kInvalid, `Invalid filter 'dangling=[x]'`.
  Result<std::optional<bool>> yes_or_no(std::string_view name) const;
  // label: every "name" or "name=value" is among the labels; label!: none of them is.
  bool match_labels(const oci::ConfigSummary& config) const;
  // until: a time, or how long ago; the earliest if there are several. Errors: kInvalid, `failed to
  // parse value as time or duration: "x"`.
  Result<std::optional<oci::Time>> until() const;
  // The same for prune, where docker wants one. Errors: also kInvalid, `more than one until filter specified`.
  Result<std::optional<oci::Time>> only_until() const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// Go's path.Match: * and ? stay within a component, [a-z] and [^a-z], \ takes the next as it is.
// Errors: kInvalid, `syntax error in pattern`.
Result<bool> match_pattern(std::string_view pattern, std::string_view text);

// Whether a reference ("app:1", "app@sha256:…") fits the pattern as a whole, or its name does.
// Errors: as match_pattern.
Result<bool> match_reference(std::string_view pattern, std::string_view reference);

}  // namespace strata::cli
