// SPDX-License-Identifier: Apache-2.0
#include "registry/transfer.h"

#include <unistd.h>

#include <algorithm>

namespace strata::registry {
namespace {

constexpr uint64_t kJournalStep = 1u << 20;  // bytes of one connection between two journal lines
constexpr unsigned kMaxVersions = 4;
constexpr std::chrono::milliseconds kLookAgain{100};  // for cancellation, which notifies nobody
constexpr std::chrono::milliseconds kLongestWait{30'000};

bool is_temporary(const Error& error) {
  return error.code() == ErrorCode::kIo || error.code() == ErrorCode::kBusy;
}

bool is_temporary_or_ok(const Status& status) {
  return status.ok() || is_temporary(status.error());
}

Error cancelled() { return Error(ErrorCode::kCancelled, "interrupted"); }

}  // namespace

// The body of one answer.
class Transfer::PieceSink final : public BlobSink {
 public:
  PieceSink(Transfer& owner, InFlight::iterator piece) : owner_(owner), piece_(piece) {
    auto state = owner_.state_.lock();
    begin_ = position_ = saved_ = piece_->begin;
    version_ = state->version;
    range_ = {begin_, piece_->end - begin_, begin_ == 0 ? "" : state->validator};
    if (begin_ == 0 && piece_->end == owner_.size_bytes_) range_.size_bytes.reset();
  }

  const BlobRange& range() const { return range_; }
  bool has_progressed() const { return progressed_; }
  bool was_answered() const { return answered_; }

  Status begin(const BlobAnswer& answer) override {
    answered_ = true;
    auto state = owner_.state_.lock();
    if (answer.total_bytes && *answer.total_bytes != owner_.size_bytes_) {
      return fatal(error(ErrorCode::kCorrupt, "expected {} bytes, the registry has {}",
                         owner_.size_bytes_, *answer.total_bytes));
    }
    Status versions = owner_.new_version(*state, answer);
    if (!versions.ok()) return fatal(std::move(versions).error());
    version_ = state->version;
    if (answer.offset != begin_) {
      if (answer.offset != 0) {
        return fatal(error(ErrorCode::kInvalid,
                           "asked for bytes from {} on, the registry sends those from {} on",
                           begin_, answer.offset));
      }
      position_ = saved_ = 0;  // the whole: all that is missing will come by
      piece_->end = owner_.size_bytes_;
    }
    if (answer.takes_ranges && !state->takes_ranges) {
      state->takes_ranges = true;
      for (unsigned i = 1; i < owner_.context_.options->connections_per_blob; ++i) {
        owner_.start_worker(*state);
      }
    }
    return {};
  }

  Status take(ByteSpan bytes) override {
    if (bytes.size() > owner_.size_bytes_ - position_) {
      return fatal(error(ErrorCode::kCorrupt, "the registry sends more than the {} bytes of it",
                         owner_.size_bytes_));
    }
    STRATA_TRY(std::vector<ByteRange> missing, missing_in({position_, position_ + bytes.size()}));
    for (const ByteRange& part : missing) {
      Status written = pwrite_all(
          owner_.data_, bytes.subspan(part.begin - position_, part.end - part.begin), part.begin);
      if (!written.ok()) return fatal(std::move(written).error());
    }
    position_ += bytes.size();
    return record(missing);
  }

  bool is_wanted() const override {
    auto state = owner_.state_.lock();
    return !state->stopping && !state->failed && !owner_.context_.is_over();
  }

  // After the transfer: what has come of it. An answer that ended early without an error is one.
  Status end(Status status) {
    auto state = owner_.state_.lock();
    Status saved = version_ == state->version ? save(*state) : Status();
    const bool all = state->arrived.covers({begin_, piece_->end});
    state->in_flight.erase(piece_);
    if (fatal_) return std::move(*fatal_);
    STRATA_CHECK(std::move(saved));
    if (all) return is_temporary_or_ok(status) ? Status() : std::move(status);
    if (!status.ok()) return status;
    return error(ErrorCode::kIo, "the registry ended after {} of {} bytes", position_,
                 owner_.size_bytes_);
  }
  bool is_fatal() const { return fatal_known_; }

 private:
  // An error that another attempt does not mend.
  Error fatal(Error error) {
    fatal_ = error;
    fatal_known_ = true;
    return error;
  }

  Result<std::vector<ByteRange>> missing_in(const ByteRange& range) {
    auto state = owner_.state_.lock();
    if (state->stopping || owner_.context_.is_over()) return cancelled();
    if (state->version != version_) {
      return error(ErrorCode::kBusy, "the registry has another version of it now");
    }
    std::vector<ByteRange> missing;
    ByteRange rest = range;
    while (std::optional<ByteRange> gap = state->arrived.first_gap(rest)) {
      missing.push_back(*gap);
      rest.begin = gap->end;
    }
    return missing;
  }

  Status record(const std::vector<ByteRange>& written) {
    uint64_t arrived_bytes = 0;
    {
      auto state = owner_.state_.lock();
      if (state->version != version_) return {};  // the next bytes will be told
      for (const ByteRange& part : written) {
        state->arrived.add(part);
        state->arrived_bytes += part.end - part.begin;
        progressed_ = true;
      }
      arrived_bytes = state->arrived_bytes;
      if (position_ - saved_ >= kJournalStep) {
        Status saved = save(*state);
        if (!saved.ok()) return fatal(std::move(saved).error());
      }
    }
    owner_.changed_.notify_all();
    if (BlobWatcher* watcher = owner_.context_.watcher) {
      watcher->blob_arrived(owner_.blob_, arrived_bytes, owner_.size_bytes_);
    }
    return {};
  }

  Status save(State& state) {
    if (saved_ == position_) return {};
    ByteRange range{saved_, position_};
    saved_ = position_;
    return state.journal.add(range);
  }

  Transfer& owner_;
  const InFlight::iterator piece_;
  BlobRange range_;
  uint64_t begin_ = 0;     // of the piece
  uint64_t position_ = 0;  // of the next byte
  uint64_t saved_ = 0;     // up to here it is in the journal
  unsigned version_ = 0;
  bool answered_ = false;
  bool progressed_ = false;
  std::optional<Error> fatal_;
  bool fatal_known_ = false;
};

Transfer::Transfer(DownloadContext context, const Digest& blob, uint64_t size_bytes, int data,
                   BlobJournal journal)
    : context_(context),
      blob_(blob),
      size_bytes_(size_bytes),
      data_(data),
      state_(State(std::move(journal))) {
  auto state = state_.lock();
  state->arrived = state->journal.arrived();
  state->arrived_bytes = state->arrived.total_bytes();
  state->validator = state->journal.validator();
  state->patchwork = state->arrived_bytes > 0;
}

Transfer::~Transfer() { stop(); }

void Transfer::stop() {
  std::vector<std::unique_ptr<Stage>> threads;
  {
    auto state = state_.lock();
    state->stopping = true;
    threads = std::move(state->threads);
  }
  changed_.notify_all();
  for (auto& thread : threads) (void)thread->join();  // what they met is in State::failed
}

void Transfer::start() {
  auto state = state_.lock();
  if (!state->arrived.covers({0, size_bytes_})) start_worker(*state);
}

void Transfer::start_worker(State& state) {
  if (state.stopping) return;
  ++state.workers;
  state.threads.push_back(std::make_unique<Stage>([this] { return work(); }));
}

// The first bytes that neither are there nor on their way; all of them where the server has no
// ranges, or where they are few.
std::optional<Transfer::InFlight::iterator> Transfer::begin_piece() {
  auto state = state_.lock();
  if (state->stopping || state->failed || context_.is_over()) return std::nullopt;
  ByteRanges taken = state->arrived;
  for (const ByteRange& piece : state->in_flight) taken.add(piece);
  std::optional<ByteRange> gap = taken.first_gap({0, size_bytes_});
  if (!gap) return std::nullopt;
  const uint64_t piece_bytes = context_.options->piece_bytes;
  bool in_pieces = size_bytes_ > 2 * piece_bytes && (state->takes_ranges || !state->has_begun);
  if (in_pieces) gap->end = std::min(gap->end, gap->begin + piece_bytes);
  return state->in_flight.insert(state->in_flight.end(), *gap);
}

// A worker: one request after the other, until nothing is left to be asked for.
Status Transfer::work() {
  unsigned fruitless = 0;
  unsigned refused = 0;
  while (std::optional<InFlight::iterator> piece = begin_piece()) {
    PieceSink sink(*this, *piece);
    Status status;
    {
      ConnectionLimit::Slot slot(*context_.connections);
      status = context_.server->get_blob(blob_, sink.range(), sink);
    }
    status = sink.end(std::move(status));
    changed_.notify_all();
    refused = sink.was_answered() ? 0 : refused + 1;
    fruitless = sink.has_progressed() ? 0 : fruitless + 1;
    if (status.ok()) continue;
    bool again = !sink.is_fatal() && is_temporary(status.error()) &&
                 refused < context_.options->refusals && fruitless < context_.options->attempts &&
                 pause(fruitless);
    if (again) continue;
    end_worker(std::move(status).error());
    return {};
  }
  end_worker(std::nullopt);
  return {};
}

// The last one to go with an error fails the blob, and so does an error that others would meet too.
void Transfer::end_worker(std::optional<Error> why) {
  {
    auto state = state_.lock();
    --state->workers;
    bool counts = why && (state->workers == 0 || !is_temporary(*why));
    if (counts && !state->failed) state->failed = final_error(std::move(*why), *state);
  }
  changed_.notify_all();
}

Error Transfer::final_error(Error error, const State& state) const {
  bool go_on = is_temporary(error) && state.arrived_bytes > 0;
  if (!go_on) return error;
  return Error(error.code(), fmt::format("{} ({} of {} bytes are here; another pull goes on there)",
                                         error.message(), state.arrived_bytes, size_bytes_));
}

// False: there is no need to go on.
bool Transfer::pause(unsigned fruitless) {
  auto wait = context_.options->first_wait;
  for (unsigned i = 1; i < fruitless && wait < kLongestWait; ++i) wait *= 2;
  const auto until = std::chrono::steady_clock::now() + std::min(wait, kLongestWait);
  auto state = state_.lock();
  auto ends = [&] { return state->stopping || state->failed || context_.is_over(); };
  while (!ends() && std::chrono::steady_clock::now() < until) {
    state.wait_for(changed_, std::min(kLookAgain, wait), ends);
  }
  return !ends();
}

// At the first answer, and when the ETag is another one than before.
Status Transfer::new_version(State& state, const BlobAnswer& answer) {
  bool changed =
      !answer.validator.empty() && !state.validator.empty() && answer.validator != state.validator;
  bool adopt = changed || (state.validator.empty() && !answer.validator.empty());
  if (state.has_begun && !adopt) return {};
  if (changed) {
    if (++state.version >= kMaxVersions) {
      return error(ErrorCode::kCorrupt, "the registry has ever new versions of it: {}, now {}",
                   state.validator, answer.validator);
    }
    ByteRanges kept;
    kept.add({0, state.read_bytes});
    state.arrived = kept;
    state.arrived_bytes = kept.total_bytes();
    state.patchwork = true;
  }
  state.has_begun = true;
  if (adopt) state.validator = answer.validator;
  // Bytes of other connections that are not in the journal yet are named by them.
  ByteRanges saved = changed ? state.arrived : state.journal.arrived();
  return state.journal.restart(state.validator, saved);
}

Result<uint64_t> Transfer::wait_for(uint64_t at) {
  auto state = state_.lock();
  state->read_bytes = at;
  while (true) {
    uint64_t end = state->arrived.end_from(at);
    if (end > at) return end;
    if (state->failed) return *state->failed;
    if (context_.is_over()) return cancelled();
    state.wait_for(changed_, kLookAgain,
                   [&] { return state->failed || state->arrived.end_from(at) > at; });
  }
}

Status Transfer::wait_for_end() {
  auto state = state_.lock();
  while (state->workers > 0) {
    if (context_.is_over()) return cancelled();
    state.wait_for(changed_, kLookAgain, [&] { return state->workers == 0; });
  }
  return state->failed ? Status(*state->failed) : Status();
}

bool Transfer::is_patchwork() const { return state_.lock()->patchwork; }

Status Transfer::forget() {
  stop();
  auto state = state_.lock();
  STRATA_CHECK(state->journal.restart("", ByteRanges()));
  if (::ftruncate(data_, 0) != 0) return errno_error(errno, "ftruncate");
  return {};
}

}  // namespace strata::registry
