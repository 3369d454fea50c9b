// SPDX-License-Identifier: Apache-2.0
// PathExtractor: unpacks a tar into a folder as `cp` does: a file replaces a file, a folder is joined
// with a folder, and nothing becomes what it was not.
//
// The tar may be hostile, and so may the tree. Every name is opened from the root on; what the tar
// makes can lead nowhere else.
// Source:  dockerd's Untar with NoOverwriteDirNonDir.
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "base/fs_at.h"
#include "base/stream.h"
#include "driver/file_metadata.h"
#include "tar/parser.h"

namespace strata::runtime {

struct ExtractOptions {
  // Links in the folders above a name: followed, below the root (a container's tree), or refused
  // (a folder of the user's, which the tar must not leave).
  Symlinks links = Symlinks::kRefuse;
  bool keep_owners = false;  // else all is ours
};

class PathExtractor final : public ByteSink, private tar::ParserEvents {
 public:
  // Into `folder`, a path below `root`, which is borrowed.
  PathExtractor(const Fd& root, std::string folder, ExtractOptions options)
      : root_(root), folder_(std::move(folder)), options_(options) {}

  Status write(ByteSpan bytes) override { return parser_.feed(bytes, *this); }
  // Sets the times of folders.
  Status finish() override;

 private:
  Status on_raw(ByteSpan) override { return {}; }
  Status on_member(const tar::Member& member) override;
  Status on_payload(ByteSpan bytes, uint64_t file_offset) override;
  Status on_member_end() override;

  Result<Fd> open_parent(const std::string& path) const;
  Status make_room(const Fd& parent, const std::string& name, const tar::Member& member) const;
  Status make_folder(const Fd& parent, const std::string& name, const tar::Member& member);
  Status make_other(const Fd& parent, const std::string& name, const tar::Member& member);
  Status make_link(const Fd& parent, const std::string& name, const tar::Member& member) const;
  Result<driver::FileMetadata> metadata_of(const tar::Member& member) const;

  struct Folder {
    std::string path;
    struct timespec times[2];
  };

  const Fd& root_;
  const std::string folder_;
  const ExtractOptions options_;
  tar::Parser parser_;
  driver::RefusedXattrs refused_;
  Fd file_;  // of the member that is being read
  driver::FileMetadata file_metadata_;
  std::vector<Folder> folders_;
};

}  // namespace strata::runtime
