// SPDX-License-Identifier: Apache-2.0
// tar-split: the record that makes a layer's exact tar again out of its unpacked files.
//
// Shape:   one JSON object per entry; the grammar is at the top of split_writer.cc. On disk it is
//          gzip'ed, as tar-split.json.gz.  Source: FORMATS section 4.
// Meaning: segments are emitted as they are, and for each file entry of size > 0 the content of the
//          file of that name. A name may occur once only, or dockerd refuses the layer: what the
//          unpacked files cannot give back belongs, payload and all, into segments.
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
#include "tar/json_cursor.h"

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
  std::string name;  // kFile
  // kFile. dockerd records here what the header claims: for a link or directory that claims a size,
  // it is not 0 although the tar has no payload, and the CRC is that of nothing (zeros).
  uint64_t size_bytes = 0;
  Crc64Bytes crc{};                // kFile with size > 0
  std::vector<std::byte> payload;  // kSegment; about kMaxSegmentBytes at most
};

class SplitReader {
 public:
  // `json` is the unpacked text; the caller keeps it alive.
  explicit SplitReader(ByteSource& json);

  // Reads the next entry into `entry`, whose buffers are used again; false at the end. A segment
  // longer than kMaxSegmentBytes comes as several. White space, the order of fields and unknown
  // fields do not matter. After an error the reader is of no more use.
  // Errors: kCorrupt, naming the byte of the text (not JSON, a wrong type, a file without CRC, a
  // cut text), and those of the source.
  Result<bool> next(SplitEntry& entry);

 private:
  Status begin_entry(SplitEntry& entry);
  Status read_field(SplitEntry& entry);
  Status read_value(int key, SplitEntry& entry);
  Status read_payload(SplitEntry& entry);
  Status read_name_raw();
  Status complete(SplitEntry& entry);

  JsonCursor json_;
  Base64Decoder base64_;
  bool in_payload_ = false;  // of a segment whose first part has been given
  int64_t type_ = 0;         // of the entry being read; 0: not known yet
  unsigned seen_ = 0;        // its fields so far, a bit each
  std::string key_;
  std::vector<std::byte> name_raw_;
};

}  // namespace strata::tar
