// SPDX-License-Identifier: Apache-2.0
// LayerSplitter: the stage of a LayerUnpacker that parses the tar. It gives names to TreeWriter,
// contents to FileFiller, and everything else, with a checksum for each file, to the tar-split.
//
// What the files cannot give back goes into the tar-split as it is (DESIGN rule 4): payloads of
// sparse members, of whiteouts, of members reached through a symlink. A member whose name is used
// again by a later one is noticed only then; finish() rewrites the tar-split for those. The
// tar-split's gzip header carries the length of the tar, so that save knows all sizes beforehand
// (docs/formats/tar-split.md); dockerd skips it.
// Threads: one.
#pragma once

#include "base/buffer.h"
#include "driver/file_filler.h"
#include "driver/layer_unpacker.h"
#include "driver/split_recorder.h"
#include "driver/tree_writer.h"
#include "hash/crc64.h"
#include "tar/parser.h"

namespace strata::driver {

class LayerSplitter final : private tar::ParserEvents {
 public:
  LayerSplitter(UnpackTarget target, Pool& pool);
  ~LayerSplitter();

  // Creates the tar-split file.
  Status begin();
  // The next bytes of the tar.
  Status take(const Slice& bytes);
  // The same bytes, of which `report` knows the members.
  Status take(const Slice& bytes, const std::function<Status(tar::ParserEvents&)>& report);
  // The next member's content lies in that file, too, and is taken from there without a copy where the
  // file system can share it between files (FICLONE). Null: nowhere else. Borrowed until the member
  // ends; who offers it sees to it that the content is the same.
  void offer_content(const Fd* file) { offered_ = file; }
  // The end of the tar, `tar_bytes` in all. Returns layerdb/size.
  Result<uint64_t> finish(uint64_t tar_bytes);
  std::vector<std::string> warnings();

 private:
  Status on_raw(ByteSpan bytes) override;
  Status on_member(const tar::Member& member) override;
  Status on_payload(ByteSpan bytes, uint64_t file_offset) override;
  Status on_member_end() override;

  struct Current {
    std::string name;
    uint64_t size_bytes = 0;
    uint64_t logical_size_bytes = 0;
    bool is_file = false;
    bool is_cloned = false;
    Record record = Record::kSegment;
    Crc64 crc;
  };

  const UnpackTarget target_;
  const bool privileged_;
  TreeWriter tree_;
  FileFiller filler_;
  tar::Parser parser_;
  SplitRecorder recorder_;
  bool clone(const Fd& file);

  const Fd* offered_ = nullptr;
  bool can_clone_ = true;  // until it turns out that the file system does not
  Slice block_;            // what is being taken; payload spans lie in it
  Current current_;
  uint64_t entries_ = 0;  // file entries in the tar-split so far
};

}  // namespace strata::driver
