// SPDX-License-Identifier: Apache-2.0
// Evidence: what can be learnt of lost metadata from what is still there, besides the survey: files of layers, temporary files of
// killed writers, other copies. Each question is asked only when an answer is needed, since some read whole layers.
// Threads: one at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hash/digest.h"

namespace strata::doctor {

// A reference that somebody remembers.
struct NamedImage {
  std::string key;  // as in repositories.json
  ImageId image;
  std::string learnt_from;  // "container web", "archive x.tar"
};

// kNames: but for modes, owners, times and xattrs.
enum class Fit { kNone, kNames, kAll };

class Evidence {
 public:
  virtual ~Evidence() = default;

  // The diffID of the tar that the record's tar-split and the files in a folder of the driver make. None where they do not go together.
  virtual std::optional<DiffId> diff_of(const std::string& record, const std::string& folder) = 0;
  // Whether the folder holds the names that the record's tar-split tells, with these contents, and no others. A tar-split without
  // contents makes its diffID of any folder, so the diffID alone does not tell whose files they are. Of vfs, names that are too many do
  // not count.
  virtual Fit fit_of(const std::string& record, const std::string& folder) = 0;
  // What layerdb/size would be.
  virtual std::optional<uint64_t> size_of(const std::string& record, const std::string& folder) = 0;
  // DiffIDs that are named anywhere outside of configs and records.
  virtual std::vector<DiffId> known_diffs() = 0;
  // The name of a copy that has the layer; empty: none is known.
  virtual std::string layer_copy(const DiffId& diff) = 0;
  virtual std::string config_copy(const ImageId& image) = 0;
  // "reg/x@sha256:…": where the layer was pulled from or pushed to.
  virtual std::vector<std::string> registry_blobs(const DiffId& diff) = 0;
  // Full names of repositories that all these layers were in.
  virtual std::vector<std::string> repositories_of(const std::vector<DiffId>& diffs) = 0;
  // References that temporary files, sources and caches name.
  virtual std::vector<NamedImage> remembered_names() = 0;
  // The one image of which `image` can be the next step; none where there is no doubt-free one.
  virtual std::optional<ImageId> parent_of(const ImageId& image) = 0;
  // The newest `.tmp-<name>*` beside a file that a dockerd was writing. Whether it is whole is for the asker to judge.
  virtual std::optional<std::string> temporary_of(const std::string& path) = 0;
  // Seconds since 1970: when dockerd made the folder (of its `link`), and when the container was created; none: unknown.
  virtual std::optional<double> folder_made(const std::string& folder) = 0;
  virtual std::optional<double> container_made(const std::string& container) = 0;
  // The diffID that a blob has, by the records of layers.
  virtual std::optional<DiffId> diff_of_blob(const std::string& blob_hex) = 0;
};

}  // namespace strata::doctor
