// SPDX-License-Identifier: Apache-2.0
// References: which names point to which images. A snapshot in memory; the file is replaced as a
// whole. Shape:   repositories.json; grammar in references.cc. Source: FORMATS section 1.2. A key
// is a whole familiar reference: "busybox:1", "reg:5000/p/x@sha256:…". Keys that are no references,
// images that do not exist, and fields that strata does not know stay as they are. Threads: values.
// Other processes: ReferenceFile::update.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs_at.h"
#include "base/lock.h"
#include "hash/digest.h"

namespace strata::store {

// The repository of a key: what is left of "@" or of the tag's ":".
std::string_view repository_of(std::string_view key);
// True for name@digest.
inline bool is_digest_key(std::string_view key) { return key.find('@') != std::string_view::npos; }

class References {
 public:
  // Keys of one repository and what they point to. Sorted bytewise, as Go sorts maps.
  using Repository = std::map<std::string, std::string, std::less<>>;

  // Errors: kCorrupt. Empty text is corrupt (dockerd refuses it too); "null" and "{}" are no
  // references.
  static Result<References> parse(std::string_view json);
  // Compact, sorted, no newline: the bytes that dockerd writes.
  std::string to_json() const;

  std::optional<ImageId> find(std::string_view key) const;
  // All keys that point to the image, tags before digests, each kind sorted.
  std::vector<std::string> of_image(const ImageId& image) const;
  // Every key with its image, sorted by key; what does not parse is left out.
  std::vector<std::pair<std::string, ImageId>> all() const;
  const std::map<std::string, Repository, std::less<>>& repositories() const {
    return repositories_;
  }

  // Points `key` to the image and returns what it pointed to before, if that is another one.
  // A digest key that exists keeps its image: docker never overwrites those.
  std::optional<ImageId> set(const std::string& key, const ImageId& image);
  // False when there was no such key. The last key of a repository takes the repository with it.
  bool remove(std::string_view key);
  // The same for a key that may stand under another repository than its own.
  bool remove_in(std::string_view repository, std::string_view key);

 private:
  class Parser;
  std::map<std::string, Repository, std::less<>> repositories_;
  std::map<std::string, std::string, std::less<>>
      unknown_;  // other top-level fields, as compact JSON
};

// repositories.json of a root.
class ReferenceFile {
 public:
  ReferenceFile(const Fd& root, std::string path) : root_(root), path_(std::move(path)) {}

  static constexpr size_t kFileBytesMax = 64u << 20;

  // Without a lock: the file is always whole. No file: no references. Errors: kCorrupt.
  Result<References> read() const;

  // Held while references are decided upon and changed: nobody else changes references, image
  // configs or parent links meanwhile. Short: no layer data is touched under it. Never taken while
  // layers.lock is held.
  Result<FileLock> lock() const;
  // Replaces the file, synced. The caller holds the lock and has read the file under it.
  Status write(const References& references) const;
  // lock, read, `change`, write (not when nothing changed).
  Status update(const std::function<Status(References&)>& change) const;

 private:
  const Fd& root_;
  const std::string path_;
};

}  // namespace strata::store
