// SPDX-License-Identifier: Apache-2.0
// The reader of a stream goes from block to block in stream order and is the only one that says
// what is right. Before it, workers decode pieces ahead (AheadChunk): each from the first block
// that it believes to see in its piece, to the first block behind it. When the reader comes to a
// block at just that place, the chunk's output is the stream's. Everything else it decodes itself:
// the first piece, pieces that nobody had the time or memory for, guesses that were wrong, and what
// a chunk had no room for. So a guess costs time, never correctness.
//
//   piece   |---- k-1 ----|----- k -----|---- k+1 ----|
//   blocks  --|-----|-----|--|------|---|---|-----|----
//   chunk k                  |=============>|             accepted if chunk k-1 ends at its begin
//
// Chunks behind an accepted one are accepted as soon as they are decoded, so that their markers are
// resolved at the same time too. Headers, trailers and odd blocks: gzip_member.cc and ISA-L, as in
// the sequential decoder.
#include "codec/parallel_gunzip.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "codec/ahead_chunk.h"
#include "codec/crc32_join.h"
#include "codec/decoder.h"
#include "codec/gzip_decoder.h"
#include "codec/gzip_member.h"

namespace strata::codec {
namespace {

constexpr size_t kOwnOutputBytes = 128 * 1024;
constexpr size_t kFramingReadBytes = 1024;
constexpr size_t kRestReadBytes = 256 * 1024;
// After so many chunks in a row that were of no use, only each of so many pieces is tried.
constexpr size_t kMissesUntilRare = 8;
constexpr size_t kRareInterval = 16;

// Accepted chunks that no worker has begun to finish. The reader needs them before all that is to be
// decoded, so a worker looks here first, whatever task it has taken.
class UrgentChunks {
 public:
  void push(std::shared_ptr<AheadChunk> chunk) { chunks_.lock()->push_back(std::move(chunk)); }

  void finish_all() {
    while (std::shared_ptr<AheadChunk> chunk = pop()) chunk->finish_once();
  }

 private:
  std::shared_ptr<AheadChunk> pop() {
    auto chunks = chunks_.lock();
    if (chunks->empty()) return nullptr;
    std::shared_ptr<AheadChunk> chunk = std::move(chunks->front());
    chunks->pop_front();
    return chunk;
  }

  Guarded<std::deque<std::shared_ptr<AheadChunk>>> chunks_;
};

class ParallelGunzip final : public ByteSource {
 public:
  ParallelGunzip(ByteSource& from, GunzipHelpers& helpers, const GunzipSizes& sizes)
      : helpers_(helpers),
        pieces_(from, sizes.piece_bytes),
        small_pieces_(sizes.small_stream_bytes / sizes.piece_bytes),
        framing_source_(pieces_, kFramingReadBytes),
        rest_source_(pieces_, kRestReadBytes),
        framing_(framing_source_, "gzip") {}
  ~ParallelGunzip() override;

  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  enum class Stage { kUnopened, kHeader, kContent, kTrailer, kSequential, kEnded };

  // Makes output ready, or comes one stage further.
  Status advance();
  void open();
  Status read_header();
  Status read_trailer();
  Status advance_content();
  Status decode_here();
  Status stopped(Inflater::Stop stop);
  void decode_sequentially();

  // Chunks.
  void keep_workers_busy();
  bool try_dispatch(uint64_t index);
  Result<bool> deliver_chunk();
  bool accept(AheadChunk& chunk);
  Status take_output(const std::shared_ptr<AheadChunk>& chunk);
  void accept_more();
  void count_output(size_t count, uint32_t crc);
  void discard(const std::shared_ptr<AheadChunk>& chunk);
  uint64_t position_bits() const { return piece_ * pieces_.piece_bytes() * 8 + inflater_->bit(); }

  GunzipHelpers& helpers_;
  InputPieces pieces_;
  const uint64_t small_pieces_;  // a stream of so many is small
  InputPiecesSource framing_source_, rest_source_;
  InputWindow framing_;
  GzipMember member_;
  Stage stage_ = Stage::kUnopened;
  std::unique_ptr<ByteSource> sequential_;
  std::optional<Error> failure_;

  // Where the reader is: at bit inflater_->bit() of piece_, with a window before output_.
  uint64_t piece_ = 0;
  std::unique_ptr<Inflater> inflater_;
  std::unique_ptr<uint8_t[]> window_;  // kWindowBytes, kOwnOutputBytes, slack
  size_t history_bytes_ = 0;           // of the window, at its end
  size_t own_bytes_ = 0;               // output behind the window
  uint32_t crc_ = 0;                   // of the member's content so far
  uint64_t size_bytes_ = 0;

  std::deque<std::shared_ptr<AheadChunk>> chunks_;  // by index; the first accepted_ are accepted
  size_t accepted_ = 0;
  uint64_t next_chunk_ = 0;
  size_t misses_ = 0;
  std::shared_ptr<AheadChunk> delivering_;
  const std::shared_ptr<UrgentChunks> urgent_ = std::make_shared<UrgentChunks>();
  std::deque<std::span<const uint8_t>> ready_;
};

ParallelGunzip::~ParallelGunzip() {
  for (const auto& chunk : chunks_) chunk->cancel();
  for (const auto& chunk : chunks_) discard(chunk);
  if (delivering_) helpers_.give_back(delivering_->take_buffers());
}

Result<size_t> ParallelGunzip::read(MutableByteSpan buffer) {
  if (failure_) return *failure_;
  while (ready_.empty() && stage_ != Stage::kSequential && stage_ != Stage::kEnded) {
    Status status = advance();
    if (status.ok()) continue;
    failure_ = status.error();
    return *failure_;
  }
  if (ready_.empty()) return stage_ == Stage::kEnded ? size_t{0} : sequential_->read(buffer);
  std::span<const uint8_t>& front = ready_.front();
  size_t count = std::min(buffer.size(), front.size());
  std::memcpy(buffer.data(), front.data(), count);
  front = front.subspan(count);
  if (front.empty()) ready_.pop_front();
  return count;
}

Status ParallelGunzip::advance() {
  if (delivering_) {
    helpers_.give_back(delivering_->take_buffers());
    delivering_.reset();
  }
  switch (stage_) {
    case Stage::kUnopened:
      open();
      return {};
    case Stage::kHeader:
      return read_header();
    case Stage::kContent:
      return advance_content();
    case Stage::kTrailer:
      return read_trailer();
    case Stage::kSequential:
    case Stage::kEnded:
      break;
  }
  return {};
}

void ParallelGunzip::open() {
  if (!pieces_.at(small_pieces_)) {
    stage_ = Stage::kSequential;
    sequential_ = make_gzip_decoder(rest_source_);
    return;
  }
  inflater_ = std::make_unique<Inflater>();
  window_ = std::make_unique_for_overwrite<uint8_t[]>(kWindowBytes + kOwnOutputBytes +
                                                      InflateOutput<uint8_t>::kSlack);
  stage_ = Stage::kHeader;
}

Status ParallelGunzip::read_header() {
  STRATA_TRY(bool begun, member_.read_header(framing_));
  if (!begun) {
    stage_ = Stage::kEnded;
    return {};
  }
  piece_ = framing_.offset() / pieces_.piece_bytes();
  inflater_->start(framing_.offset() % pieces_.piece_bytes() * 8);
  history_bytes_ = own_bytes_ = 0;
  crc_ = 0;
  size_bytes_ = 0;
  stage_ = Stage::kContent;
  return {};
}

Status ParallelGunzip::read_trailer() {
  uint64_t offset = (position_bits() + 7) / 8;
  framing_source_.seek(offset);
  framing_.seek(offset);
  STRATA_CHECK(member_.read_trailer(framing_, {}, crc_, size_bytes_));
  stage_ = Stage::kHeader;
  return {};
}

Status ParallelGunzip::advance_content() {
  keep_workers_busy();
  if (inflater_->at_block()) {
    STRATA_TRY(bool delivered, deliver_chunk());
    if (delivered) return {};
  }
  return decode_here();
}

// Decodes some of the content on this thread.
Status ParallelGunzip::decode_here() {
  uint8_t* begin = window_.get() + kWindowBytes;
  if (own_bytes_ > 0) std::memmove(window_.get(), window_.get() + own_bytes_, kWindowBytes);
  history_bytes_ = std::min(kWindowBytes, history_bytes_ + own_bytes_);
  own_bytes_ = 0;
  std::shared_ptr<const InputPiece> piece = pieces_.at(piece_);
  if (!piece) return stopped(Inflater::Stop::kTruncated);
  (void)pieces_.at(piece_ + 1);  // now the overlap is there
  bool has_chunk = !chunks_.empty() && chunks_.front()->index() == piece_;
  InflateOutput<uint8_t> output{begin - history_bytes_, begin, begin + kOwnOutputBytes};
  uint64_t stop_bits = has_chunk ? inflater_->bit() + 1 : ~uint64_t{0};
  Inflater::Stop stop = inflater_->run(piece->input(), output, stop_bits);
  own_bytes_ = static_cast<size_t>(output.next - begin);
  if (own_bytes_ > 0) {
    std::span<const uint8_t> bytes(begin, own_bytes_);
    crc_ = crc32_gzip_refl(crc_, bytes.data(), bytes.size());
    size_bytes_ += own_bytes_;
    ready_.push_back(bytes);
    return {};  // for the reason why it stopped we come again
  }
  return stopped(stop);
}

Status ParallelGunzip::stopped(Inflater::Stop stop) {
  switch (stop) {
    case Inflater::Stop::kBlock:
    case Inflater::Stop::kFull:
      return {};
    case Inflater::Stop::kLimit:
      inflater_->rebase(pieces_.piece_bytes());
      ++piece_;
      pieces_.drop_before(piece_);
      return {};
    case Inflater::Stop::kEnd:
      stage_ = Stage::kTrailer;
      return {};
    case Inflater::Stop::kOddHeader:
      decode_sequentially();
      return {};
    case Inflater::Stop::kInvalid:
      return member_.invalid_deflate_data();
    case Inflater::Stop::kTruncated:
      framing_source_.seek(pieces_.size_bytes());
      framing_.seek(pieces_.size_bytes());
      return framing_.need();
  }
  return {};
}

// Leaves all the rest, from the block at which we are, to ISA-L.
void ParallelGunzip::decode_sequentially() {
  while (!chunks_.empty()) {
    discard(chunks_.front());
    chunks_.pop_front();
  }
  uint64_t bits = position_bits();
  GzipResume at{member_.begin(), bits / 8, 0, 0, {}, crc_, size_bytes_};
  if (bits % 8 != 0) {
    uint8_t byte =
        pieces_.at(bits / 8 / pieces_.piece_bytes())->bytes[bits / 8 % pieces_.piece_bytes()];
    at.bits = static_cast<uint8_t>(byte >> bits % 8);
    at.bit_count = 8 - bits % 8;
    ++at.offset;
  }
  at.window = {window_.get() + kWindowBytes - history_bytes_, history_bytes_};
  rest_source_.seek(at.offset);
  sequential_ = resume_gzip_decoder(rest_source_, at);
  stage_ = Stage::kSequential;
}

void ParallelGunzip::keep_workers_busy() {
  while (!chunks_.empty() && chunks_.front()->index() < piece_) {
    discard(chunks_.front());
    chunks_.pop_front();
    ++misses_;
  }
  next_chunk_ = std::max(next_chunk_, piece_ + 1);
  while (try_dispatch(next_chunk_)) ++next_chunk_;
}

bool ParallelGunzip::try_dispatch(uint64_t index) {
  bool rare = misses_ >= kMissesUntilRare;
  if (rare && (index % kRareInterval != 0 || index > piece_ + 1)) return false;
  std::unique_ptr<AheadBuffers> buffers = helpers_.try_take();
  if (!buffers) return false;
  std::shared_ptr<const InputPiece> piece = pieces_.at(index);
  if (!piece) {
    helpers_.give_back(std::move(buffers));
    return false;
  }
  auto chunk = std::make_shared<AheadChunk>(piece, pieces_.at(index + 1), std::move(buffers));
  chunks_.push_back(chunk);
  helpers_.pool().run([chunk, urgent = urgent_] {
    urgent->finish_all();
    chunk->decode_once();
  });
  return true;
}

// At a block: takes the output of the chunk that begins there, if there is one.
Result<bool> ParallelGunzip::deliver_chunk() {
  if (chunks_.empty() || chunks_.front()->index() != piece_) return false;
  std::shared_ptr<AheadChunk> chunk = chunks_.front();
  if (accepted_ == 0) {
    // If nobody has begun with it, we know better how to.
    bool unused = chunk->withdraw();
    if (!unused) chunk->wait_decoded();
    // If this is some other block, behind it we ask again.
    if (chunk->begins_behind(inflater_->bit())) return false;
    if (!unused && !accept(*chunk)) ++misses_;
    if (accepted_ == 0) {
      chunks_.pop_front();
      discard(chunk);
      return false;
    }
  }
  accept_more();
  chunks_.pop_front();
  --accepted_;
  misses_ = chunk->is_worthwhile() ? 0 : misses_ + 1;
  STRATA_CHECK(take_output(chunk));
  return true;
}

bool ParallelGunzip::accept(AheadChunk& chunk) {
  size_t history_bytes = std::min(kWindowBytes, history_bytes_ + own_bytes_);
  if (!chunk.accept(inflater_->bit(), window_.get() + own_bytes_, history_bytes)) return false;
  accepted_ = 1;
  return true;
}

Status ParallelGunzip::take_output(const std::shared_ptr<AheadChunk>& chunk) {
  delivering_ = chunk;
  chunk->finish_once();
  chunk->wait_finished();
  count_output(chunk->first().size(), chunk->first_crc());
  size_t counted = 0;
  for (const AheadChunk::MemberEnd& end : chunk->member_ends()) {
    count_output(end.at - counted, end.crc);
    counted = end.at;
    STRATA_CHECK(member_.verify(end.expected_crc, end.expected_size, crc_, size_bytes_));
    member_ = GzipMember(end.next_begin);
    crc_ = 0;
    size_bytes_ = 0;
  }
  count_output(chunk->second().size() - counted, chunk->last_crc());
  for (std::span<const uint8_t> part : {chunk->first(), chunk->second()}) {
    if (!part.empty()) ready_.push_back(part);
  }
  *inflater_ = chunk->inflater();
  piece_ = chunk->end_index();
  pieces_.drop_before(piece_);
  std::memcpy(window_.get(), chunk->window_behind(), kWindowBytes);
  history_bytes_ = chunk->history_behind();
  own_bytes_ = 0;
  return {};
}

void ParallelGunzip::count_output(size_t count, uint32_t crc) {
  crc_ = join_crc32(crc_, crc, count);
  size_bytes_ += count;
}

// Accepts the chunks behind those that are accepted, as far as they are decoded.
void ParallelGunzip::accept_more() {
  for (; accepted_ < chunks_.size(); ++accepted_) {
    const AheadChunk& last = *chunks_[accepted_ - 1];
    const std::shared_ptr<AheadChunk>& chunk = chunks_[accepted_];
    if (!last.is_whole() || last.end_index() != chunk->index() || !chunk->is_decoded()) return;
    if (!chunk->accept(last.inflater().bit(), last.window_behind(), last.history_behind())) return;
    urgent_->push(chunk);
    helpers_.pool().run([urgent = urgent_] { urgent->finish_all(); });
  }
}

void ParallelGunzip::discard(const std::shared_ptr<AheadChunk>& chunk) {
  chunk->retire();
  helpers_.give_back(chunk->take_buffers());
}

}  // namespace

GunzipHelpers::GunzipHelpers(Pool& pool, size_t max_ahead)
    : pool_(pool), max_ahead_(std::min(size_t{2} * pool.jobs(), max_ahead)) {}

GunzipHelpers::~GunzipHelpers() = default;

std::unique_ptr<AheadBuffers> GunzipHelpers::try_take() {
  auto state = state_.lock();
  if (!state->free.empty()) {
    std::unique_ptr<AheadBuffers> buffers = std::move(state->free.back());
    state->free.pop_back();
    return buffers;
  }
  if (state->made == max_ahead_) return nullptr;
  ++state->made;
  return std::make_unique<AheadBuffers>();
}

void GunzipHelpers::give_back(std::unique_ptr<AheadBuffers> buffers) {
  state_.lock()->free.push_back(std::move(buffers));
}

std::unique_ptr<ByteSource> make_parallel_gunzip(ByteSource& from, GunzipHelpers& helpers,
                                                 const GunzipSizes& sizes) {
  if (helpers.pool().jobs() < 2) return make_gzip_decoder(from);
  return std::make_unique<ParallelGunzip>(from, helpers, sizes);
}

}  // namespace strata::codec
