// SPDX-License-Identifier: Apache-2.0
#include "codec/ahead_chunk.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>

#include "codec/gzip_member.h"

namespace strata::codec {
namespace {

// A place that looks like a block and is none is rare; a piece full of them is made by somebody.
constexpr int kMaxTries = 8;

constexpr unsigned kHeaderBits = 3;

// In symbols: what of the buffer is for output, and all of it. Behind the marked output there is
// always room for the window of the bytes.
constexpr size_t kOutputSymbols = AheadBuffers::kOutputBytes / sizeof(uint16_t);
constexpr size_t kAllSymbols =
    kWindowBytes + kOutputSymbols + InflateOutput<uint16_t>::kSlack + kWindowBytes / 2;

}  // namespace

AheadBuffers::AheadBuffers()
    : output(std::make_unique_for_overwrite<uint16_t[]>(kAllSymbols)),
      before(std::make_unique<SymbolTable>()),
      after(std::make_unique_for_overwrite<uint8_t[]>(kWindowBytes)) {
  make_symbol_table(*before);
}

void AheadChunk::decode_once() {
  if (!decoding_.claim()) return;
  const uint64_t end = piece_->size_bytes * 8;
  uint64_t from = 0;
  for (int tries = 0; tries < kMaxTries && !cancelled_.load(std::memory_order_relaxed); ++tries) {
    start_ = find_block(piece_->bytes.get(), piece_->visible_bytes, from, end);
    if (!start_ || decode_from(*start_)) break;
    from = start_->bit + 1;
    start_.reset();
  }
  if (cancelled_.load(std::memory_order_relaxed)) start_.reset();
  decoding_.done();
}

bool AheadChunk::withdraw() {
  if (!decoding_.claim()) return false;
  decoding_.done();
  return true;
}

void AheadChunk::retire() {
  cancel();
  if (!withdraw()) wait_decoded();
  if (!finishing_.claim()) finishing_.wait();
}

bool AheadChunk::decode_from(const BlockStart& start) {
  uint16_t* window = buffers_->output.get();
  for (size_t i = 0; i < kWindowBytes; ++i) window[i] = static_cast<uint16_t>(kMarker + i);
  if (start.stored) {
    buffers_->inflater.start_stored(start.bit);
  } else {
    buffers_->inflater.start(start.bit);
  }
  at_next_ = whole_ = in_bytes_ = false;
  marked_size_ = bytes_size_ = 0;
  bytes_crc_ = 0;
  ends_.clear();
  if (!decode_marked()) return false;
  if (in_bytes_) decode_bytes();
  return true;
}

InflateInput AheadChunk::input() const {
  if (!at_next_) return piece_->input();
  if (next_->size_bytes < piece_->size_bytes) return next_->input();
  // What is behind it may be arriving at this moment.
  return {next_->bytes.get(), (next_->size_bytes - InputPiece::kOverlapBytes) * 8, ~uint64_t{0}};
}

template <typename Symbol>
Inflater::Stop AheadChunk::run(InflateOutput<Symbol>& output, bool every_block) {
  Inflater& inflater = buffers_->inflater;
  uint64_t stop_bits = at_next_ ? 0 : every_block ? inflater.bit() + 1 : piece_->size_bytes * 8;
  while (true) {
    Inflater::Stop stop = inflater.run(input(), output, stop_bits);
    bool at_block = stop == Inflater::Stop::kBlock;
    if (at_next_) {
      if (!at_block || inflater.at_findable_block(input())) return stop;
      stop_bits = inflater.bit() + 1;
      continue;
    }
    bool behind = inflater.bit() >= piece_->size_bytes * 8;
    bool passing = stop == Inflater::Stop::kLimit || (at_block && behind);
    if (!passing || !next_) return stop;
    inflater.rebase(piece_->size_bytes);
    at_next_ = true;
    stop_bits = 0;
  }
}

// Decodes until the last window of output has no markers left, or to the end.
bool AheadChunk::decode_marked() {
  uint16_t* const begin = marked();
  InflateOutput<uint16_t> output{begin - kWindowBytes, begin, begin + kOutputSymbols};
  Inflater::Stop stop;
  do {
    stop = run(output, true);
    whole_ = stop == Inflater::Stop::kBlock && at_next_;
    in_bytes_ = stop == Inflater::Stop::kBlock && !whole_ &&
                all_bytes({output.next - kWindowBytes, kWindowBytes});
    if (cancelled_.load(std::memory_order_relaxed)) return true;
  } while (stop == Inflater::Stop::kBlock && !whole_ && !in_bytes_);
  marked_size_ = static_cast<size_t>(output.next - begin);
  if (in_bytes_) {
    resolve({output.next - kWindowBytes, kWindowBytes}, *buffers_->before, bytes_window());
  } else if (stop == Inflater::Stop::kEnd) {
    in_bytes_ = pass_member_end();  // there is no history, so there are no markers
  }
  // What fills the room with markers is decoded in less time than the markers are resolved.
  if (stop == Inflater::Stop::kFull) cancel();
  return stop != Inflater::Stop::kInvalid && stop != Inflater::Stop::kOddHeader;
}

void AheadChunk::decode_bytes() {
  uint8_t* const begin = bytes_window() + kWindowBytes;
  auto* const end = reinterpret_cast<uint8_t*>(buffers_->output.get() + kAllSymbols) -
                    InflateOutput<uint8_t>::kSlack;
  Inflater::Stop stop;
  size_t member_at;
  do {
    member_at = ends_.empty() ? 0 : ends_.back().at;
    const uint8_t* history = ends_.empty() ? bytes_window() : begin + member_at;
    InflateOutput<uint8_t> output{history, begin + bytes_size_, end};
    stop = run(output, false);
    bytes_size_ = static_cast<size_t>(output.next - begin);
    bytes_crc_ = crc32_gzip_refl(0, begin + member_at, bytes_size_ - member_at);
  } while (stop == Inflater::Stop::kEnd && pass_member_end());
  whole_ = stop == Inflater::Stop::kBlock && at_next_;
}

bool AheadChunk::pass_member_end() {
  const InputPiece& piece = at_next_ ? *next_ : *piece_;
  bool stable = !at_next_ || next_->size_bytes < piece_->size_bytes;
  size_t readable = stable ? piece.visible_bytes : piece.size_bytes - InputPiece::kOverlapBytes;
  size_t at = (buffers_->inflater.bit() + 7) / 8;
  std::optional<GzipBoundary> boundary = read_gzip_boundary(piece.bytes.get(), at, readable);
  if (!boundary) return false;
  uint64_t next_begin = piece.index * piece_->size_bytes + boundary->header_at;
  ends_.push_back({bytes_size_, bytes_crc_, boundary->crc, boundary->size, next_begin});
  bytes_crc_ = 0;
  buffers_->inflater.start(boundary->content_at * 8);
  return true;
}

bool AheadChunk::begins_behind(uint64_t bit) const {
  // Between the header of a stored block and its length may be padding.
  return start_ && start_->bit > bit + (start_->stored ? kHeaderBits + 7 : 0);
}

bool AheadChunk::accept(uint64_t bit, const uint8_t* window, size_t history_bytes) {
  if (!start_) return false;
  if (start_->stored) {
    // Three bits and the padding, none of them set, lie between.
    uint64_t gap = start_->bit - bit;
    if (start_->bit < bit || gap < kHeaderBits || gap >= kHeaderBits + 8) return false;
    for (uint64_t at = bit; at < bit + kHeaderBits; ++at) {
      if ((piece_->bytes[at / 8] >> (at % 8) & 1) != 0) return false;
    }
  } else if (start_->bit != bit) {
    return false;
  }
  if (leads_behind(history_bytes)) return false;
  std::memcpy(buffers_->before->data() + kMarker, window, kWindowBytes);
  if (in_bytes_) {
    std::memcpy(buffers_->after.get(), bytes_window() + bytes_size_, kWindowBytes);
  } else {
    resolve({marked() + marked_size_ - kWindowBytes, kWindowBytes}, *buffers_->before,
            buffers_->after.get());
  }
  size_t history =
      ends_.empty() ? history_bytes + marked_size_ + bytes_size_ : bytes_size_ - ends_.back().at;
  history_behind_ = std::min(history, kWindowBytes);
  return true;
}

// Whether a distance leads to before the member, which is an error of the stream.
bool AheadChunk::leads_behind(size_t history_bytes) const {
  if (history_bytes >= kWindowBytes) return false;
  const size_t first_good = kMarker + kWindowBytes - history_bytes;
  return std::any_of(marked(), marked() + marked_size_,
                     [&](uint16_t symbol) { return symbol >= kMarker && symbol < first_good; });
}

bool AheadChunk::is_worthwhile() const {
  return marked_size_ + bytes_size_ > piece_->size_bytes + piece_->size_bytes / 8;
}

void AheadChunk::finish_once() {
  if (!finishing_.claim()) return;
  // In place: the bytes take half of the room of the symbols.
  uint16_t* symbols = marked();
  auto* bytes = reinterpret_cast<uint8_t*>(symbols);
  resolve({symbols, marked_size_}, *buffers_->before, bytes);
  marked_crc_ = crc32_gzip_refl(0, bytes, marked_size_);
  finishing_.done();
}

std::span<const uint8_t> AheadChunk::first() const {
  return {reinterpret_cast<const uint8_t*>(marked()), marked_size_};
}

std::span<const uint8_t> AheadChunk::second() const {
  return {bytes_window() + kWindowBytes, bytes_size_};
}

}  // namespace strata::codec
