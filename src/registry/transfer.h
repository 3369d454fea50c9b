// SPDX-License-Identifier: Apache-2.0
// Transfer: brings the missing bytes of one blob into its file, over one or several connections.
//
// A large blob is asked for in pieces; when the first answer shows that the server takes ranges,
// further connections ask for further pieces. A server that sends the whole instead is read as a
// stream, and what has arrived before is skipped. A connection that is lost is begun anew where it
// stopped, after a wait; only so many attempts in a row may bring nothing. Under another ETag than
// before, nothing counts but what was read already.
// Threads: start, the waits and forget by one thread; connections have threads of their own, which
//          end with the object.
// Crash:   blob_journal.h. Nothing here is verified: blob_source.h does that.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/pool.h"
#include "registry/blob_journal.h"
#include "registry/blob_server.h"
#include "registry/download_options.h"

namespace strata::registry {

// What the downloads of one pull share. All borrowed.
struct DownloadContext {
  BlobServer* server;
  const DownloadOptions* options;
  ConnectionLimit* connections;
  const Pool* pool;                   // its cancel() ends waits
  BlobWatcher* watcher;               // may be null
  const std::atomic<bool>* given_up;  // another blob has failed, which ends waits as well

  bool is_over() const { return pool->cancelled() || *given_up; }
};

class Transfer {
 public:
  // `data` is borrowed, open for reading and writing.
  Transfer(DownloadContext context, const Digest& blob, uint64_t size_bytes, int data,
           BlobJournal journal);
  ~Transfer();
  Transfer(const Transfer&) = delete;

  void start();
  // Waits until byte `at` is there and returns the end of what is there in a row from it on. What
  // is before `at` was read and is not asked for again. Errors: kCorrupt (the registry has or sends
  // another number of bytes, or ever new versions), those of BlobServer::get_blob, after as many
  // attempts as the options say; kCancelled.
  Result<uint64_t> wait_for(uint64_t at);
  // After the last byte: waits until the registry has ended too. Errors: kCorrupt (it sent more).
  Status wait_for_end();
  // True when what is there was not fetched at one go: by an earlier run, or of two versions.
  bool is_patchwork() const;
  // After it turned out not to be the blob: nothing of it counts any more. Ends the connections.
  Status forget();

 private:
  class PieceSink;
  using InFlight = std::list<ByteRange>;

  struct State {
    explicit State(BlobJournal of_blob) : journal(std::move(of_blob)) {}
    BlobJournal journal;  // what is safe from kill -9
    ByteRanges arrived;   // what can be read: as much, or more
    uint64_t arrived_bytes = 0;
    uint64_t read_bytes = 0;
    InFlight in_flight;
    std::string validator;
    unsigned version = 0;       // of the blob, by its ETag
    bool has_begun = false;     // the first answer of this run is here
    bool takes_ranges = false;  // as that said
    bool patchwork = false;
    bool stopping = false;
    size_t workers = 0;
    std::optional<Error> failed;
    std::vector<std::unique_ptr<Stage>> threads;
  };

  Status work();
  void end_worker(std::optional<Error> why);
  void stop();
  void start_worker(State& state);
  std::optional<InFlight::iterator> begin_piece();
  bool pause(unsigned fruitless);
  Status new_version(State& state, const BlobAnswer& answer);
  Error final_error(Error error, const State& state) const;

  const DownloadContext context_;
  const Digest blob_;
  const uint64_t size_bytes_;
  const int data_;
  mutable Guarded<State> state_;
  std::condition_variable changed_;
};

}  // namespace strata::registry
