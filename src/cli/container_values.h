// SPDX-License-Identifier: Apache-2.0
// Values of options, as users of docker write them.
// Source:  docker's client, package opts and go-units.
// Threads: functions without state.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "runtime/host_config.h"

namespace strata::cli {

// A check of an option's value that is only there to refuse it early, in docker's form.
template <typename Parse>
Options::Check checked_by(Parse parse) {
  return [parse](const std::string& value) {
    auto parsed = parse(value);
    return parsed.ok() ? Status() : Status(std::move(parsed).error());
  };
}

// ASCII letters only.
std::string lower(std::string_view text);
// "64m", "1.5g", "1024": bytes, in units of 1024. Errors: kInvalid, `invalid size: 'x'`.
Result<int64_t> parse_size(std::string_view text);
// "nofile=1024:2048", "nproc=5". Errors: kInvalid, docker's.
Result<runtime::Ulimit> parse_ulimit(std::string_view text);
// "1.5" processors, as billionths of one. Errors: kInvalid.
Result<int64_t> parse_cpus(std::string_view text);
// "type=bind,src=/x,dst=/y,readonly". Errors: kInvalid, `target is required` and the like.
Result<runtime::MountSpec> parse_mount(std::string_view text);
// "/dev/x", "/dev/x:/dev/y", "/dev/x:/dev/y:rw".
Result<runtime::Device> parse_device(std::string_view text);
// Whole numbers of an option that is declared as text. Errors: kInvalid.
Result<int64_t> parse_integer(std::string_view text);
// "a,b,c" as CSV has it; fields may be quoted.
std::vector<std::string> csv_fields(std::string_view text);

}  // namespace strata::cli
