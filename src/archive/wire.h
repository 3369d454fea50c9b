// SPDX-License-Identifier: Apache-2.0
// Wire: the two ends of a transfer of images between two processes, over a pair of descriptors.
//
// First a greeting line from each end, then frames. What they mean is in send_images.h and
// receive_images.h, their bytes in wire.cc and docs/formats/transfer.md. The other end is not
// trusted: every length is checked before memory is taken.
// Threads: one may write while another reads.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/pool.h"
#include "base/stream.h"

namespace strata::archive {

inline constexpr int kTransferVersion = 1;
inline constexpr size_t kMaxFrameBytes = 4u << 20;
inline constexpr size_t kMaxErrorBytes = 16u << 10;  // of an error's text; longer ones are cut

enum class FrameType : char {
  kRequest = 'R',
  kImage = 'I',
  kConfig = 'J',
  kOffered = 'O',
  kWant = 'W',
  kWanted = 'V',
  kLayer = 'L',
  kData = 'D',
  kLayerEnd = 'E',
  kLayerDone = 'K',
  kCommit = 'C',
  kFinished = 'F',
  kError = 'X',
};

// What another side says is shown on a terminal: without control characters, and not endless.
std::string printable(std::string_view text);

// The head of a frame that is arriving. Its payload is to be read before the next one.
struct FrameHead {
  FrameType type;
  size_t size_bytes;
};

class Wire {
 public:
  // Borrows both descriptors and makes them non-blocking, so that `pool`'s cancel() ends every wait.
  // `peer` names the other end in messages.
  static Result<Wire> open(int input, int output, const Pool& pool, std::string peer);
  Wire(Wire&& other) noexcept;

  // How long from now on the other end may say nothing, or not listen, where we wait for it; none:
  // as long as the connection lasts. Beyond it waits end with kBusy, naming the limit.
  void set_patience(std::optional<std::chrono::seconds> limit) { patience_ = limit; }

  // "strata-transfer 1 <program version>".
  Status greet(std::string_view program_version);
  // Reads the other end's greeting. Errors: kUnsupported (another version, naming both), kInvalid
  // (something else came, which is shown), kNotFound (the connection ended before any byte came).
  Status expect_greeting();
  // A line of text in front of the greeting, printable, without its end. Errors: kInvalid when it is longer
  // than 4096 bytes; kNotFound as above.
  Result<std::string> read_line();
  // Bytes without a frame: what goes before the greeting.
  Status write_raw(ByteSpan bytes);

  // Errors: kIo and kCancelled. The error of a broken connection is kIo.
  Status write(FrameType type, ByteSpan payload);
  Status write(FrameType type, std::string_view text) { return write(type, as_bytes(text)); }
  // Tells the other end why we stop; failures do not matter any more.
  void write_error(const Error& error);

  // Errors: what the other end told by an error frame; kIo (the connection ended, or broke);
  // kInvalid (an unknown type, a length beyond kMaxFrameBytes); kCancelled.
  Result<FrameHead> next();
  // next(), of which only `expected` is right. Errors: also kInvalid, naming both.
  Result<FrameHead> expect(FrameType expected);
  Result<std::string> read_text(const FrameHead& head);
  Status read_payload(MutableByteSpan buffer);

  // A write has failed: the other side gets no further frames from us.
  bool write_failed() const { return write_failed_; }
  // After that: why, if the other side told before it went; else `error`. Reads to the end.
  Error told_before_end(Error error);
  // Of data frames alone.
  uint64_t data_bytes_written() const { return data_bytes_written_; }
  uint64_t data_bytes_read() const { return data_bytes_read_; }

 private:
  Wire(int input, int output, const Pool& pool, std::string peer)
      : input_(input), output_(output), pool_(&pool), peer_(std::move(peer)) {}
  Error connection_ended() const;
  Status wait_until_ready(int fd, short events) const;
  // 0: the end.
  Result<size_t> read_some(MutableByteSpan buffer);

  int input_;
  int output_;
  const Pool* pool_;
  std::string peer_;
  std::optional<std::chrono::seconds> patience_;
  bool write_failed_ = false;
  bool told_ = false;  // an error frame has been read
  std::atomic<uint64_t> data_bytes_written_{0};
  std::atomic<uint64_t> data_bytes_read_{0};
};

// Sends what it is given as data frames.
class DataFrameSink final : public ByteSink {
 public:
  explicit DataFrameSink(Wire& wire) : wire_(wire) {}
  Status write(ByteSpan bytes) override;

 private:
  Wire& wire_;
};

}  // namespace strata::archive
