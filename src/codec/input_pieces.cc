// SPDX-License-Identifier: Apache-2.0
#include "codec/input_pieces.h"

#include <algorithm>
#include <cstring>

namespace strata::codec {

std::shared_ptr<const InputPiece> InputPieces::at(uint64_t index) {
  while (!ended_ && index >= first_ + pieces_.size()) read_piece();
  return index < first_ + pieces_.size() ? pieces_[index - first_] : nullptr;
}

void InputPieces::drop_before(uint64_t index) {
  for (; first_ < index && !pieces_.empty(); ++first_) {
    dropped_ = std::move(pieces_.front());
    pieces_.pop_front();
  }
}

std::shared_ptr<InputPiece> InputPieces::new_piece() {
  // Who else held it has let go before the reader dropped it, or keeps it.
  if (dropped_ && dropped_.use_count() == 1) return std::move(dropped_);
  auto piece = std::make_shared<InputPiece>();
  piece->bytes =
      std::make_unique_for_overwrite<uint8_t[]>(piece_bytes_ + InputPiece::kOverlapBytes);
  return piece;
}

void InputPieces::read_piece() {
  std::shared_ptr<InputPiece> piece = new_piece();
  piece->index = first_ + pieces_.size();
  std::span<std::byte> room(reinterpret_cast<std::byte*>(piece->bytes.get()), piece_bytes_);
  while (!room.empty() && !ended_) {
    Result<size_t> got = from_.read(room);
    if (!got.ok()) failure_ = got.error();
    ended_ = !got.ok() || *got == 0;
    if (!ended_) room = room.subspan(*got);
  }
  piece->size_bytes = piece->visible_bytes = piece_bytes_ - room.size();
  piece->ends_stream = ended_;
  std::memset(piece->bytes.get() + piece->size_bytes, 0,
              piece_bytes_ + InputPiece::kOverlapBytes - piece->size_bytes);
  size_bytes_ += piece->size_bytes;
  if (!pieces_.empty()) {
    InputPiece& before = *pieces_.back();
    size_t overlap = std::min(piece->size_bytes, InputPiece::kOverlapBytes);
    std::memcpy(before.bytes.get() + piece_bytes_, piece->bytes.get(), overlap);
    before.visible_bytes += overlap;
    before.ends_stream = ended_ && overlap == piece->size_bytes;
  }
  if (piece->size_bytes > 0) pieces_.push_back(std::move(piece));
}

Result<size_t> InputPiecesSource::read(MutableByteSpan buffer) {
  uint64_t index = offset_ / pieces_.piece_bytes();
  size_t begin = offset_ % pieces_.piece_bytes();
  pieces_.drop_before(index);
  std::shared_ptr<const InputPiece> piece = pieces_.at(index);
  if (!piece || begin >= piece->size_bytes) {
    if (pieces_.failure()) return *pieces_.failure();
    return size_t{0};
  }
  size_t count = std::min({buffer.size(), call_bytes_, piece->size_bytes - begin});
  std::memcpy(buffer.data(), piece->bytes.get() + begin, count);
  offset_ += count;
  return count;
}

}  // namespace strata::codec
