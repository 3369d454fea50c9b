// SPDX-License-Identifier: Apache-2.0
// Platforms: for which system and processor an image is.
// Shape:   os "/" architecture [ "/" variant ], in the words of Go: linux/arm64/v8.
// Source:  OCI image-spec, image-index.md "platform"; containerd's platforms package.
// Threads: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;          // "v7"; empty where the architecture has none
  std::string os_version = {};  // Windows only, and not compared
  std::vector<std::string> os_features = {};

  // Reads what a user types, normalised: "linux/arm64/v8", "aarch64", "linux".
  // Errors: kInvalid.
  static Result<Platform> parse(std::string_view text);
  // That of this machine.
  static Platform host();

  // The same in canonical words: x86_64 is amd64, aarch64 is arm64, and arm64's v8 goes unsaid.
  Platform normalized() const;
  std::string to_string() const;  // "linux/arm/v7"

  bool operator==(const Platform&) const = default;
};

// How well a machine for `wanted` runs an image for `offered`: 0 is best, nothing means not at all.
// An amd64/v3 takes v2 and v1 and then 386; an arm64 takes 32-bit arm, newest variant first.
std::optional<size_t> match_rank(const Platform& wanted, const Platform& offered);

// True when both mean the same; what --platform asks for.
bool is_same_platform(const Platform& a, const Platform& b);

// docker's words for an image that is there, but for another platform. kNotFound.
Error other_platform(const std::string& name, const Platform& wanted, const Platform& found);

}  // namespace strata::oci
