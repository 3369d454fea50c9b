// SPDX-License-Identifier: Apache-2.0
// KeptLayer: the bytes of a layer as they came over a wire, kept in the store's blob folder until
// the images that they came for are published. A transfer that was interrupted begins with them.
// Shape:   <root>/strata/blobs/<64HEX> the bytes, <64HEX>.journal one line when they are complete;
//          grammar in kept_layer.cc. The name is made from the diffID: no registry's blob has it.
// Threads: one at a time. Other processes: store/blob_folder.h; one of them receives a layer.
// Crash:   what is complete stays; a rest is overwritten, or removed when it is a day old.
#pragma once

#include <optional>

#include "codec/compression.h"
#include "store/blob_folder.h"

namespace strata::archive {

class KeptLayer {
 public:
  // None: another process is receiving the layer now, and keeps it.
  static Result<std::optional<KeptLayer>> claim(const store::BlobFolder& folder,
                                                const DiffId& layer);

  // Whether all bytes of the layer are here, for who only asks; claims do not matter.
  static Result<bool> is_kept(const store::BlobFolder& folder, const DiffId& layer);

  // All bytes are here. They are as good as the other side that sent them: to be verified.
  bool is_complete() const { return complete_; }
  codec::Compression compression() const { return compression_; }
  // Valid as long as this lives; is_complete() only.
  RangeSource open() const { return RangeSource(claim_.data(), 0, size_bytes_); }

  // From here on the layer is empty and not complete.
  Status begin(codec::Compression compression);
  Status append(ByteSpan bytes);
  Status complete();
  // They have done their duty.
  static Status remove(const store::BlobFolder& folder, KeptLayer kept);
  // The same for whatever lies there of a layer that the store has: of a process that was killed
  // after it had published the layer, or while another one did. Who receives it now keeps its own.
  static Status remove_rest(const store::BlobFolder& folder, const DiffId& layer);

 private:
  KeptLayer(store::BlobClaim claim, FileLock journal)
      : claim_(std::move(claim)), journal_(std::move(journal)) {}
  Status read_journal();

  store::BlobClaim claim_;
  FileLock journal_;
  codec::Compression compression_ = codec::Compression::kNone;
  uint64_t size_bytes_ = 0;
  bool complete_ = false;
};

}  // namespace strata::archive
