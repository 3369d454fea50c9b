// SPDX-License-Identifier: Apache-2.0
// Contents: the files of an image archive by name, whatever it came in.
//
//   a plain tar in a file      index of headers; bodies are read where they lie, in any order, in
//                              parallel
//   an OCI folder              files are opened when they are asked for
//   a pipe, a compressed tar   consumed once, as it comes: large members are unpacked as layers
// into
//                              the transaction at once, small ones are kept in a nameless file
//
// Names are those of the archive, cleaned; symlinks and hard links within the archive are followed,
// those that leave it are errors.
// Threads: const methods by any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "archive/progress.h"
#include "base/pool.h"
#include "driver/layer_unpacker.h"
#include "store/transaction.h"
#include "tar/member.h"

namespace strata::archive {

// Blocks in which layers travel through load and save; the byte budget of either.
inline constexpr size_t kBlockBytes = 512 * 1024;
inline constexpr size_t kBlocks = 48;

// A layer that was unpacked before anybody asked for it.
struct UnpackedEarly {
  store::StagedLayer staged;
  driver::UnpackedLayer layer;
};

// A file of the archive, opened. `size_bytes` is that of the file as it lies there, perhaps
// compressed.
struct OpenedFile {
  std::unique_ptr<ByteSource> source;
  uint64_t size_bytes = 0;
};

class Contents {
 public:
  virtual ~Contents() = default;

  virtual bool has(const std::string& name) const = 0;
  // Errors: kNotFound (`open <name>: no such file ...`), kInvalid (a link that leaves the archive,
  // or not a regular file).
  virtual Result<OpenedFile> open(const std::string& name) const = 0;
  // As the file lies there; 0: not known. Also of a layer that was unpacked early.
  virtual uint64_t size_bytes(const std::string& name) const;
  // Names of all files and folders, sorted; only what legacy archives need.
  virtual Result<std::vector<std::string>> names() const = 0;
  // Hands over the layer that was unpacked from file `name`, if there is one and nobody took it
  // yet. Errors: what went wrong when it was unpacked.
  virtual Result<std::optional<UnpackedEarly>> take_unpacked(const std::string& name);
  // One layer has failed, so nobody wants the others: reads that wait for something, such as a
  // network, end with kCancelled at once. Where nothing is waited for, nothing happens.
  virtual void give_up() const {}

  // The whole of a small file (configs, manifests). Errors: as open; kInvalid when it is larger
  // than kMaxJsonBytes.
  Result<std::string> read_file(const std::string& name) const;
  static constexpr size_t kMaxJsonBytes = 16u << 20;
};

// Where an archive comes from: a descriptor of a file, a pipe, or a folder.
struct ArchiveInput {
  const Fd* fd;
  std::string name;  // for messages
};

// Whether it is a tar, by its first block; fewer bytes if there are no more. Errors:
// kInvalid (nothing there, or no tar).
Status check_is_tar(ByteSpan head);

// Holes of an archive's member are zeros that are hashed and unpacked as if they were there: kMaxHoleBytes
// are the most. Errors: kInvalid.
inline constexpr uint64_t kMaxHoleBytes = uint64_t{64} << 30;
Status check_holes(const tar::Member& member);

// Opens whichever kind `input` is. A stream is read to its end here: its layers are staged in
// `txn`, and `progress` (null: nobody watches) is told how far it is. Errors: kInvalid (not an
// archive), kCorrupt (damaged), kIo, kCancelled, those of staging.
Result<std::unique_ptr<Contents>> open_contents(const ArchiveInput& input, store::Transaction& txn,
                                                Pool& pool, BufferPool& buffers,
                                                LoadProgress* progress);

// The same for whoever wants only manifests and configs: of a stream, which is read to its end, the
// layers are not kept. Errors: as above; kUnsupported when there is too much of them.
Result<std::unique_ptr<Contents>> open_texts(const ArchiveInput& input, Pool& pool);

}  // namespace strata::archive
