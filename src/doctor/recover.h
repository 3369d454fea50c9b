// SPDX-License-Identifier: Apache-2.0
// recover: images out of a root whose daemon does not start any more, whole or as far as they go, into an archive.
// The root is only read: it may be on a read-only mount.
// Threads: one per call; it uses the pool.
// Crash:   the archive appears whole or not at all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/save.h"
#include "doctor/layer_source.h"
#include "doctor/salvaged_tar.h"

namespace strata::doctor {

struct RecoverOptions {
  std::string root;
  std::string driver = {};         // empty: the root's own
  std::vector<std::string> words;  // names or IDs, at least one
  std::string output;
  archive::ArchiveFormat format = archive::ArchiveFormat::kDocker;
  std::vector<LayerSource*> sources = {};  // asked for what is damaged
};

// Something that is not as it was.
struct ImageLoss {
  std::optional<DiffId> layer;  // none: the config
  std::optional<DiffId> now;    // the layer's diffID in the archive
  TarLoss loss;
};

struct RecoveredImage {
  std::string word;  // that it was found by
  ImageId was;
  ImageId is;  // in the archive; the same where nothing of layers and config is lost
  std::vector<std::string> tags;
  std::vector<std::string>
      sources;  // what did not come from where it should be, and whence it came
  std::vector<ImageLoss> losses;
};

struct RecoverReport {
  std::vector<RecoveredImage> images;
  std::vector<std::string> failures;  // words of which nothing could be had, and why
  bool all_as_it_was() const;
};

// Errors: what keeps all of it from working (no root, the output, kCancelled); kNotFound when there is no image at all to be had, saying
// for each word why.
Result<RecoverReport> recover(const RecoverOptions& options, Pool& pool);

}  // namespace strata::doctor
