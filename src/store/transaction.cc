// SPDX-License-Identifier: Apache-2.0
#include "store/transaction.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "driver/split_file.h"
#include "oci/go_time.h"
#include "store/parts.h"
#include "store/publish.h"
#include "store/recover.h"

namespace strata::store {

struct Transaction::State {
  State(const Parts& store, WorkFolder folder)
      : parts(store), plan(std::move(folder)), layer_count(0) {}

  // A transaction that was not committed has no journal yet: its folder simply goes, with
  // WorkFolder's end.
  const Parts& parts;
  PublishPlan plan;
  std::atomic<uint64_t> layer_count;
  uint64_t file_count = 0;
  std::vector<MovedReference> moved;

  Status hold(std::span<const ChainId> chains);
  Result<bool> try_hold(std::span<const ChainId> chains, const std::set<ChainId>& wanted);
  // Whether this transaction or the store has the layer, which stays then.
  Result<bool> is_known(const ChainId& chain);
  Result<size_t> depth_of(const ChainId& chain) const;
  Status write_record(const StagedLayer& staged, const PlannedLayer& layer) const;
  Status prepare_files(const Fd& folder, const ChainId* parent) const;
  Status stage_metadata(const ImageId& image, const std::string& key, std::string_view content);
};

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result<Transaction> Transaction::start(const Parts& parts) {
  STRATA_TRY(WorkFolder folder, WorkFolder::create(parts.root));
  return Transaction(std::make_unique<State>(parts, std::move(folder)));
}

Status Transaction::State::hold(std::span<const ChainId> chains) {
  std::set<ChainId> wanted = plan.held;
  wanted.insert(chains.begin(), chains.end());
  if (wanted.size() == plan.held.size()) return {};
  for (bool verified = false;; verified = true) {
    STRATA_TRY(bool held, try_hold(chains, wanted));
    if (held) return {};
    for (const ChainId& chain : chains) {
      UsableLayers usable(parts);
      STRATA_TRY(bool present, usable.check(chain));
      if (present) continue;
      if (verified) return error(ErrorCode::kNotFound, "layer does not exist: {}", chain);
      // One of another boot may only be in doubt. Reading it takes long: not under the lock.
      STRATA_CHECK(verify_suspects(parts, chain));
    }
  }
}

// Leases all of `wanted`, if the layers `chains` of them can be used.
Result<bool> Transaction::State::try_hold(std::span<const ChainId> chains,
                                          const std::set<ChainId>& wanted) {
  // Shared: removal, which holds it exclusively, comes before the lease is there or sees it.
  STRATA_TRY(FileLock lock, lock_layers(parts.root, FileLock::Mode::kShared));
  UsableLayers usable(parts);
  for (const ChainId& chain : chains) {
    STRATA_TRY(bool present, usable.check(chain));
    if (!present) return false;
  }
  STRATA_CHECK(plan.work.write_lease(wanted));
  plan.held = wanted;
  return true;
}

Status Transaction::hold_layers(std::span<const ChainId> chains) { return state_->hold(chains); }

Result<StagedLayer> Transaction::stage_layer() {
  const Fd& folder = state_->plan.work.folder();
  StagedLayer staged;
  staged.name = fmt::format("{}", state_->layer_count.fetch_add(1));
  std::string files = staged_files_name(staged.name);
  std::string record = staged_record_name(staged.name);
  STRATA_CHECK(mkdir_at(folder, files, 0700));
  STRATA_CHECK(mkdir_at(folder, record, 0700));
  STRATA_TRY(staged.folder, open_dir_at(folder, files));
  STRATA_CHECK(mkdir_at(staged.folder, "diff", 0755));
  STRATA_TRY(staged.diff, open_dir_at(staged.folder, "diff"));
  STRATA_TRY(staged.metadata, open_dir_at(folder, record));
  return staged;
}

Result<size_t> Transaction::State::depth_of(const ChainId& chain) const {
  if (const PlannedLayer* planned = plan.find(chain)) return planned->depth;
  STRATA_TRY(std::vector<Layer> layers, parts.layers.read_chain(chain));
  return layers.size();
}

Status Transaction::State::prepare_files(const Fd& folder, const ChainId* parent) const {
  if (parent == nullptr) return parts.driver->prepare(folder, {});
  if (const PlannedLayer* planned = plan.find(*parent)) {
    STRATA_TRY(Fd below, open_dir_at(plan.work.folder(), staged_files_name(planned->name)));
    return parts.driver->prepare(folder, {.staged = &below});
  }
  STRATA_TRY(Layer below, parts.layers.read(*parent));
  return parts.driver->prepare(folder, {.published = &below.cache});
}

Status Transaction::State::write_record(const StagedLayer& staged,
                                        const PlannedLayer& layer) const {
  const Fd& record = staged.metadata;
  STRATA_TRY(bool has_split, exists_at(record, "tar-split.json.gz"));
  if (!has_split) {
    return error(ErrorCode::kInvalid, "layer {}: no tar-split was written", layer.diff);
  }
  STRATA_CHECK(write_file_at(record, "diff", layer.diff.to_string(), 0644));
  STRATA_CHECK(write_file_at(record, "size", fmt::format("{}", layer.size_bytes), 0644));
  STRATA_CHECK(write_file_at(record, "cache-id", layer.cache.name(), 0644));
  if (!layer.parent) return {};
  return write_file_at(record, "parent", layer.parent->to_string(), 0644);
}

Result<bool> Transaction::State::is_known(const ChainId& chain) {
  if (plan.find(chain) != nullptr) return true;
  // Another process may have been quicker. Held now, it stays.
  Status held = hold({&chain, 1});
  if (held.ok()) return true;
  if (held.error().code() == ErrorCode::kNotFound) return false;
  return std::move(held).error();
}

Result<ChainId> Transaction::add_layer(StagedLayer staged, const ChainId* parent,
                                       const DiffId& diff, uint64_t size_bytes) {
  State& state = *state_;
  ChainId chain = chain_id(parent, diff);
  STRATA_TRY(bool known, state.is_known(chain));
  if (known) {
    STRATA_CHECK(remove_tree_at(state.plan.work.folder(), staged_files_name(staged.name)));
    return chain;
  }
  bool on_published = parent != nullptr && state.plan.find(*parent) == nullptr;
  if (on_published) STRATA_CHECK(state.hold({parent, 1}));
  PlannedLayer layer{.name = staged.name,
                     .chain = chain,
                     .diff = diff,
                     .parent = {},
                     .cache = CacheId::random(),
                     .size_bytes = size_bytes,
                     .depth = 1};
  if (parent != nullptr) {
    layer.parent = *parent;
    STRATA_TRY(size_t below, state.depth_of(*parent));
    layer.depth = below + 1;
  }
  if (layer.depth > driver::kMaxLayers) return error(ErrorCode::kInvalid, "max depth exceeded");
  if (state.parts.driver->keeps_whole_trees()) {  // nobody there can measure the layer by itself
    STRATA_TRY(Fd split, open_at(staged.metadata, driver::kSplitFileName, O_RDONLY));
    STRATA_TRY(layer.size_bytes, driver::claimed_bytes_of(split));
  }
  STRATA_CHECK(state.write_record(staged, layer));
  STRATA_CHECK(state.prepare_files(staged.folder, parent).context("layer {}", diff));
  state.plan.layers.push_back(std::move(layer));
  return chain;
}

Result<ImageId> Transaction::add_image(std::string_view config) {
  ImageId image(Digest::of(config));
  PublishPlan& plan = state_->plan;
  if (std::find(plan.images.begin(), plan.images.end(), image) != plan.images.end()) return image;
  STRATA_CHECK(write_file_at(plan.work.folder(), staged_image_name(image), config, 0600));
  plan.images.push_back(image);
  return image;
}

Status Transaction::State::stage_metadata(const ImageId& image, const std::string& key,
                                          std::string_view content) {
  PlannedMetadata file{.name = fmt::format("file-{}", file_count++), .image = image, .key = key};
  STRATA_CHECK(write_file_at(plan.work.folder(), file.name, content, 0600));
  plan.metadata.push_back(std::move(file));
  return {};
}

Status Transaction::set_parent(const ImageId& child, const ImageId& parent) {
  return state_->stage_metadata(child, "parent", parent.to_string());
}

Status Transaction::set_built_locally(const ImageId& image) {
  return state_->stage_metadata(image, "builtLocally", "\x01");
}

Status Transaction::set_foreign(const ImageId& image) {
  STRATA_TRY(bool known, state_->parts.images.exists(image));
  if (known) return {};
  return state_->stage_metadata(image, "builtLocally", std::string_view("\0", 1));
}

Status Transaction::touch(const ImageId& image) {
  return state_->stage_metadata(image, "lastUpdated", oci::format_time(oci::current_time()));
}

Status Transaction::set_reference(const std::string& key, const ImageId& image) {
  state_->plan.references.push_back({key, image});
  return {};
}

Result<StagedContainer> Transaction::stage_container(const std::string& id, const std::string& name,
                                                     const ChainId* parent) {
  State& state = *state_;
  const Fd& work = state.plan.work.folder();
  PlannedContainer planned{.name = fmt::format("{}", state.plan.containers.size()),
                           .id = id,
                           .container_name = name,
                           .mount_id = random_hex(Digest::kBytes),
                           .parent = {}};
  if (parent != nullptr) {
    STRATA_CHECK(state.hold({parent, 1}));
    planned.parent = *parent;
  }
  for (const std::string& folder : {planned.init_name(), planned.layer_name()}) {
    STRATA_CHECK(mkdir_at(work, folder, 0700));
    STRATA_CHECK(mkdir_at(work, folder + "/diff", 0755));
  }
  STRATA_CHECK(mkdir_at(work, planned.record_name(), 0755));
  STRATA_CHECK(mkdir_at(work, planned.files_name(), 0710));
  StagedContainer staged{.id = id, .mount_id = planned.mount_id, .init = {}, .files = {}};
  STRATA_TRY(staged.init, open_dir_at(work, planned.init_name()));
  STRATA_TRY(staged.files, open_dir_at(work, planned.files_name()));
  STRATA_CHECK(state.prepare_files(staged.init, parent).context("container {}", id));
  state.plan.containers.push_back(std::move(planned));
  return staged;
}

Status Transaction::commit() {
  State& state = *state_;
  Result<std::vector<MovedReference>> moved = publish(state.parts, state.plan);
  if (moved.ok()) {
    state.moved = std::move(moved).value();
    return state.plan.work.finish();
  }
  // The first error is the one that counts; what cannot be undone now, the next writer undoes.
  (void)roll_back(state.parts, state.plan.work);
  return std::move(moved).error();
}

const std::vector<MovedReference>& Transaction::moved() const { return state_->moved; }

}  // namespace strata::store
