// SPDX-License-Identifier: Apache-2.0
// SHA-256 digests and the five kinds of identifiers of the field, each a type of its own so that
// they do not mix. Shape:   "sha256:" + 64 lower-case hex digits in text; 32 bytes in memory.
// Source:  FORMATS section 3; OCI image-spec, descriptor.md "Digests".
// Threads: values.
#pragma once

#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace strata {

// The digest of any content: a blob, a manifest, a layer as a registry holds it.
class Digest {
 public:
  static constexpr size_t kBytes = 32;
  static constexpr size_t kHexDigits = 64;

  Digest() = default;  // all zero: a digest of nothing, never equal to a real one
  explicit Digest(const std::array<uint8_t, kBytes>& raw) : raw_(raw) {}

  // Parses "sha256:<64 lower hex>". Errors: kInvalid, naming the text.
  static Result<Digest> parse(std::string_view text);
  // Parses the 64 hex digits alone. Errors: kInvalid.
  static Result<Digest> parse_hex(std::string_view hex);
  // SHA-256 of the bytes.
  static Digest of(ByteSpan bytes);
  static Digest of(std::string_view text) { return of(as_bytes(text)); }

  std::string hex() const;
  std::string short_hex() const { return hex().substr(0, 12); }
  std::string to_string() const { return "sha256:" + hex(); }
  std::span<const uint8_t, kBytes> raw() const { return raw_; }

  auto operator<=>(const Digest&) const = default;

 private:
  std::array<uint8_t, kBytes> raw_{};
};

// A digest with a meaning. Two tags never convert into each other; digest() is the one way out.
template <typename Tag>
class TaggedDigest {
 public:
  TaggedDigest() = default;
  explicit TaggedDigest(const Digest& digest) : digest_(digest) {}

  static Result<TaggedDigest> parse(std::string_view text) {
    STRATA_TRY(Digest digest, Digest::parse(text));
    return TaggedDigest(digest);
  }
  static Result<TaggedDigest> parse_hex(std::string_view hex) {
    STRATA_TRY(Digest digest, Digest::parse_hex(hex));
    return TaggedDigest(digest);
  }

  const Digest& digest() const { return digest_; }
  std::string hex() const { return digest_.hex(); }
  std::string short_hex() const { return digest_.short_hex(); }
  std::string to_string() const { return digest_.to_string(); }

  auto operator<=>(const TaggedDigest&) const = default;

 private:
  Digest digest_;
};

using DiffId = TaggedDigest<struct DiffIdTag>;    // digest of one layer's uncompressed tar
using ChainId = TaggedDigest<struct ChainIdTag>;  // digest of a layer and all below it
using ImageId =
    TaggedDigest<struct ImageIdTag>;  // digest of the image's config JSON, byte for byte

// chainID of a layer on `parent`, or of a base layer (null).
ChainId chain_id(const ChainId* parent, const DiffId& layer);

// The random name of the folder that holds a layer's files: what dockerd makes is 64 lower hex
// digits, what it accepts is any single path component.
class CacheId {
 public:
  CacheId() = default;
  // Errors: kInvalid for what is empty, ".", "..", longer than 255 bytes, or holds '/' or NUL.
  static Result<CacheId> parse(std::string_view name);
  // 32 bytes from the system's random source, as 64 hex digits.
  static CacheId random();

  const std::string& name() const { return name_; }
  auto operator<=>(const CacheId&) const = default;

 private:
  explicit CacheId(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

// `count` bytes from the system's random source as lower-case hex (twice as many digits).
std::string random_hex(size_t count);

}  // namespace strata

template <>
struct std::hash<strata::Digest> {
  size_t operator()(const strata::Digest& digest) const noexcept {
    size_t value;
    std::memcpy(&value, digest.raw().data(), sizeof value);
    return value;
  }
};
template <typename Tag>
struct std::hash<strata::TaggedDigest<Tag>> {
  size_t operator()(const strata::TaggedDigest<Tag>& id) const noexcept {
    return std::hash<strata::Digest>()(id.digest());
  }
};
template <>
struct fmt::formatter<strata::Digest> : fmt::formatter<std::string> {
  auto format(const strata::Digest& digest, format_context& ctx) const {
    return formatter<std::string>::format(digest.to_string(), ctx);
  }
};
template <typename Tag>
struct fmt::formatter<strata::TaggedDigest<Tag>> : fmt::formatter<std::string> {
  auto format(const strata::TaggedDigest<Tag>& id, format_context& ctx) const {
    return formatter<std::string>::format(id.to_string(), ctx);
  }
};
template <>
struct fmt::formatter<strata::CacheId> : fmt::formatter<std::string> {
  auto format(const strata::CacheId& id, format_context& ctx) const {
    return formatter<std::string>::format(id.name(), ctx);
  }
};
