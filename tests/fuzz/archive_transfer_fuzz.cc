// SPDX-License-Identifier: Apache-2.0
// The texts that come from other hosts and archives: frames of a transfer, strata.json, lists of
// layers. Oracle: what was read is the same when it is written and read again. The first byte says
// which text it is.
#include "archive/layer_list.h"
#include "archive/thin.h"
#include "archive/transfer_messages.h"
#include "base/fuzz_oracle.h"

namespace {

using strata::fuzz::check;
namespace archive = strata::archive;

template <typename Parse, typename Write>
void round_trip(std::string_view text, Parse parse, Write write, const char* what) {
  auto first = parse(text);
  if (!first.ok()) return;
  const std::string written = write(first.value());
  auto second = parse(written);
  check(second.ok() && write(second.value()) == written, what);
}

void fuzz_layer_list(std::string_view text) {
  auto chains = archive::parse_layer_list(text);
  check(!chains.ok() || chains.value().size() <= text.size() / 142, "more layers than lines");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = strata::fuzz::input_text(data, size);
  if (text.empty()) return 0;
  const char which = text.front();
  text.remove_prefix(1);
  if (which == 'R') round_trip(text, archive::parse_request, archive::request_text, "request");
  if (which == 'I') round_trip(text, archive::parse_offered, archive::offered_text, "image");
  if (which == 'W') round_trip(text, archive::parse_want, archive::want_text, "want");
  if (which == 'L') round_trip(text, archive::parse_layer_head, archive::layer_text, "layer");
  if (which == 'F') round_trip(text, archive::parse_finished, archive::finished_text, "finished");
  if (which == 'T') {
    round_trip(text, archive::parse_thin_record, archive::thin_record_text, "strata.json");
  }
  if (which == 'H') fuzz_layer_list(text);
  return 0;
}
