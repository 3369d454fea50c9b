// SPDX-License-Identifier: Apache-2.0
// Transaction: everything that one operation adds to a store, staged out of sight and published by
// commit(). Shape:   <root>/strata/staging/<random>/, journal and lease in it; grammar in
// work_folder.cc. Threads: stage_layer may be called by any thread; the rest by one at a time.
// Crash:   killed at any point, the next writer undoes what was half done; docs/store.md, "publish"
// and "recover".
//
//   STRATA_TRY(Transaction txn, store.begin());
//   STRATA_CHECK(txn.hold_layers(present_chains));            // they stay until txn ends
//   STRATA_TRY(StagedLayer staged, txn.stage_layer());        // fill staged.diff and
//   staged.metadata STRATA_TRY(ChainId chain, txn.add_layer(std::move(staged), parent, diff_id,
//   size_bytes)); STRATA_TRY(ImageId image, txn.add_image(config));
//   STRATA_CHECK(txn.set_reference("busybox:1", image));
//   STRATA_CHECK(txn.commit());
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/store.h"

namespace strata::store {

// A layer that is being unpacked. Dropping it is fine: the transaction takes the folder away when
// it ends.
struct StagedLayer {
  std::string name;  // within the transaction
  Fd folder;         // holds `diff/`; what else is in it is dropped by add_layer
  Fd diff;           // `diff/`, 0755: the files, in overlayfs form
  Fd metadata;       // `tar-split.json.gz` is to be written here, 0644
};

// A reference that commit() took from another image.
struct MovedReference {
  std::string key;
  ImageId from;
  ImageId to;
};

// A container that is being made. To be filled: the init layer (mounted with
// Driver::mount_writable, for what each container has), and the container's own folder.
struct StagedContainer {
  std::string id;        // 64 hex
  std::string mount_id;  // the name that its layer will have in the driver's home
  Fd init;               // prepared: holds `diff/`
  Fd files;              // becomes containers/<id>, 0710
};

class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  // Without commit(): takes away all that was staged, as if nothing had been.
  ~Transaction();

  // From now on nobody removes these layers (nor those below them) until the transaction ends.
  // Errors: kNotFound when one of them is gone or cannot be used; then none more are held than
  // before.
  Status hold_layers(std::span<const ChainId> chains);

  // A new empty layer. Any thread.
  Result<StagedLayer> stage_layer();

  // Takes a filled layer, on `parent` (null: a base layer), which the store has or which was added
  // before. The caller has verified the content against `diff`. `size_bytes` as in Layer. Returns
  // the chainID. A driver that keeps whole trees has the size from the tar-split instead, as in dockerd.
  // Errors: kNotFound (parent), kInvalid (`max depth exceeded`), kCorrupt (the tar-split).
  Result<ChainId> add_layer(StagedLayer staged, const ChainId* parent, const DiffId& diff,
                            uint64_t size_bytes);

  // Takes a config, byte for byte; its layers were added or are held. Adding what exists is fine.
  Result<ImageId> add_image(std::string_view config);
  // Parent link of an image that exists or was added.
  Status set_parent(const ImageId& child, const ImageId& parent);
  // Marks the image as made by a build step or commit (what newer dockerds want of cache
  // candidates).
  Status set_built_locally(const ImageId& image);
  // Marks an image that the store does not have yet as made elsewhere, though it gets a parent
  // link: builds do not take it for cached.
  Status set_foreign(const ImageId& image);
  // Sets lastUpdated to now: tag, build, commit and import do, load and pull do not.
  Status touch(const ImageId& image);
  // Points a reference (a key, see References) to an image. Later calls win.
  Status set_reference(const std::string& key, const ImageId& image);

  // A new container `id` on `parent`, which is held from now on (null: on nothing). commit() fails
  // with kConflict, in docker's words, when another container has the `name`.
  // Errors: as add_layer.
  Result<StagedContainer> stage_container(const std::string& id, const std::string& name,
                                          const ChainId* parent);

  // Publishes: layers bottom up, configs, parent links, references, containers; whether after a sync of the
  // layers' files, OpenOptions::wait_for_disk says. What another
  // process published in the meantime counts as ours. To be called once; after an error nothing of
  // this transaction is left.
  Status commit();
  // Valid after commit(), in the order of set_reference: what docker reports as "already exists,
  // renaming".
  const std::vector<MovedReference>& moved() const;

 private:
  friend class Store;
  struct State;
  static Result<Transaction> start(const Parts& parts);
  explicit Transaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strata::store
