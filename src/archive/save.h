// SPDX-License-Identifier: Apache-2.0
// save: images from the store into an archive.
// Threads: one per call; it uses the pool.
// Crash:   an output file appears whole or not at all (base OutputFile), whoever looks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/receiver.h"
#include "base/fs_at.h"
#include "base/pool.h"
#include "codec/compress.h"
#include "oci/reference.h"
#include "store/store.h"

namespace strata::archive {

enum class ArchiveFormat { kDocker, kDockerLegacy, kOci };

// "docker", "docker-legacy" or "oci". Errors: kInvalid, listing them.
Result<ArchiveFormat> parse_archive_format(std::string_view text);

struct SaveOptions {
  std::vector<std::string> names;                        // references or IDs, at least one
  std::optional<std::vector<oci::Reference>> tags = {};  // instead of those that `names` bring
  ArchiveFormat format = ArchiveFormat::kDocker;
  std::optional<codec::CompressionSpec> compression;  // of the whole archive
  ReceiverLayers receiver;     // its layers are left out; empty: a full archive
  bool wait_for_disk = false;  // before a file has its name
};

struct SaveReport {
  size_t layers_left_out = 0;
  uint64_t bytes_left_out = 0;         // of the archive before compression
  std::vector<std::string> unrelated;  // what of the receiver's shares no layer with the images
};

// Writes the archive to `path`, which is replaced when all is written and verified.
// Errors: those of plan_save; kCorrupt, naming layer and file, for a damaged layer; kIo, kNoSpace,
// kCancelled.
Result<SaveReport> save_to_file(const store::Store& store, const SaveOptions& options,
                                const std::string& path, Pool& pool);
// Writes it to a descriptor as a stream. What was written before an error is no archive.
Result<SaveReport> save_to_stream(const store::Store& store, const SaveOptions& options, int fd,
                                  Pool& pool);

}  // namespace strata::archive
