// SPDX-License-Identifier: Apache-2.0
//   <root>/image/<driver>/     0700, see layer_db.cc, image_db.cc, references.cc, distribution.cc
//   <root>/<driver>/           see driver/
//   <root>/volumes/metadata.db exclusively locked (flock) by a running dockerd
//   <root>/strata/             0700, ours: refs.lock, layers.lock, staging/
// Source: FORMATS sections 1.1, 1.2 and 1.5.
#include "store/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "store/new_root.h"
#include "store/parts.h"
#include "store/recover.h"
#include "store/transaction.h"

namespace strata::store {
namespace {

constexpr std::string_view kDefaultDriver = "overlay2";

Result<Fd> open_root(const OpenOptions& options) {
  bool create = options.create && options.access == Access::kWrite;
  if (create) STRATA_CHECK(ensure_dirs_at(Fd(), options.root, 0710));
  Result<Fd> root = open_path(options.root, O_RDONLY | O_DIRECTORY);
  if (!root.ok() && root.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "no image store at {}: the folder does not exist",
                 options.root);
  }
  return root;
}

struct HeldRoot {
  Fd folder;
  std::optional<FileLock> held;  // while the root is opened for writing
};

// Another process that made the root may be about to remove it again (new_root.h).
Result<HeldRoot> open_and_hold_root(const OpenOptions& options) {
  for (;;) {
    HeldRoot root;
    STRATA_TRY(root.folder, open_root(options));
    if (options.access == Access::kRead) return root;
    root.held = hold_root(root.folder);
    STRATA_TRY(struct stat ours, stat_fd(root.folder.get()));
    Result<Fd> now = open_path(options.root, O_PATH | O_DIRECTORY);
    if (!now.ok() && now.error().code() == ErrorCode::kNotFound) continue;
    if (!now.ok()) return std::move(now).error();
    STRATA_TRY(struct stat there, stat_fd(now->get()));
    if (is_same_file(ours, there)) return root;
  }
}

// The path as dockerd prints it: absolute, without symlinks.
std::string real_path(const Fd& root, const std::string& given) {
  Result<std::string> path = told_path(root.get());
  return path.ok() ? *path : given;
}

// The driver whose image folder the root has; as dockerd, overlay2 goes before vfs.
Result<std::string> detect_driver(const Fd& root) {
  Result<std::vector<DirEntry>> entries = list_dir_at(root, "image");
  if (!entries.ok() && entries.error().code() != ErrorCode::kNotFound) {
    return std::move(entries).error();
  }
  std::string known;
  std::string unknown;
  for (const DirEntry& entry : entries.ok() ? *entries : std::vector<DirEntry>()) {
    if (!driver::is_known_driver(entry.name)) {
      unknown = entry.name;
    } else if (known.empty() || entry.name == kDefaultDriver) {
      known = entry.name;
    }
  }
  if (!known.empty()) return known;
  if (unknown.empty()) return std::string(kDefaultDriver);
  return error(
      ErrorCode::kUnsupported,
      "this root keeps its images under the storage driver \"{}\"; strata has overlay2 and vfs "
      "(--storage-driver chooses one for new images)",
      unknown);
}

// Keeps a dockerd out, as long as the lock is held; several writers of ours share it.
Result<FileLock> lock_out_daemon(const Fd& root, const std::string& root_path) {
  STRATA_CHECK(ensure_dir_at(root, "volumes", 0701).context("{}", root_path));
  STRATA_TRY(
      Fd file,
      open_at(root, std::string(kDaemonLock), O_RDWR | O_CREAT, 0600).context("{}", root_path));
  STRATA_TRY(std::optional<FileLock> lock,
             FileLock::try_acquire(std::move(file), FileLock::Mode::kShared));
  if (lock) return std::move(*lock);
  return error(
      ErrorCode::kBusy,
      "{}: a dockerd is running on this root and holds {}; it would not see what is written "
      "beside it. Stop it (systemctl stop docker), or choose another root with --root",
      root_path, kDaemonLock);
}

Status make_folders(const Parts& parts) {
  const Fd& root = parts.root;
  const std::string& image = parts.image_folder;
  STRATA_CHECK(ensure_dir_at(root, "strata", 0700));
  STRATA_CHECK(ensure_dir_at(root, "strata/staging", 0700));
  STRATA_CHECK(ensure_dirs_at(root, image, 0700));
  for (std::string_view folder :
       {"/imagedb", "/imagedb/content", "/imagedb/content/sha256", "/imagedb/metadata",
        "/imagedb/metadata/sha256", "/layerdb", "/distribution"}) {
    STRATA_CHECK(ensure_dir_at(root, image + std::string(folder), 0700));
  }
  for (std::string_view folder : {"/layerdb/sha256", "/layerdb/tmp", "/layerdb/mounts"}) {
    STRATA_CHECK(ensure_dir_at(root, image + std::string(folder), 0755));
  }
  return parts.driver->create_home();
}

// Records of layers that were not on disk are to be few: those of ended boots go when their layers
// are gone or verified, those of this one when they are old, since then the system has long written
// the files out.
Status settle_unsynced(const Parts& parts) {
  STRATA_CHECK(parts.unsynced.drop_done([&](const UnsyncedLayer& layer) {
    Result<std::optional<Layer>> found = parts.layers.find(layer.chain);
    if (!found.ok()) return true;
    if (*found) return (*found)->cache == layer.cache;
    // A record that was damaged with it does not say where the files are; this one still does.
    Result<bool> damaged = exists_at(parts.root, parts.layers.path_of(layer.chain.hex()));
    return !damaged.ok() || *damaged;
  }));
  if (!parts.unsynced.is_due()) return {};
  STRATA_TRY(FileLock held, lock_layers(parts.root, FileLock::Mode::kExclusive));
  return parts.unsynced.settle(std::move(held));
}

// A dockerd that starts on the root makes the file as well; images would do without it.
Status make_repositories(const Parts& parts) {
  STRATA_TRY(bool there, exists_at(parts.root, parts.image_folder + "/repositories.json"));
  if (there) return {};
  STRATA_TRY(FileLock held, parts.reference_file.lock());
  STRATA_TRY(there, exists_at(parts.root, parts.image_folder + "/repositories.json"));
  return there ? Status() : parts.reference_file.write(References());
}

}  // namespace

Store::Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const OpenOptions& options) {
  if (!options.driver.empty()) STRATA_CHECK(driver::check_driver(options.driver));
  STRATA_TRY(HeldRoot opened, open_and_hold_root(options));
  Fd root = std::move(opened.folder);
  std::string driver_name = options.driver;
  if (driver_name.empty()) {
    STRATA_TRY(driver_name, detect_driver(root));
  }
  std::string path = real_path(root, options.root);
  auto parts = std::make_unique<Parts>(std::move(root), std::move(path), driver_name);
  STRATA_TRY(parts->driver, driver::make_driver(driver_name, parts->root, parts->root_path));
  parts->access = options.access;
  parts->wait_for_disk = options.wait_for_disk;
  parts->on_step = options.on_step;
  Store store(std::move(parts));
  if (options.access == Access::kRead) return store;

  STRATA_CHECK(store.parts_->unsynced.read());
  // From here on no dockerd can be running on the root, nor start.
  STRATA_TRY(store.parts_->daemon_lock, lock_out_daemon(store.root(), store.root_path()));
  STRATA_CHECK(make_folders(*store.parts_));
  STRATA_CHECK(make_repositories(*store.parts_));
  STRATA_CHECK(recover(*store.parts_));
  STRATA_CHECK(settle_unsynced(*store.parts_));
  return store;
}

const Fd& Store::root() const { return parts_->root; }
const std::string& Store::root_path() const { return parts_->root_path; }
Access Store::access() const { return parts_->access; }
driver::Driver& Store::driver() const { return *parts_->driver; }
const LayerDb& Store::layers() const { return parts_->layers; }
const ImageDb& Store::images() const { return parts_->images; }
const DistributionDb& Store::distribution() const { return parts_->distribution; }
const ReferenceFile& Store::reference_file() const { return parts_->reference_file; }

Result<bool> Store::has_layer(const ChainId& chain) const {
  STRATA_CHECK(verify_suspects(*parts_, chain));
  return UsableLayers(*parts_).check(chain);
}

Result<size_t> Store::count_present(std::span<const ChainId> chains) const {
  if (!chains.empty()) STRATA_CHECK(verify_suspects(*parts_, chains.back()));
  UsableLayers usable(*parts_);
  for (size_t i = 0; i < chains.size(); ++i) {
    STRATA_TRY(bool present, usable.check(chains[i]));
    if (!present) return i;
  }
  return chains.size();
}

Result<Transaction> Store::begin() {
  if (parts_->access != Access::kWrite) {
    return error(ErrorCode::kPermission, "{} is open for reading only", root_path());
  }
  return Transaction::start(*parts_);
}

}  // namespace strata::store
