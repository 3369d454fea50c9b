// SPDX-License-Identifier: Apache-2.0
// AheadChunk: the output of one piece of a deflate stream, decoded before it is known where its
// blocks begin and what comes before them. Internal to codec/, see parallel_gunzip.cc.
//
//   decode()   a worker finds a block and decodes to the first block behind the piece that the
//              search would find there
//   accept()   in stream order: was it the right block? then what comes before it is known
//   finish()   a worker puts the bytes of the window where the markers are
//
// Each of the two jobs is done by whoever calls claim() first.
// Threads: as said at each method.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "codec/block_search.h"
#include "codec/input_pieces.h"

namespace strata::codec {

// The memory of a chunk. It has room for the output of a piece at a ratio of 6, if all of it is
// marked; what there is no room for is decoded when its turn has come.
struct AheadBuffers {
  static constexpr size_t kOutputBytes = size_t{3} << 20;

  AheadBuffers();

  // A window, marked output, another window, and bytes, as much of each as comes.
  std::unique_ptr<uint16_t[]> output;
  std::unique_ptr<SymbolTable> before;  // with the window before the chunk
  std::unique_ptr<uint8_t[]> after;     // the window behind it
  Inflater inflater;
};

// Work that somebody does once.
class Once {
 public:
  // True for the first one to call; who gets it does the work and calls done().
  bool claim() { return !claimed_.exchange(true); }
  void done() {
    done_.store(true);
    done_.notify_all();
  }
  bool is_done() const { return done_.load(); }
  void wait() const { done_.wait(false); }

 private:
  std::atomic<bool> claimed_{false};
  std::atomic<bool> done_{false};
};

class AheadChunk {
 public:
  // `next` is null for the last piece. at(next + 1) must have been asked for, or `next` be whole.
  AheadChunk(std::shared_ptr<const InputPiece> piece, std::shared_ptr<const InputPiece> next,
             std::unique_ptr<AheadBuffers> buffers)
      : piece_(std::move(piece)), next_(std::move(next)), buffers_(std::move(buffers)) {}

  uint64_t index() const { return piece_->index; }

  // Any thread: if nobody has done or begun it.
  void decode_once();
  void finish_once();

  // The owner's thread, from here on.

  // True: nobody had begun to decode, and nobody will. False: wait_decoded() will end soon.
  bool withdraw();
  bool is_decoded() const { return decoding_.is_done(); }
  void wait_decoded() const { decoding_.wait(); }
  // The output is not wanted; retire() will end sooner.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  // Waits for workers that are at it, and lets nobody begin.
  void retire();

  // Decoded: whether the output begins with a later block than that at this bit of the piece.
  bool begins_behind(uint64_t bit) const;
  // Decoded: true if the output is that of the block at this bit of the piece, behind the
  // kWindowBytes at `window`, of which the last `history_bytes` belong to the block's member. Then
  // finish_once() may be called.
  bool accept(uint64_t bit, const uint8_t* window, size_t history_bytes);
  void wait_finished() const { finishing_.wait(); }

  // Accepted: more than a copy of stored blocks.
  bool is_worthwhile() const;

  // Accepted: where the output ends.
  bool is_whole() const { return whole_; }  // at such a block behind the piece
  uint64_t end_index() const { return at_next_ ? piece_->index + 1 : piece_->index; }
  const Inflater& inflater() const { return buffers_->inflater; }
  const uint8_t* window_behind() const { return buffers_->after.get(); }
  size_t history_behind() const { return history_behind_; }

  // Finished: the output in two parts; members end only in the second. The CRC-32s are those of
  // the first part, of what in the second part comes before the end of each member, and behind the
  // last one.
  struct MemberEnd {
    size_t at;  // in the second part
    uint32_t crc;
    uint32_t expected_crc, expected_size;  // of the member
    uint64_t next_begin;                   // of the next member, in the compressed stream
  };
  std::span<const uint8_t> first() const;
  std::span<const uint8_t> second() const;
  std::span<const MemberEnd> member_ends() const { return ends_; }
  uint32_t first_crc() const { return marked_crc_; }
  uint32_t last_crc() const { return bytes_crc_; }

  std::unique_ptr<AheadBuffers> take_buffers() { return std::move(buffers_); }

 private:
  // False: no block began there.
  bool decode_from(const BlockStart& start);
  // Runs the inflater on, over the border of the two pieces.
  template <typename Symbol>
  Inflater::Stop run(InflateOutput<Symbol>& output, bool every_block);
  bool decode_marked();
  void decode_bytes();
  // Behind a member's last block: goes on to the next member, if that is simple.
  bool pass_member_end();
  bool leads_behind(size_t history_bytes) const;
  InflateInput input() const;
  uint16_t* marked() const { return buffers_->output.get() + kWindowBytes; }
  // The window before the bytes.
  uint8_t* bytes_window() const { return reinterpret_cast<uint8_t*>(marked() + marked_size_); }

  const std::shared_ptr<const InputPiece> piece_;
  const std::shared_ptr<const InputPiece> next_;
  std::unique_ptr<AheadBuffers> buffers_;
  Once decoding_, finishing_;
  std::atomic<bool> cancelled_{false};

  std::optional<BlockStart> start_;  // of the output, if there is any
  bool at_next_ = false;             // the inflater is in next_
  bool whole_ = false;
  bool in_bytes_ = false;  // the output has come to the second part
  size_t marked_size_ = 0, bytes_size_ = 0;
  uint32_t marked_crc_ = 0, bytes_crc_ = 0;
  std::vector<MemberEnd> ends_;
  size_t history_behind_ = 0;
};

}  // namespace strata::codec
