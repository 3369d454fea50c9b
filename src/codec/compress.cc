// SPDX-License-Identifier: Apache-2.0
//   spec  = "none" | ("gzip" | "zstd") [":" level]
//   level = digit+, 1 to 12 for gzip and 1 to 22 for zstd
// Source: ours, for `--compress` and the suffix of output files.
#include "codec/compress.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "codec/block_compressor.h"
#include "codec/parallel_sink.h"

namespace strata::codec {
namespace {

constexpr size_t kGzipBlockBytes = size_t{1} << 20;
// A frame of zstd's default level looks back 2 MiB at most, so shorter frames would cost more than
// the 0.8 % that these do; from level 10 on matches from further back are what one pays for.
constexpr size_t kZstdBlockBytes = size_t{2} << 20;
constexpr size_t kZstdHighBlockBytes = size_t{8} << 20;
constexpr int kZstdHighLevel = 10;

class PassThroughSink final : public ByteSink {
 public:
  explicit PassThroughSink(ByteSink& to) : to_(to) {}
  Status write(ByteSpan bytes) override { return to_.write(bytes); }
  Status finish() override { return to_.finish(); }

 private:
  ByteSink& to_;
};

int max_level(Compression kind) {
  return kind == Compression::kGzip ? kMaxGzipLevel : kMaxZstdLevel;
}

Status check_level(const CompressionSpec& spec) {
  if (!spec.level || (*spec.level >= 1 && *spec.level <= max_level(spec.kind))) return {};
  return error(ErrorCode::kInvalid, "invalid compression level {}: expected 1 to {} for {}",
               *spec.level, max_level(spec.kind), to_string(spec.kind));
}

Error unknown_spec(std::string_view text) {
  return error(
      ErrorCode::kInvalid,
      "invalid compression \"{}\": expected none, gzip, gzip:1 to gzip:{}, zstd, or zstd:1 "
      "to zstd:{}",
      text, kMaxGzipLevel, kMaxZstdLevel);
}

}  // namespace

Result<CompressionSpec> parse_compression_spec(std::string_view text) {
  if (text == to_string(Compression::kNone)) return CompressionSpec{};
  size_t colon = text.find(':');
  std::string_view name = text.substr(0, colon);
  CompressionSpec spec;
  if (name == to_string(Compression::kGzip)) {
    spec.kind = Compression::kGzip;
  } else if (name == to_string(Compression::kZstd)) {
    spec.kind = Compression::kZstd;
  } else {
    return unknown_spec(text);
  }
  if (colon == std::string_view::npos) return spec;
  std::string_view digits = text.substr(colon + 1);
  const char* end = digits.data() + digits.size();
  int level = 0;
  auto [stop, failure] = std::from_chars(digits.data(), end, level);
  spec.level = level;
  if (failure != std::errc() || stop != end || !check_level(spec).ok()) return unknown_spec(text);
  return spec;
}

std::optional<CompressionSpec> spec_for_suffix(std::string_view path) {
  struct Suffix {
    std::string_view text;
    Compression kind;
  };
  constexpr std::array kSuffixes = {
      Suffix{".gz", Compression::kGzip},   Suffix{".tgz", Compression::kGzip},
      Suffix{".zst", Compression::kZstd},  Suffix{".tzst", Compression::kZstd},
      Suffix{".xz", Compression::kXz},     Suffix{".txz", Compression::kXz},
      Suffix{".bz2", Compression::kBzip2}, Suffix{".tbz2", Compression::kBzip2},
  };
  auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  for (const Suffix& suffix : kSuffixes) {
    std::string_view end = path.substr(path.size() - std::min(path.size(), suffix.text.size()));
    if (std::ranges::equal(end, suffix.text, same)) return CompressionSpec{suffix.kind, {}};
  }
  return std::nullopt;
}

Result<std::unique_ptr<ByteSink>> make_parallel_compressor(const CompressionSpec& spec,
                                                           ByteSink& to, Pool& pool) {
  std::unique_ptr<ByteSink> sink;
  if (spec.kind == Compression::kNone) {
    sink = std::make_unique<PassThroughSink>(to);
    return sink;
  }
  if (spec.kind == Compression::kGzip) {
    STRATA_CHECK(check_level(spec));
    int level = spec.level.value_or(kDefaultGzipLevel);
    sink = std::make_unique<ParallelSink>(to, pool, kGzipBlockBytes,
                                          [level] { return make_gzip_block_compressor(level); });
    return sink;
  }
  if (spec.kind == Compression::kZstd) {
    STRATA_CHECK(check_level(spec));
    int level = spec.level.value_or(kDefaultZstdLevel);
    size_t block_bytes = level < kZstdHighLevel ? kZstdBlockBytes : kZstdHighBlockBytes;
    sink = std::make_unique<ParallelSink>(to, pool, block_bytes,
                                          [level] { return make_zstd_block_compressor(level); });
    return sink;
  }
  return error(ErrorCode::kUnsupported,
               "cannot write {}: expected one of gzip, zstd or none, which can be written",
               to_string(spec.kind));
}

}  // namespace strata::codec
