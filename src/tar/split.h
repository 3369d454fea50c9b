// SPDX-License-Identifier: Apache-2.0
// tar-split: the record from which a layer's exact tar is put together again out of its unpacked
// files. Shape:   tar-split.json.gz, unpacked: one JSON object per entry; the grammar is at the top
// of
//          split_writer.cc.  Source: FORMATS section 4.
// A reader of the record emits the segments as they are and, for each file entry of size > 0, the
// content of the file of that name. A name may occur once only (dockerd refuses the layer
// otherwise): what the unpacked files cannot give back belongs, payload and all, into segments.
// Threads: one at a time per object.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/stream.h"
#include "tar/base64.h"

namespace strata::tar {

using Crc64Bytes = std::array<uint8_t, 8>;  // big-endian, as Crc64::big_endian() gives it

// A segment is cut at this many bytes: written so, and read so (a longer one comes in parts).
inline constexpr size_t kMaxSegmentBytes = size_t{1} << 20;

class SplitWriter {
 public:
  // The JSON goes to `json`, which the caller keeps alive, and finishes.
  explicit SplitWriter(ByteSink& json);

  // Adds bytes that are emitted as they are; successive calls are joined into one segment.
  // Errors: those of the sink, here and below; then the writer is of no more use.
  Status raw(ByteSpan bytes);

  // Adds a file entry: the next `size_bytes` bytes of the tar are the content of `name`, with that
  // CRC-64. For size 0 the entry only marks the member (directory, link, empty file ...) and the
  // CRC is ignored. `name` is any bytes, as the tar has it.
  Status file(std::string_view name, uint64_t size_bytes, const Crc64Bytes& crc);

  // Writes out what is held back. To be called once, at the end. An empty tar gives an empty text.
  Status finish();

 private:
  Status begin_segment();
  Status end_segment();
  void put_position();
  Status flush_when_full();

  ByteSink& json_;
  std::string out_;  // text not yet given to the sink
  Base64Encoder base64_;
  uint64_t position_ = 0;
  size_t segment_bytes_ = 0;  // of the segment being written; 0: none is open
};

struct SplitEntry {
  enum Kind { kSegment, kFile };
  Kind kind = kSegment;
  std::string name;                // kFile
  uint64_t size_bytes = 0;         // kFile
  Crc64Bytes crc{};                // kFile with size > 0
  std::vector<std::byte> payload;  // kSegment; at most kMaxSegmentBytes
};

class SplitReader {
 public:
  // `json` is the unpacked text; the caller keeps it alive.
  explicit SplitReader(ByteSource& json);

  // Reads the next entry into `entry`, whose buffers are used again; false at the end. A segment
  // longer than kMaxSegmentBytes comes as several. White space, the order of fields and unknown
  // fields do not matter. Errors: kCorrupt, naming the entry and the byte (not JSON, a wrong type,
  // a file without CRC, a cut text), and those of the source.
  Result<bool> next(SplitEntry& entry);

 private:
  struct Fields;

  Result<bool> fill();
  Result<char> peek();
  Result<char> peek_token();
  Status expect(char c);
  Result<bool> skip_space_to_entry();
  Status read_fields(Fields& fields, SplitEntry& entry);
  Status read_field(Fields& fields, SplitEntry& entry);
  Status read_payload(Fields& fields, SplitEntry& entry);
  Status read_more_payload(SplitEntry& entry);
  Status read_string(std::string& out);
  Status read_escape(std::string& out);
  Result<uint32_t> read_hex4();
  Result<bool> read_null();
  Result<uint64_t> read_number();
  Status read_name_raw(Fields& fields);
  Status skip_value(int depth);
  Status skip_scalar();
  Result<bool> complete(Fields& fields, SplitEntry& entry);
  Error corrupt(std::string_view what) const;

  ByteSource& json_;
  std::vector<std::byte> buffer_;
  size_t next_ = 0;        // of buffer_
  size_t end_ = 0;         // of buffer_
  uint64_t consumed_ = 0;  // bytes of the text before buffer_
  uint64_t entries_ = 0;
  bool in_segment_ = false;  // the segment given last goes on
  Base64Decoder base64_;
  std::string key_;
  std::string text_;
};

}  // namespace strata::tar
