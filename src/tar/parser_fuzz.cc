// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tar. What must hold: the reports joined are the input; the pieces in which it is
// fed make no difference; a member that can be written again reads back the same.
#include <cstdlib>
#include <string_view>

#include "tar/event_recorder.h"
#include "tar/writer.h"

namespace strata::tar {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Encodes each plain member, parses the result, and compares the fields.
class ReEncoder final : public ParserEvents {
 public:
  Status on_raw(ByteSpan) override { return {}; }
  Status on_payload(ByteSpan, uint64_t) override { return {}; }
  Status on_member_end() override { return {}; }
  Status on_member(const Member& member) override {
    Member plain = member;
    plain.sparse.reset();
    plain.size_bytes = 0;
    plain.declared_size_bytes = 0;
    std::erase_if(plain.xattrs, [](const auto& xattr) { return xattr.second.empty(); });
    const auto header = encode_header(plain, HeaderStyle::kDocker20);
    if (!header.ok()) return {};
    EventRecorder again;
    require(parse_in_pieces(*header, SIZE_MAX, again).ok());
    plain.mode |= again_mode(again.events.at(1).bytes);
    EventRecorder direct;
    require(direct.on_member(plain).ok());
    require(again.events.at(1) == direct.events.at(0));
    return {};
  }

 private:
  // The type bits that were added on writing.
  static uint32_t again_mode(std::string_view text) {
    const std::string mode(text.substr(text.find(" mode=") + 6));
    return static_cast<uint32_t>(std::strtoul(mode.c_str(), nullptr, 8)) & 0170000;
  }
};

void check_input(std::string_view tar) {
  EventRecorder whole;
  const bool good = parse_in_pieces(tar, SIZE_MAX, whole).ok();
  if (good) require(whole.joined() == tar);
  EventRecorder pieces;
  require(parse_in_pieces(tar, 1 + tar.size() % 700, pieces).ok() == good);
  require(good ? pieces.events == whole.events : pieces.lines == whole.lines);
  ReEncoder encoder;
  require(parse_in_pieces(tar, SIZE_MAX, encoder).ok() == good);
}

}  // namespace
}  // namespace strata::tar

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strata::tar::check_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
