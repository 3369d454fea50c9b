// SPDX-License-Identifier: Apache-2.0
// The texts of a transfer's frames. Shape: docs/formats/transfer.md. All of them come from the other
// side and are checked when they are parsed; unknown members are ignored.
// Threads: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "archive/load.h"
#include "codec/compress.h"

namespace strata::archive {

inline constexpr size_t kMaxTransferImages = 4096;
inline constexpr size_t kMaxTransferConfigBytes = 8u << 20;  // of all configs together
inline constexpr uint64_t kMaxLayerBytes = uint64_t{1}
                                           << 44;  // sums of what was offered do not overflow
inline constexpr size_t kMaxWantedInFrame = 10'000;

// What the end that was called shall do.
struct TransferRequest {
  bool send = false;               // else: receive
  std::vector<std::string> names;  // of images, to send
  codec::CompressionSpec compression;
  bool parents = true;
  bool sizes = false;    // offered images say how large their layers are
  bool digests = false;  // RepoDigests travel, and are believed
};

// An image on its way; its config follows in frames of its own.
struct OfferedImage {
  ImageId id;
  std::optional<ImageId> parent;  // one of those offered
  std::vector<std::string> tags;
  std::vector<std::string> digests = {};  // of the repositories that were named
  uint64_t config_bytes = 0;
  std::vector<uint64_t> layer_bytes = {};  // of the tars, base first; none: it does not say
};

struct LayerHead {
  ChainId chain;
  uint64_t tar_bytes = 0;  // for progress only
  codec::Compression compression = codec::Compression::kNone;
};

std::string request_text(const TransferRequest& request);
std::string offered_text(const OfferedImage& image);
std::string want_text(const std::vector<ChainId>& chains);
std::string layer_text(const LayerHead& layer);
std::string finished_text(const LoadReport& report);

// Errors of all: kInvalid, naming the member.
Result<TransferRequest> parse_request(std::string_view text);
Result<OfferedImage> parse_offered(std::string_view text);
Result<std::vector<ChainId>> parse_want(std::string_view text);
Result<LayerHead> parse_layer_head(std::string_view text);
Result<LoadReport> parse_finished(std::string_view text);

}  // namespace strata::archive
