// SPDX-License-Identifier: Apache-2.0
// Any bytes as tar-split JSON, and as what is to be written. What must hold: what can be read is,
// written and read again, the same; what is written reads back the same.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tar/split.h"

namespace strata::tar {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// A record in one string: segments joined, files between marks. False when it cannot be read; then
// `text` has what came before, and `json_again` is of no use.
bool rewrite(std::string_view json, std::string& text, std::string& json_again) {
  SpanSource source(as_bytes(json));
  StringSink sink(json_again);
  SplitReader reader(source);
  SplitWriter writer(sink);
  SplitEntry entry;
  while (true) {
    const auto more = reader.next(entry);
    if (!more.ok()) return false;
    if (!*more) break;
    if (entry.kind == SplitEntry::kSegment) {
      text += as_text(entry.payload);
      require(writer.raw(entry.payload).ok());
      continue;
    }
    text += fmt::format("\x01{}\x02{}\x03", entry.name, entry.size_bytes);
    text += as_text(std::as_bytes(std::span(entry.crc)));
    require(writer.file(entry.name, entry.size_bytes, entry.crc).ok());
  }
  require(writer.finish().ok());
  return true;
}

// Takes the input as a script: a byte that says what to write and how much, then that.
void write_and_read(std::string_view script) {
  std::string json;
  std::string expected;
  StringSink sink(json);
  SplitWriter writer(sink);
  while (!script.empty()) {
    const uint8_t order = static_cast<uint8_t>(script.front());
    script.remove_prefix(1);
    const std::string_view part = script.substr(0, order >> 1);
    script.remove_prefix(part.size());
    if (order & 1) {
      const Crc64Bytes crc{1, 2, 3, 4, 5, 6, 7, order};
      const uint64_t size = part.size() * 1000003;
      require(writer.file(part, size, crc).ok());
      expected += fmt::format("\x01{}\x02{}\x03", part, size);
      expected += as_text(std::as_bytes(std::span(size > 0 ? crc : Crc64Bytes{})));
    } else {
      require(writer.raw(as_bytes(part)).ok());
      expected += part;
    }
  }
  require(writer.finish().ok());
  std::string text, again;
  require(rewrite(json, text, again));
  require(text == expected && again == json);
}

void check_input(std::string_view input) {
  std::string text, json;
  if (rewrite(input, text, json)) {
    std::string text_again, json_again;
    require(rewrite(json, text_again, json_again));
    require(text_again == text && json_again == json);
  }
  write_and_read(input);
}

}  // namespace
}  // namespace strata::tar

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strata::tar::check_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
