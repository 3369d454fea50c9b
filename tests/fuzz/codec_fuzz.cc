// SPDX-License-Identifier: Apache-2.0
// Decompressors. Oracles: what comes out does not depend on how the input comes in and how the
// output is asked for; and where libdeflate, another implementation, takes a gzip file, so do we,
// and get the same.
#include <libdeflate.h>

#include <memory>
#include <vector>

#include "base/fuzz_oracle.h"
#include "codec/decompress.h"

namespace {

using strata::fuzz::check;
using strata::fuzz::Outcome;

constexpr size_t kLimitBytes = 1 << 20;
constexpr size_t kFlagsAt = 3;  // RFC 1952, section 2.3
constexpr std::byte kFlagHcrc{0x02};

Outcome decompress(strata::ByteSource& from, size_t call_bytes) {
  auto content = strata::codec::open_decompressed(from);
  if (!content.ok()) return {"", content.error().message()};
  return strata::fuzz::read_all(*content.value(), call_bytes, kLimitBytes);
}

// Only for a single member with nothing behind it and no CRC of its header, which libdeflate does
// not check: there the two mean the same by a gzip file.
void compare_with_libdeflate(strata::ByteSpan input, const Outcome& ours) {
  struct Free {
    void operator()(libdeflate_decompressor* state) const { libdeflate_free_decompressor(state); }
  };
  const std::unique_ptr<libdeflate_decompressor, Free> state(libdeflate_alloc_decompressor());
  std::vector<char> out(kLimitBytes - 1);
  size_t used = 0, made = 0;
  const auto result = libdeflate_gzip_decompress_ex(state.get(), input.data(), input.size(),
                                                    out.data(), out.size(), &used, &made);
  if (result != LIBDEFLATE_SUCCESS || used != input.size()) return;
  if ((input[kFlagsAt] & kFlagHcrc) != std::byte{0}) return;
  check(ours.error.empty(), "libdeflate takes this gzip file, we do not");
  check(ours.content == std::string_view(out.data(), made), "libdeflate gets other content");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const strata::ByteSpan input = strata::fuzz::input_bytes(data, size);
  strata::SpanSource whole(input);
  const Outcome at_once = decompress(whole, 64 * 1024);

  strata::fuzz::PieceSource pieces(input, 7);
  const Outcome in_pieces = decompress(pieces, 977);
  check(at_once.error == in_pieces.error, "the error depends on the sizes of the pieces");
  // Before an error the number of bytes given may differ, their values may not.
  const size_t common = std::min(at_once.content.size(), in_pieces.content.size());
  check(at_once.content.compare(0, common, in_pieces.content, 0, common) == 0,
        "the content depends on the sizes of the pieces");
  check(!at_once.error.empty() || at_once.content.size() == in_pieces.content.size(),
        "the length depends on the sizes of the pieces");

  if (strata::codec::detect_compression(input) == strata::codec::Compression::kGzip) {
    compare_with_libdeflate(input, at_once);
  }
  return 0;
}
