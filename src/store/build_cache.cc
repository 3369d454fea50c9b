// SPDX-License-Identifier: Apache-2.0
#include "store/build_cache.h"

#include <cstring>

namespace strata::store {
namespace {

constexpr std::string_view kField = "chainidsha256:";
constexpr size_t kEntryBytes = kField.size() + Digest::kHexDigits;
constexpr size_t kWindowBytes = 1u << 20;

void collect(std::string_view window, std::set<ChainId>& chains) {
  for (size_t at = window.find(kField); at != std::string_view::npos;
       at = window.find(kField, at + 1)) {
    Result<ChainId> chain =
        ChainId::parse_hex(window.substr(at + kField.size(), Digest::kHexDigits));
    if (chain.ok()) chains.insert(*chain);
  }
}

}  // namespace

Result<std::set<ChainId>> build_cache_layers(const Fd& root) {
  std::set<ChainId> chains;
  Result<Fd> file = open_at(root, "buildkit/snapshots.db", O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return chains;
  if (!file.ok()) return std::move(file).error();
  std::string window(kWindowBytes, '\0');
  // Windows overlap by one entry, so that none is cut.
  for (uint64_t offset = 0;; offset += kWindowBytes - kEntryBytes) {
    STRATA_TRY(size_t count,
               pread_full(file->get(), std::as_writable_bytes(std::span(window)), offset));
    collect(std::string_view(window).substr(0, count), chains);
    if (count < window.size()) return chains;
  }
}

}  // namespace strata::store
