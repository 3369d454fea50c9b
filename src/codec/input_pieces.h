// SPDX-License-Identifier: Apache-2.0
// A stream in pieces of one size that stay in memory as long as somebody needs them. Internal to
// codec/.
//
// Behind its own bytes a piece holds the first ones of the next piece, so that a header or symbol
// that begins in it can be read in one go.
// Threads: InputPieces one at a time; a piece that at(index + 1) was asked for does not change any
// more, and but for its last kOverlapBytes it never does.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "base/stream.h"
#include "codec/inflater.h"

namespace strata::codec {

struct InputPiece {
  static constexpr size_t kOverlapBytes = 1024;
  static_assert(kOverlapBytes >= InflateInput::kReadableBytes + sizeof(uint64_t));

  uint64_t index;
  size_t size_bytes;     // that of all pieces, except in the last one
  size_t visible_bytes;  // with the overlap
  bool ends_stream;      // behind the visible bytes there are no others
  std::unique_ptr<uint8_t[]> bytes;

  // All of it, for decoding.
  InflateInput input() const {
    uint64_t end = ends_stream ? visible_bytes * 8 : ~uint64_t{0};
    return {bytes.get(), size_bytes * 8, end};
  }
};

class InputPieces {
 public:
  // `from` is borrowed. `piece_bytes`: at least twice the overlap.
  InputPieces(ByteSource& from, size_t piece_bytes) : from_(from), piece_bytes_(piece_bytes) {}

  size_t piece_bytes() const { return piece_bytes_; }

  // The piece, read if it has not been; null: the stream ends before it. It must not have been
  // dropped.
  std::shared_ptr<const InputPiece> at(uint64_t index);
  void drop_before(uint64_t index);

  // How many bytes the source gave, and the error with which it ended. Of use once at() gave null.
  uint64_t size_bytes() const { return size_bytes_; }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  void read_piece();
  std::shared_ptr<InputPiece> new_piece();

  ByteSource& from_;
  const size_t piece_bytes_;
  std::deque<std::shared_ptr<InputPiece>> pieces_;
  std::shared_ptr<InputPiece> dropped_;  // the last one, whose memory serves again
  uint64_t first_ = 0;
  uint64_t size_bytes_ = 0;
  bool ended_ = false;
  std::optional<Error> failure_;
};

// Reads the pieces from some byte on, and drops those that it has passed.
class InputPiecesSource final : public ByteSource {
 public:
  // `pieces` is borrowed. A read gives at most `call_bytes`.
  InputPiecesSource(InputPieces& pieces, size_t call_bytes)
      : pieces_(pieces), call_bytes_(call_bytes) {}

  void seek(uint64_t offset) { offset_ = offset; }
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  InputPieces& pieces_;
  const size_t call_bytes_;
  uint64_t offset_ = 0;
};

}  // namespace strata::codec
