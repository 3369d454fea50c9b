// SPDX-License-Identifier: Apache-2.0
// Store: one data root, docker's own layout. The door to everything below src/store.
// Shape:   <root>/image/<driver>/{imagedb,layerdb,distribution,repositories.json},
// <root>/<driver>/, and ours in
//          <root>/strata/. Source: FORMATS section 1.
// Threads: any thread may call any method. Other processes may read and write at the same time; a
// running dockerd keeps
//          writers out (kBusy), and an open writer keeps a dockerd from starting.
// Crash:   the root is as before an operation or as after it; docs/store.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "driver/driver.h"
#include "store/containers.h"
#include "store/distribution.h"
#include "store/image_db.h"
#include "store/layer_db.h"
#include "store/references.h"

namespace strata::store {

class Transaction;
struct Parts;

enum class Access { kRead, kWrite };

struct OpenOptions {
  std::string root;
  std::string driver = {};  // empty: the one that the root has; overlay2 for a new root
  Access access = Access::kRead;
  bool create = false;  // with kWrite: make the root (0710) and its folders where they are missing
  // Whether commit() waits until the layers' files are on disk. If not, they are recorded, and
  // verified before they are used in another boot; docs/store.md, "The disk".
  bool wait_for_disk = false;
  // Called at each step of publishing, removing and recovering, with the step's name. Tests of
  // crashes end the process in it.
  std::function<void(std::string_view)> on_step = {};
};

class Store {
 public:
  // kRead takes no lock and changes nothing. kWrite keeps dockerd out for as long as the Store
  // lives, and first cleans up what killed processes left. Errors: kNotFound (no such root), kBusy
  // (a dockerd runs on it; says what to do), kPermission, kUnsupported (a root of a driver that
  // strata does not have), kInvalid (unknown driver name).
  static Result<Store> open(const OpenOptions& options);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const Fd& root() const;
  const std::string& root_path() const;
  Access access() const;
  driver::Driver& driver() const;

  const LayerDb& layers() const;
  const ImageDb& images() const;
  const DistributionDb& distribution() const;
  const ReferenceFile& reference_file() const;
  Result<References> references() const { return reference_file().read(); }
  Result<std::vector<Container>> containers() const { return list_containers(root()); }

  // True when the layer can be used as it is: records sound down to the base, and files there. What
  // load asks before it decides not to read a layer; Transaction::hold_layers makes the answer
  // last. Layers that had not reached the disk when the machine was last stopped are read and
  // verified now, once.
  Result<bool> has_layer(const ChainId& chain) const;
  // The same for the layers of an image, base first: how many of them, from the base on, can be
  // used.
  Result<size_t> count_present(std::span<const ChainId> chains) const;

  // Starts an operation that adds. The store outlives the transaction. Errors: kPermission when
  // opened for reading.
  Result<Transaction> begin();

  // The inside, for this folder's own files.
  const Parts& parts() const { return *parts_; }

 private:
  explicit Store(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace strata::store
