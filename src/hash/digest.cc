// SPDX-License-Identifier: Apache-2.0
#include "hash/digest.h"

#include <sys/random.h>

#include <cstdlib>

#include "hash/sha256.h"

namespace strata {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::string_view kHexAlphabet = "0123456789abcdef";

// Values of the hex digits, kNoDigit for every other byte. Lists parse tens of thousands of
// digests.
constexpr uint8_t kNoDigit = 0xff;
constexpr std::array<uint8_t, 256> kHexValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (size_t i = 0; i < kHexAlphabet.size(); ++i) {
    values[static_cast<uint8_t>(kHexAlphabet[i])] = static_cast<uint8_t>(i);
  }
  return values;
}();

uint8_t hex_value(char c) { return kHexValues[static_cast<uint8_t>(c)]; }

std::string to_hex(std::span<const uint8_t> raw) {
  std::string hex(raw.size() * 2, '\0');
  char* out = hex.data();
  for (uint8_t byte : raw) {
    *out++ = kHexAlphabet[byte >> 4];
    *out++ = kHexAlphabet[byte & 15];
  }
  return hex;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return error(ErrorCode::kInvalid,
                 "invalid digest \"{}\": expected \"sha256:\" and 64 hex digits",
                 text.substr(0, 100));
  }
  return parse_hex(text.substr(kPrefix.size()));
}

Result<Digest> Digest::parse_hex(std::string_view hex) {
  std::array<uint8_t, kBytes> raw{};
  bool good = hex.size() == kHexDigits;
  for (size_t i = 0; good && i < kBytes; ++i) {
    uint8_t high = hex_value(hex[2 * i]);
    uint8_t low = hex_value(hex[2 * i + 1]);
    good = (high | low) != kNoDigit;
    raw[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (!good) {
    return error(ErrorCode::kInvalid, "invalid digest \"{}\": expected 64 lower-case hex digits",
                 hex.substr(0, 100));
  }
  return Digest(raw);
}

Digest Digest::of(ByteSpan bytes) {
  thread_local Sha256 hash;  // begins anew at finish(); making one costs as much as a small file
  hash.update(bytes);
  return hash.finish();
}

std::string Digest::hex() const { return to_hex(raw_); }

ChainId chain_id(const ChainId* parent, const DiffId& layer) {
  if (parent == nullptr) return ChainId(layer.digest());
  return ChainId(Digest::of(parent->to_string() + " " + layer.to_string()));
}

Result<CacheId> CacheId::parse(std::string_view name) {
  constexpr size_t kNameMax = 255;  // NAME_MAX of every file system we know
  if (name.empty() || name == "." || name == ".." || name.size() > kNameMax ||
      name.find('/') != name.npos || name.find('\0') != name.npos) {
    return error(ErrorCode::kInvalid, "invalid cache-id \"{}\": expected one folder name",
                 name.substr(0, 100));
  }
  return CacheId(std::string(name));
}

CacheId CacheId::random() { return CacheId(random_hex(Digest::kBytes)); }

std::string random_hex(size_t count) {
  std::vector<uint8_t> raw(count);
  size_t filled = 0;
  while (filled < count) {
    // Cannot fail for want of entropy after boot; EINTR only.
    ssize_t got = ::getrandom(raw.data() + filled, count - filled, 0);
    if (got > 0) filled += static_cast<size_t>(got);
    if (got < 0 && errno != EINTR) std::abort();
  }
  return to_hex(raw);
}

}  // namespace strata
