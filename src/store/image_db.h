// SPDX-License-Identifier: Apache-2.0
// Image configs and what is known about images besides. Reading only; images come by Transaction
// and go by remove(). Shape:   imagedb/content/sha256/<imageid>,
// imagedb/metadata/sha256/<imageid>/{parent,lastUpdated,builtLocally}.
//          Source: FORMATS section 1.2.
// Threads: any thread may call any method; no lock is taken, files are replaced by rename.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "hash/digest.h"

namespace strata::store {

class ImageDb {
 public:
  // `folder` is image/<driver>/imagedb. It need not exist: then there are no images.
  ImageDb(const Fd& root, std::string folder) : root_(root), folder_(std::move(folder)) {}

  // IDs of all configs, sorted. Their contents are not looked at.
  Result<std::vector<ImageId>> list() const;
  // The same IDs, in no order, one at a time while the folder is read.
  Status visit(const std::function<Status(const ImageId&)>& visit) const;
  // IDs of all images, perhaps gone ones, that have metadata; as visit().
  Status visit_metadata(const std::function<Status(const ImageId&)>& visit) const;
  Result<bool> exists(const ImageId& image) const;
  // The config, byte for byte. Errors: kNotFound (`No such image: …`), kCorrupt (names the expected
  // and the found digest).
  Result<std::string> read_config(const ImageId& image) const;
  // The same for who reads many: the folder of all configs, opened once.
  Result<Fd> open_contents() const;
  static Result<std::string> read_config(const Fd& contents, const ImageId& image);
  // None when there is no parent link, or one that is not a digest.
  Result<std::optional<ImageId>> parent(const ImageId& image) const;
  // Every image that has a parent, by parent; children sorted.
  Result<std::multimap<ImageId, ImageId>> children() const;
  // Time of the last tag operation as it is written (RFC 3339); empty when there was none.
  Result<std::string> last_updated(const ImageId& image) const;
  // Whether a build or a commit on this root made the image. Daemons before 24.0.9 do not say.
  Result<bool> built_locally(const ImageId& image) const;
  // Whether it is marked as brought here from elsewhere, parent link and all (a load of ours).
  Result<bool> is_foreign(const ImageId& image) const;

  // Paths below the root; the folder of all for an empty `name`.
  std::string content_path(const std::string& name) const;
  std::string metadata_path(const std::string& name) const;

  // For rmi, under the references' lock: takes the config away first, then what is known besides.
  // Absent is fine. The image's layers and references are the caller's business.
  Status remove(const ImageId& image) const;

 private:
  const Fd& root_;
  const std::string folder_;
};

}  // namespace strata::store
