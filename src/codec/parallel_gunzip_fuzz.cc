// SPDX-License-Identifier: Apache-2.0
// The parallel gzip decoder. Oracle: the sequential one. Both get the input as a file, and as the
// deflate data of one; then the error of a good end names the CRC-32 of all that was decoded.
#include <algorithm>
#include <string>

#include "base/fuzz_oracle.h"
#include "codec/decompress.h"

namespace {

using strata::fuzz::check;
using strata::fuzz::Outcome;

constexpr size_t kLimitBytes = 1 << 20;
constexpr strata::codec::GunzipSizes kTiny = {2048, 0};

Outcome read_all(strata::ByteSource& source) {
  return strata::fuzz::read_all(source, 16 * 1024, kLimitBytes);
}

void compare(std::string_view stream) {
  static strata::Pool pool(3);
  static strata::codec::GunzipHelpers helpers(pool);
  strata::SpanSource from(strata::as_bytes(stream)), same(strata::as_bytes(stream));
  using strata::codec::Compression;
  Outcome expected = read_all(*strata::codec::make_decompressor(Compression::kGzip, from));
  Outcome found = read_all(*strata::codec::make_parallel_gunzip(same, helpers, kTiny));
  size_t common = std::min(expected.content.size(), found.content.size());
  check(expected.content.compare(0, common, found.content, 0, common) == 0, "other content");
  if (std::max(expected.content.size(), found.content.size()) >= kLimitBytes) return;
  check(expected.error == found.error, "another error");
  check(!expected.error.empty() || expected.content.size() == found.content.size(),
        "another length");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  compare(input);
  compare(std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10).append(input));
  return 0;
}
