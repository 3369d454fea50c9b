// SPDX-License-Identifier: Apache-2.0
// The texts beside a container, and what an image says of how to run it. Oracle: what was read is the same when it is
// written and read again. The first byte says which text it is.
#include "base/fuzz_oracle.h"
#include "oci/container_config.h"
#include "oci/json.h"
#include "runtime/host_config.h"
#include "runtime/json_log.h"

namespace {

using namespace strata;
using fuzz::check;

void fuzz_host_config(std::string_view text) {
  Result<runtime::HostConfig> first = runtime::HostConfig::parse(text);
  if (!first.ok()) return;
  const std::string written = first->to_text();
  Result<runtime::HostConfig> second = runtime::HostConfig::parse(written);
  check(second.ok() && second->to_text() == written, "hostconfig.json");
}

void fuzz_container_config(std::string_view text) {
  Result<boost::json::value> value = oci::parse_json(text);
  if (!value.ok() || !value->is_object()) return;
  Result<oci::ContainerConfig> first = oci::ContainerConfig::parse(value->get_object());
  if (!first.ok()) return;
  const boost::json::object written = first->to_json();
  Result<oci::ContainerConfig> second = oci::ContainerConfig::parse(written);
  check(second.ok() && oci::go_json(second->to_json()) == oci::go_json(written), "config");
}

void fuzz_log(std::string_view text) {
  Result<runtime::LogRecord> record = runtime::parse_log_record(text);
  if (!record.ok()) return;
  check(record->text.size() <= 3 * text.size(), "a record is no longer than what it came from");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = fuzz::input_text(data, size);
  if (text.empty()) return 0;
  const char which = text.front();
  text.remove_prefix(1);
  if (which == 'H') fuzz_host_config(text);
  if (which == 'C') fuzz_container_config(text);
  if (which == 'L') fuzz_log(text);
  return 0;
}
