// SPDX-License-Identifier: Apache-2.0
// Parser: takes a tar as it streams by, in pieces of any size, and reports its members.
//
//   Recorder events;                                  // derives from ParserEvents
//   while (...) STRATA_CHECK(parser.feed(piece, events));
//   STRATA_CHECK(parser.finish());
//
// Every byte is reported once and in order, by on_raw or by on_payload, as a part of the piece that
// was fed: nothing is copied, and the reports joined are the input. Where the borders between the
// pieces fall changes how the reports are split, and nothing else.
//
// What is accepted, refused and made of it is what Go's archive/tar Reader does when each member is
// read to its end, since that decides which layers docker takes.
// Memory: a header's names and records, at most a few times kMaxMetaBytes; never payload.
// Threads: one at a time per object.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "tar/header.h"
#include "tar/member.h"
#include "tar/pax.h"
#include "tar/sparse.h"

namespace strata::tar {

// What feed() calls. An error that they return ends the parsing and comes out of feed().
class ParserEvents {
 public:
  virtual ~ParserEvents() = default;

  // Bytes that are no file payload: header blocks, pax and GNU name members as a whole, sparse
  // maps, padding, the end marker and all that follows it.
  virtual Status on_raw(ByteSpan bytes) = 0;

  // A member, after the on_raw of its last header byte; `member` is valid until on_member_end.
  virtual Status on_member(const Member& member) = 0;

  // Payload of that member, member.size_bytes in all. `file_offset` is the place of the first byte
  // in the unpacked file; in a sparse file the bytes of two calls may be apart.
  virtual Status on_payload(ByteSpan bytes, uint64_t file_offset) = 0;

  // After the member's last payload byte; for a member without payload right after on_member.
  virtual Status on_member_end() = 0;
};

class Parser {
 public:
  // Takes the next piece of the stream.
  // Errors: kInvalid, with docker's text in it: `archive/tar: invalid tar header`, `archive/tar:
  // header field too long`, `unexpected EOF` and those of make_sparse_map(); and what `events`
  // returned. After an error every call returns that error.
  Status feed(ByteSpan piece, ParserEvents& events);

  // The rest of the member's payload is not fed: it lies elsewhere. Ends the member, if it has any
  // left. Errors: those of `events`.
  Status skip_payload(ParserEvents& events);
  // Payload bytes of the member that have not come yet.
  uint64_t payload_left_bytes() const { return state_ == State::kPayload ? remaining_ : 0; }

  // Says that the stream ends here.
  // Errors: kInvalid, `unexpected EOF`, inside a header or payload. Missing padding, a missing end
  // marker, or half of one, are fine.
  Status finish();

  // True between the header of a sparse member and the end of its map, where that stands behind the header.
  bool is_in_sparse_map() const {
    return state_ == State::kSparseText || state_ == State::kOldSparse;
  }
  // Bytes fed so far.
  uint64_t offset_bytes() const { return offset_; }
  // True when the end marker has been seen.
  bool at_end() const { return state_ == State::kAfterEnd; }

 private:
  enum class State {
    kHeader,      // at a block border, or inside a header block
    kMeta,        // payload of an x, g, L or K
    kOldSparse,   // extension blocks of an old GNU sparse header
    kSparseText,  // map at the head of a pax 1.0 sparse payload
    kPayload,
    kPadding,
    kAfterEnd,
  };
  struct Piece;

  Status run(Piece& piece, ParserEvents& events);
  Status step(Piece& piece, ParserEvents& events);
  std::optional<Block> take_block(Piece& piece);

  Status header_block(Block block, Piece& piece, ParserEvents& events);
  Status begin_meta();
  Status read_meta(Piece& piece, ParserEvents& events);
  Status end_meta(Piece& piece, ParserEvents& events);
  Status begin_member(Block block, Piece& piece, ParserEvents& events);
  Status begin_pax_sparse(PaxSparse version, Piece& piece, ParserEvents& events);
  Status old_sparse_block(Block block, Piece& piece, ParserEvents& events);
  Status sparse_text_block(Block block, Piece& piece, ParserEvents& events);
  Status set_sparse(const std::vector<RawExtent>& entries);
  Status set_payload_size();
  Status report_member(Piece& piece, ParserEvents& events);
  Status read_payload(Piece& piece, ParserEvents& events);
  Status end_payload(ParserEvents& events);
  void skip_padding(Piece& piece);

  State state_ = State::kHeader;
  uint64_t offset_ = 0;
  std::optional<Error> failure_;

  std::array<std::byte, kBlockBytes> block_;  // a block that is spread over several pieces
  size_t block_fill_ = 0;
  bool zero_block_seen_ = false;

  Member member_;
  uint64_t remaining_ = 0;  // payload bytes (of the member, or the meta member) still to come
  size_t padding_ = 0;      // and the padding behind them
  size_t extent_ = 0;       // sparse: the extent we are in, and how far
  uint64_t extent_done_ = 0;

  // What stands in front of the next member and describes it.
  std::string meta_;
  PaxRecords pax_;
  std::string long_name_;
  std::string long_link_;
  OldGnuSparse old_sparse_;
  SparseText sparse_text_;
};

}  // namespace strata::tar
