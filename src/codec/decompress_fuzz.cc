// SPDX-License-Identifier: Apache-2.0
// Decompressors. Oracles: a stream that is read byte by byte gives the same bytes and the same
// error as one that is read in larger pieces; and a stream that was cut gives the beginning of
// what it gave before. tests/fuzz/codec_fuzz.cc has others, and the corpus.
#include <algorithm>

#include "base/fuzz_oracle.h"
#include "codec/decompress.h"

namespace {

using strata::ByteSpan;
using strata::fuzz::check;
using strata::fuzz::Outcome;

constexpr size_t kLimitBytes = 1 << 18;

Outcome decompress(ByteSpan input, size_t piece) {
  strata::fuzz::PieceSource from(input, piece);
  auto source = strata::codec::open_decompressed(from);
  return strata::fuzz::read_all(**source, piece, kLimitBytes);
}

bool same_beginning(const std::string& a, const std::string& b) {
  size_t common = std::min(a.size(), b.size());
  return a.compare(0, common, b, 0, common) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  Outcome whole = decompress(input, 4096);
  Outcome by_byte = decompress(input, 1);
  check(same_beginning(whole.content, by_byte.content), "the content depends on the pieces");
  // At the limit one of them may not have come to the error yet, and before an error the number of
  // bytes that are given may differ.
  bool limited = std::max(whole.content.size(), by_byte.content.size()) == kLimitBytes;
  check(limited || whole.error == by_byte.error, "the error depends on the pieces");
  check(!whole.error.empty() || whole.content.size() == by_byte.content.size(),
        "the length depends on the pieces");

  if (size == 0 || strata::codec::detect_compression(input) !=
                       strata::codec::detect_compression(input.first(size - size / 3))) {
    return 0;
  }
  Outcome cut = decompress(input.first(size - size / 3), 4096);
  check(same_beginning(whole.content, cut.content), "a cut stream gives other content");
  check(cut.content.size() <= whole.content.size() || !whole.error.empty(),
        "a cut stream gives more content");
  return 0;
}
