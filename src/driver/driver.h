// SPDX-License-Identifier: Apache-2.0
// Storage drivers: where the files of layers lie below a data root, and how layers are put upon
// each other.
//
// Shape:   overlay2: <root>/overlay2/<cache-id>/{diff,link,lower,work,committed} and
//                    <root>/overlay2/l/<link>.
//          vfs:      <root>/vfs/dir/<cache-id>, the whole tree of the layer and all below it.
// Source:  FORMATS section 2.
//
// A layer is born in a staging folder that holds `diff/` (in overlayfs form: whiteouts are 0:0
// devices, opaque marks are xattrs, FORMATS section 2.2). prepare() completes that folder, the
// caller syncs, publish() renames it into place.
// Threads: any thread may call any method.
// Crash:   docs/store.md, "publish" and "recover".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/fs_at.h"
#include "hash/digest.h"

namespace strata::driver {

// The most layers one image may have; dockerd refuses the 126th (FORMATS section 2).
inline constexpr size_t kMaxLayers = 125;

// The xattr that marks an opaque folder: overlayfs reads trusted.* for root and user.* where it is
// mounted unprivileged.
std::string_view opaque_xattr();

// Whether a file could not be read because it is not there or not what it should be. Any other
// error says nothing about what is there, and nothing may be given up or replaced because of it.
bool is_damage(const Error& error);

// The layer that another one is put upon. Base layers have none.
struct Below {
  const CacheId* published = nullptr;  // in the driver's home
  const Fd* staged = nullptr;          // the prepared staging folder, of the same transaction
  bool none() const { return published == nullptr && staged == nullptr; }
};

// What `docker inspect` prints as GraphDriver.Data, by key; empty means null.
using GraphData = std::map<std::string, std::string>;

// What fsync and the like do in a writable mount. kSkipped: nothing, for who syncs all of it when it
// is done, and throws it away after a crash. A folder that was mounted so is refused with kHonoured
// until it is prepared anew.
enum class FileSyncs { kHonoured, kSkipped };

class Driver {
 public:
  virtual ~Driver() = default;

  virtual std::string_view name() const = 0;

  // True when the folder of a layer, and of a container, holds the whole tree: what it changes of the
  // one below must be found by comparing the two.
  virtual bool keeps_whole_trees() const = 0;

  // Makes the driver's folders below the root where they are missing.
  virtual Status create_home() = 0;

  // True when the folder of this layer's files is there.
  virtual Result<bool> exists(const CacheId& cache) const = 0;
  // The cache-ids in the driver's home, those of containers' layers among them; sorted.
  virtual Result<std::vector<CacheId>> list() const = 0;

  // True when, besides, everything is sound that layers above need of it: overlay2's link.
  virtual Result<bool> can_carry(const CacheId& cache) const = 0;
  // True when the layer's files, as they are mounted, lie on those of `below` and all below that:
  // not so when a layer below has been replaced since.
  virtual Result<bool> lies_on(const CacheId& cache, const CacheId& below) const = 0;

  // The folder in which the names of the layer's tar-split are found; to be read with open_in_root
  // only. Errors: kNotFound.
  virtual Result<Fd> open_files(const CacheId& cache) const = 0;
  // open_files of the layer and of all below it, the highest first: for a LayerStack.
  // Errors: kNotFound, kCorrupt.
  virtual Result<std::vector<Fd>> open_stack(const CacheId& top) const = 0;
  // The layer's whole folder in the driver's home. Errors: kNotFound.
  virtual Result<Fd> open_folder(const CacheId& cache) const = 0;

  // Completes a staged folder that holds `diff/`: everything but the place where it will be.
  // Writes, does not sync. To be called again when `below` turned out to be another one; nothing
  // but the links changes then. Errors: kInvalid `max depth exceeded`, kCorrupt (the layer below
  // has no sound link), kNotFound.
  virtual Status prepare(const Fd& staged, const Below& below) = 0;

  // A staged folder takes over by what name layers lie on `old`, which it will replace under the
  // same cache-id: so they lie on the new one. Nothing happens where there is no such name.
  virtual Status inherit(const Fd& staged, const CacheId& old) = 0;

  // What publish() makes besides <cache-id>, and recovery needs to know: overlay2's link ID; empty
  // for vfs.
  virtual Result<std::string> side_name(const Fd& staged) const = 0;

  // Renames the prepared folder `name` in `staging` to its place. Errors: kConflict when the
  // cache-id is taken.
  virtual Status publish(const Fd& staging, const std::string& name, const CacheId& cache) = 0;

  // Removes a layer's files and link, whole or half there; absent is fine. `side_name` when it is
  // known from elsewhere (a journal), else empty: then it is read from the layer.
  virtual Status remove(const CacheId& cache, const std::string& side_name = "") = 0;

  // Syncs the folders in which publish() and remove() made names.
  virtual Status sync_names() = 0;

  // For inspect; the text is what dockerd of this root's path prints.
  virtual Result<GraphData> graph_data(const CacheId& cache) const = 0;

  // Shows the layer and all below it, read-only, at `target`, a directory. Needs CAP_SYS_ADMIN.
  // The mount outlives the process. Errors: kPermission, kNotFound (target or a link in the chain).
  virtual Status mount_read_only(const CacheId& top, const std::string& target) const = 0;
  // Shows a folder and all below it at `target`, a directory; what is written there goes to the
  // folder's `diff`, or, with vfs, to its copy of the tree. `folder` is prepared, staged or published;
  // nobody else may have it mounted. To be taken away with unmount(). Errors: as above. `bottom` (may be
  // null) is a folder whose files show below all, and are never written; vfs copies into its tree what
  // that lacks.
  virtual Status mount_writable(const Fd& folder, const std::string& target, FileSyncs syncs,
                                const Fd* bottom = nullptr) const = 0;
};

// True for the names that make_driver knows.
bool is_known_driver(std::string_view name);
// Errors: kUnsupported, naming those that there are.
Status check_driver(std::string_view name);
// `root` is the open data root, borrowed: it must outlive the driver. `root_path` is used in texts
// only. Errors: kUnsupported for a driver that strata does not have.
Result<std::unique_ptr<Driver>> make_driver(std::string_view name, const Fd& root,
                                            const std::string& root_path);

}  // namespace strata::driver
