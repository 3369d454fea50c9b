// SPDX-License-Identifier: Apache-2.0
// What the decompressors have in common: an input window and errors that stay. Internal to codec/.
// Threads: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/stream.h"

namespace strata::codec {

// The compressed side of a decoder: a buffer over a source, and where in the stream we are.
class InputWindow {
 public:
  // `from` is borrowed; `format` names the compression in messages and must be a literal; `offset`
  // is where in the stream `from` begins.
  InputWindow(ByteSource& from, std::string_view format, uint64_t offset = 0);

  ByteSpan bytes() const { return rest_; }
  // Bytes consumed since the beginning of the stream.
  uint64_t offset() const { return offset_; }
  void consume(size_t count) {
    rest_ = rest_.subspan(count);
    offset_ += count;
  }
  // Forgets what was read ahead; the source now gives what lies at `offset`.
  void seek(uint64_t offset) {
    rest_ = {};
    offset_ = offset;
  }
  // Reads more if bytes() is empty. False: the source has ended.
  Result<bool> fill();
  // Reads more if bytes() is empty. Errors: kCorrupt "<format>: unexpected EOF at byte N".
  Status need();
  // Consumes one byte. Errors: as need().
  Result<uint8_t> next();

 private:
  static constexpr size_t kBytes = 128 * 1024;

  ByteSource& from_;
  const std::string_view format_;
  std::unique_ptr<std::byte[]> buffer_;
  ByteSpan rest_;
  uint64_t offset_ = 0;
};

// A source that decodes. Subclasses write decode(); the end and errors are remembered here.
class Decoder : public ByteSource {
 public:
  Result<size_t> read(MutableByteSpan buffer) final;

 protected:
  Decoder(ByteSource& from, std::string_view format, uint64_t offset = 0)
      : input_(from, format, offset) {}
  // As ByteSource::read(), but is not called again after the end or an error.
  virtual Result<size_t> decode(MutableByteSpan buffer) = 0;

  InputWindow input_;

 private:
  bool ended_ = false;
  std::optional<Error> failure_;
};

std::unique_ptr<ByteSource> make_gzip_decoder(ByteSource& from);
std::unique_ptr<ByteSource> make_bzip2_decoder(ByteSource& from);
std::unique_ptr<ByteSource> make_xz_decoder(ByteSource& from);
std::unique_ptr<ByteSource> make_zstd_decoder(ByteSource& from);

}  // namespace strata::codec
