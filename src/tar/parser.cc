// SPDX-License-Identifier: Apache-2.0
// A tar as a stream of blocks of 512 bytes:
//
//   tar     member* (zero-block zero-block anything* | zero-block?)
//   member  meta* header extension* payload padding
//   meta    header('x' | 'L' | 'K') payload padding       describes the next member
//
// The stream may also end inside padding, or after metas. Order of precedence for a name:
// GNU.sparse.name, GNU long name, pax path, prefix and name of the header. An 'x' replaces the one
// before it. A 'g' is a member of its own and takes away the metas in front of it.
// Source: POSIX.1-2017 pax; GNU tar manual; Go 1.19's archive/tar Reader where these leave room.
#include "tar/parser.h"

#include <algorithm>
#include <cstring>

namespace strata::tar {

// The piece being fed, how far it is consumed, and from where its bytes are not reported yet.
struct Parser::Piece {
  ByteSpan bytes;
  size_t next = 0;
  size_t raw_begin = 0;

  size_t left() const { return bytes.size() - next; }
  // Consumes up to `count` bytes.
  ByteSpan take(uint64_t count) {
    const ByteSpan taken = bytes.subspan(next, std::min<uint64_t>(count, left()));
    next += taken.size();
    return taken;
  }
  Status report_raw(ParserEvents& events) {
    const ByteSpan raw = bytes.subspan(raw_begin, next - raw_begin);
    raw_begin = next;
    return raw.empty() ? Status() : events.on_raw(raw);
  }
};

namespace {

Error unexpected_eof(uint64_t offset, std::string_view where) {
  return error(ErrorCode::kInvalid, "unexpected EOF: the tar ends at byte {}, inside {}", offset,
               where);
}

}  // namespace

Status Parser::feed(ByteSpan bytes, ParserEvents& events) {
  if (failure_) return *failure_;
  Piece piece{bytes};
  Status status = run(piece, events);
  offset_ += piece.next;
  if (!status.ok()) failure_ = status.error();
  return status;
}

Status Parser::skip_payload(ParserEvents& events) {
  if (failure_) return *failure_;
  if (state_ != State::kPayload) return {};
  offset_ += std::exchange(remaining_, 0);
  Status ended = end_payload(events);
  if (!ended.ok()) failure_ = ended.error();
  return ended;
}

Status Parser::finish() {
  if (failure_) return *failure_;
  switch (state_) {
    case State::kHeader:
      if (block_fill_ > 0) return unexpected_eof(offset_, "a header block");
      return {};
    case State::kMeta:
      return unexpected_eof(offset_, "a pax or GNU name header");
    case State::kOldSparse:
    case State::kSparseText:
      return unexpected_eof(offset_, fmt::format("the sparse map of {}", quoted(member_.name)));
    case State::kPayload:
      return unexpected_eof(
          offset_, fmt::format("{}, with {} of {} bytes missing", quoted(member_.name), remaining_,
                               member_.size_bytes));
    case State::kPadding:
    case State::kAfterEnd:
      return {};
  }
  return {};
}

Status Parser::run(Piece& piece, ParserEvents& events) {
  while (piece.left() > 0) STRATA_CHECK(step(piece, events));
  return piece.report_raw(events);
}

Status Parser::step(Piece& piece, ParserEvents& events) {
  switch (state_) {
    case State::kMeta:
      return read_meta(piece, events);
    case State::kPayload:
      return read_payload(piece, events);
    case State::kPadding:
      skip_padding(piece);
      return {};
    case State::kAfterEnd:
      piece.take(piece.left());
      return {};
    case State::kHeader:
    case State::kOldSparse:
    case State::kSparseText:
      break;
  }
  const auto block = take_block(piece);
  if (!block) return {};
  if (state_ == State::kOldSparse) return old_sparse_block(*block, piece, events);
  if (state_ == State::kSparseText) return sparse_text_block(*block, piece, events);
  return header_block(*block, piece, events);
}

// The next block, in place when the piece holds all of it; nothing when it is not complete yet.
std::optional<Block> Parser::take_block(Piece& piece) {
  const ByteSpan part = piece.take(kBlockBytes - block_fill_);
  if (part.size() == kBlockBytes) return part.first<kBlockBytes>();
  std::memcpy(block_.data() + block_fill_, part.data(), part.size());
  block_fill_ += part.size();
  if (block_fill_ < kBlockBytes) return std::nullopt;
  block_fill_ = 0;
  return Block(block_);
}

Status Parser::header_block(Block block, Piece& piece, ParserEvents& events) {
  if (all_zero(block)) {
    if (zero_block_seen_) state_ = State::kAfterEnd;
    zero_block_seen_ = true;
    return {};
  }
  const uint64_t block_offset = offset_ + piece.next - kBlockBytes;
  if (zero_block_seen_) {
    return invalid_header("a zero block, then one at byte {} that is not", block_offset);
  }
  STRATA_CHECK(decode_header(block, member_).context("tar block at byte {}", block_offset));
  STRATA_CHECK(set_payload_size());
  switch (member_.type) {
    case kPaxHeader:
    case kPaxGlobal:
    case kGnuLongName:
    case kGnuLongLink:
      STRATA_CHECK(begin_meta());
      return remaining_ == 0 ? end_meta(piece, events) : Status();
    default:
      return begin_member(block, piece, events);
  }
}

// Payload and padding as the header's type and size have them.
Status Parser::set_payload_size() {
  if (is_header_only(member_.type)) {
    remaining_ = 0;
  } else if (member_.declared_size_bytes < 0) {
    return invalid_header("size of {} is {}", quoted(member_.name), member_.declared_size_bytes);
  } else {
    remaining_ = static_cast<uint64_t>(member_.declared_size_bytes);
  }
  padding_ = padding_bytes(remaining_);
  return {};
}

Status Parser::begin_meta() {
  if (remaining_ > kMaxMetaBytes) {
    return error(ErrorCode::kInvalid,
                 "archive/tar: header field too long: {} bytes of type '{}', the limit is {}",
                 remaining_, member_.type, kMaxMetaBytes);
  }
  meta_.clear();
  state_ = State::kMeta;
  return {};
}

Status Parser::read_meta(Piece& piece, ParserEvents& events) {
  const ByteSpan part = piece.take(remaining_);
  meta_ += as_text(part);
  remaining_ -= part.size();
  return remaining_ == 0 ? end_meta(piece, events) : Status();
}

Status Parser::end_meta(Piece& piece, ParserEvents& events) {
  state_ = State::kPadding;
  const std::string_view text = std::string_view(meta_).substr(0, meta_.find('\0'));
  switch (member_.type) {
    case kGnuLongName:
      long_name_ = text;
      return {};
    case kGnuLongLink:
      long_link_ = text;
      return {};
    case kPaxHeader:
      return pax_.parse(meta_).context("pax header before byte {}", offset_ + piece.next);
    default:
      break;
  }
  STRATA_CHECK(pax_.parse(meta_).context("global pax header {}", quoted(member_.name)));
  Member global;
  global.type = kPaxGlobal;
  global.name = pax_.path.empty() ? std::move(member_.name) : pax_.path;
  member_ = std::move(global);
  return report_member(piece, events);
}

// All headers are there but for what the sparse formats still want.
Status Parser::begin_member(Block block, Piece& piece, ParserEvents& events) {
  Status applied = pax_.apply(member_);
  // Quoted only then: every member comes by here.
  if (!applied.ok()) return std::move(applied).context("pax header of {}", quoted(member_.name));
  if (!long_name_.empty()) member_.name = long_name_;
  if (!long_link_.empty()) member_.link_name = long_link_;
  if (member_.type == '\0') {
    member_.type = member_.name.ends_with('/') ? kDirectory : kRegular;
  }
  STRATA_CHECK(set_payload_size());
  member_.sparse.reset();
  if (member_.type == kGnuSparse) {
    STRATA_CHECK(old_sparse_.begin(block));
    member_.declared_size_bytes = old_sparse_.real_size_bytes();
    state_ = State::kOldSparse;
    if (old_sparse_.extended()) return {};
    STRATA_CHECK(set_sparse(old_sparse_.entries()));
    return report_member(piece, events);
  }
  const PaxSparse version = pax_sparse_version(pax_);
  if (version != PaxSparse::kNone) return begin_pax_sparse(version, piece, events);
  return report_member(piece, events);
}

Status Parser::begin_pax_sparse(PaxSparse version, Piece& piece, ParserEvents& events) {
  if (!pax_.sparse_name.empty()) member_.name = pax_.sparse_name;
  const std::string& size = pax_.sparse_size.empty() ? pax_.sparse_realsize : pax_.sparse_size;
  if (!size.empty()) {
    const auto number = parse_decimal(size);
    if (!number)
      return invalid_header("sparse size {} of {} is not a number", quoted(size),
                            quoted(member_.name));
    member_.declared_size_bytes = *number;
  }
  if (version == PaxSparse::kInPayload) {
    if (remaining_ < kBlockBytes) {
      return unexpected_eof(offset_ + piece.next,
                            fmt::format("the sparse map of {}", quoted(member_.name)));
    }
    sparse_text_.begin();
    state_ = State::kSparseText;
    return {};
  }
  STRATA_TRY(auto entries, parse_sparse_records(pax_));
  STRATA_CHECK(set_sparse(entries));
  return report_member(piece, events);
}

Status Parser::old_sparse_block(Block block, Piece& piece, ParserEvents& events) {
  STRATA_CHECK(old_sparse_.add(block).context("sparse map of {}", quoted(member_.name)));
  if (old_sparse_.extended()) return {};
  STRATA_CHECK(set_sparse(old_sparse_.entries()));
  return report_member(piece, events);
}

Status Parser::sparse_text_block(Block block, Piece& piece, ParserEvents& events) {
  remaining_ -= kBlockBytes;
  STRATA_TRY(bool complete,
             sparse_text_.add(block).context("sparse map of {}", quoted(member_.name)));
  if (!complete) {
    if (remaining_ >= kBlockBytes) return {};
    return unexpected_eof(offset_ + piece.next,
                          fmt::format("the sparse map of {}", quoted(member_.name)));
  }
  STRATA_CHECK(set_sparse(sparse_text_.entries()));
  return report_member(piece, events);
}

Status Parser::set_sparse(const std::vector<RawExtent>& entries) {
  if (is_header_only(member_.type)) {
    return invalid_header("{} of type '{}' has a sparse map", quoted(member_.name), member_.type);
  }
  STRATA_TRY(member_.sparse, make_sparse_map(entries, member_.declared_size_bytes, remaining_)
                                 .context("sparse map of {}", quoted(member_.name)));
  return {};
}

Status Parser::report_member(Piece& piece, ParserEvents& events) {
  member_.size_bytes = remaining_;
  extent_ = 0;
  extent_done_ = 0;
  pax_.clear();
  long_name_.clear();
  long_link_.clear();
  STRATA_CHECK(piece.report_raw(events));
  STRATA_CHECK(events.on_member(member_));
  state_ = State::kPayload;
  return remaining_ == 0 ? end_payload(events) : Status();
}

Status Parser::read_payload(Piece& piece, ParserEvents& events) {
  uint64_t limit = remaining_;
  uint64_t file_offset = member_.size_bytes - remaining_;
  if (member_.sparse) {
    const SparseExtent& extent = member_.sparse->extents[extent_];
    limit = extent.length - extent_done_;
    file_offset = extent.offset + extent_done_;
  }
  const ByteSpan part = piece.take(limit);
  piece.raw_begin = piece.next;
  remaining_ -= part.size();
  extent_done_ += part.size();
  if (part.size() == limit) {
    ++extent_;
    extent_done_ = 0;
  }
  STRATA_CHECK(events.on_payload(part, file_offset));
  return remaining_ == 0 ? end_payload(events) : Status();
}

Status Parser::end_payload(ParserEvents& events) {
  state_ = State::kPadding;
  return events.on_member_end();
}

void Parser::skip_padding(Piece& piece) {
  padding_ -= piece.take(padding_).size();
  if (padding_ == 0) state_ = State::kHeader;
}

}  // namespace strata::tar
