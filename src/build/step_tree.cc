// SPDX-License-Identifier: Apache-2.0
#include "build/step_tree.h"

#include <fcntl.h>

#include <utility>

#include "driver/mount.h"
#include "driver/upper_recorder.h"

namespace strata::build {
namespace {

// Where the tree is mounted, and what docker's init layer has: below the image's own files. In the
// step's staged folder, which the transaction drops all but `diff/` of.
constexpr std::string_view kMergedName = "merged";
constexpr std::string_view kInitName = "init";
constexpr std::string_view kBeganName = "began";

// Source: FORMATS section 8, "Init layer".
Status make_init(const Fd& folder, const std::vector<MountPoint>& points) {
  for (const char* path : {"dev", "dev/pts", "dev/shm", "proc", "sys", "etc"}) {
    STRATA_CHECK(mkdir_at(folder, path, 0755));
  }
  for (const char* path :
       {".dockerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname", "dev/console"}) {
    STRATA_CHECK(write_file_at(folder, path, "", 0755));
  }
  for (const MountPoint& point : points) {
    const std::string path = point.path.substr(1);
    if (path.empty()) continue;
    if (point.is_folder) {
      STRATA_CHECK(ensure_dirs_at(folder, path, 0755));
      continue;
    }
    const size_t slash = path.rfind('/');
    if (slash != path.npos) STRATA_CHECK(ensure_dirs_at(folder, path.substr(0, slash), 0755));
    STRATA_CHECK(write_file_at(folder, path, "", 0644));
  }
  return symlink_at("/proc/mounts", folder, "etc/mtab");
}

// The folder of an image's top layer; nothing for no layers.
Result<std::optional<CacheId>> top_of(const store::Store& store, const StageImage& image) {
  if (image.top() == nullptr) return std::optional<CacheId>();
  STRATA_TRY(store::Layer layer, store.layers().read(*image.top()));
  return std::optional<CacheId>(layer.cache);
}

}  // namespace

Result<StepTree> StepTree::mount(const store::Store& store, store::Transaction& txn,
                                 const StageImage& image, Kind kind,
                                 const std::vector<MountPoint>& points) {
  StepTree tree;
  tree.txn_ = &txn;
  STRATA_TRY(tree.staged_, txn.stage_layer());
  const Fd& folder = tree.staged_.folder;
  STRATA_TRY(std::optional<CacheId> top, top_of(store, image));
  driver::Below below;
  if (top.has_value()) below.published = &*top;
  STRATA_CHECK(store.driver().prepare(folder, below));
  STRATA_CHECK(mkdir_at(folder, std::string(kMergedName), 0755));
  Fd init;
  if (kind == Kind::kContainer) {
    STRATA_CHECK(mkdir_at(folder, std::string(kInitName), 0755));
    STRATA_TRY(init, open_dir_at(folder, std::string(kInitName)));
    STRATA_CHECK(make_init(init, points));
  }
  STRATA_TRY(tree.folder_path_, driver::path_of(folder));
  tree.path_ = fmt::format("{}/{}", tree.folder_path_, kMergedName);
  STRATA_CHECK(store.driver().mount_writable(folder, tree.path_, driver::FileSyncs::kSkipped,
                                             init.valid() ? &init : nullptr));
  tree.mounted_ = true;
  STRATA_TRY(tree.merged_, open_dir_at(folder, std::string(kMergedName)));
  if (!store.driver().keeps_whole_trees()) return tree;
  STRATA_CHECK(tree.note_trees(store.driver(), top ? &*top : nullptr, std::move(init)));
  return tree;
}

Status StepTree::note_trees(const driver::Driver& driver, const CacheId* top, Fd init) {
  STRATA_TRY(Fd own, merged_.duplicate());
  trees_.push_back(std::move(own));
  if (top != nullptr) {
    STRATA_TRY(Fd files, driver.open_files(*top));
    trees_.push_back(std::move(files));
  }
  if (init.valid()) trees_.push_back(std::move(init));
  // Whatever is done to the tree from now on has no earlier time than this file.
  STRATA_CHECK(write_file_at(staged_.folder, std::string(kBeganName), "", 0600));
  STRATA_TRY(const struct stat mark, lstat_at(staged_.folder, std::string(kBeganName)));
  began_ = mark.st_ctim;
  return {};
}

Result<CopyTarget> StepTree::target(bool apart) {
  if (trees_.empty()) return CopyTarget{&merged_, &staged_.diff};
  if (!apart) return CopyTarget{&merged_, nullptr};
  STRATA_TRY(apart_, txn_->stage_layer());
  return CopyTarget{&merged_, &apart_->diff};
}

StepTree::StepTree(StepTree&& other) noexcept
    : txn_(other.txn_),
      staged_(std::move(other.staged_)),
      folder_path_(std::move(other.folder_path_)),
      path_(std::move(other.path_)),
      merged_(std::move(other.merged_)),
      mounted_(std::exchange(other.mounted_, false)),
      trees_(std::move(other.trees_)),
      began_(other.began_),
      apart_(std::move(other.apart_)) {}

StepTree::~StepTree() {
  if (!mounted_) return;
  // The step has failed already, and the mount ends with the process at the latest.
  [[maybe_unused]] Status unmounted = unmount();
}

Status StepTree::make_folders(const std::string& path) const {
  for (size_t end = 0; end != path.npos;) {
    const size_t begin = path.find_first_not_of('/', end);
    if (begin == path.npos) break;
    const std::string above = path.substr(0, begin);
    end = path.find('/', begin);
    const std::string here = path.substr(0, end);
    Result<Fd> there = open_in_root(merged_, here, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (there.ok()) continue;
    if (there.error().code() != ErrorCode::kNotFound) {
      return error(ErrorCode::kInvalid, "Cannot mkdir: {} is not a directory", here);
    }
    STRATA_TRY(Fd parent, open_in_root(merged_, above, O_PATH | O_DIRECTORY | O_CLOEXEC));
    STRATA_CHECK(mkdir_at(parent, here.substr(begin), 0755));
  }
  return {};
}

Status StepTree::unmount() {
  trees_.clear();
  merged_ = Fd();
  mounted_ = false;
  return driver::detach(path_);
}

Result<archive::UnpackedEarly> StepTree::read_changes(std::optional<int64_t> latest_mtime,
                                                      Pool& pool, BufferPool& buffers) {
  archive::UnpackedEarly made;
  if (!trees_.empty() && !apart_) {
    driver::ComparedTrees trees =
        driver::compare_folders(trees_, 1, driver::ComparedTrees::Upper::kWhole);
    trees.touched_since = began_;
    driver::DiffTarOptions options;
    options.whiteout_mtime = latest_mtime.value_or(oci::current_time().seconds);
    options.latest_mtime = latest_mtime;
    STRATA_TRY(made, runtime::layer_of_changes(trees, options, {*txn_, pool, buffers}));
    STRATA_CHECK(unmount());
    return made;
  }
  STRATA_CHECK(unmount());
  made.staged = apart_ ? std::move(*apart_) : std::move(staged_);
  driver::RecordOptions options;
  options.latest_mtime = latest_mtime;
  STRATA_TRY(made.layer,
             driver::record_upper(made.staged.diff, made.staged.metadata, options, pool, buffers));
  return made;
}

Result<std::optional<StepLayer>> StepTree::finish(std::optional<int64_t> latest_mtime, Pool& pool,
                                                  BufferPool& buffers) && {
  STRATA_TRY(archive::UnpackedEarly made, read_changes(latest_mtime, pool, buffers));
  if (driver::is_empty_layer(made.layer.diff_id)) return std::optional<StepLayer>();
  return std::optional<StepLayer>({std::move(made.staged), std::move(made.layer)});
}

Result<SourceMount> SourceMount::mount(const store::Store& store, store::Transaction& txn,
                                       const StageImage& image) {
  SourceMount source;
  if (image.top() != nullptr) STRATA_CHECK(txn.hold_layers({image.top(), 1}));
  STRATA_TRY(source.place_, txn.stage_layer());
  STRATA_TRY(source.path_, driver::path_of(source.place_.diff));
  STRATA_TRY(std::optional<CacheId> top, top_of(store, image));
  if (top.has_value()) STRATA_CHECK(store.driver().mount_read_only(*top, source.path_));
  // The mount, not the folder under it.
  STRATA_TRY(source.top_, open_path(source.path_, O_PATH | O_DIRECTORY));
  source.mounted_ = top.has_value();
  return source;
}

SourceMount::SourceMount(SourceMount&& other) noexcept
    : place_(std::move(other.place_)),
      path_(std::move(other.path_)),
      top_(std::move(other.top_)),
      mounted_(std::exchange(other.mounted_, false)) {}

SourceMount::~SourceMount() {
  top_ = Fd();
  if (!mounted_) return;
  // Nothing depends on it any more; it ends with the process at the latest.
  [[maybe_unused]] Status unmounted = driver::detach(path_);
}

}  // namespace strata::build
