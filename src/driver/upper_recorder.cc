// SPDX-License-Identifier: Apache-2.0
#include "driver/upper_recorder.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "driver/driver.h"
#include "driver/layer_splitter.h"
#include "driver/split_recorder.h"
#include "driver/tree_size.h"
#include "driver/tree_tar.h"
#include "hash/crc64.h"
#include "hash/sha256.h"

namespace strata::driver {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

// The tar-split of files that lie where they are to stay.
class PlaceRecorder {
 public:
  Status begin(const Fd& metadata) { return recorder_.begin(metadata); }

  Status take(const TarBatch& batch) {
    const Slice& bytes = batch.bytes();
    size_t at = 0;
    for (const TarItem& item : batch.items()) {
      if (item.header_bytes > 0) begin_member(*item.member, item.poses_as_whiteout);
      raw(bytes, at, item.header_bytes);
      if (segment_)
        raw(bytes, at, item.payload_bytes);
      else
        crc_.update(bytes.bytes.subspan(at, item.payload_bytes));
      at += segment_ ? 0 : item.payload_bytes;
      if (item.ends && !segment_) recorder_.file(name_, size_bytes_, crc_.big_endian());
      raw(bytes, at, item.padding_bytes);
    }
    return recorder_.flush();
  }

  Result<Fd> finish() { return recorder_.finish(); }

 private:
  // What becomes a whiteout cannot give its content back, and its name may come twice.
  void begin_member(const tar::Member& member, bool poses_as_whiteout) {
    name_ = member.name;
    size_bytes_ = member.size_bytes;
    crc_ = {};
    segment_ = poses_as_whiteout;
  }
  void raw(const Slice& bytes, size_t& at, size_t count) {
    if (count > 0) recorder_.raw(bytes.part(at, count));
    at += count;
  }

  SplitRecorder recorder_;
  std::string name_;
  uint64_t size_bytes_ = 0;
  Crc64 crc_;
  bool segment_ = false;
};

// Reads the tree once, for the hash and for `consume`.
Result<TreeTarSummary> hash_tree_tar(const Fd& upper, const TreeTarOptions& options, Pool& pool,
                                     BufferPool& buffers, DiffId& diff,
                                     const std::function<Status(const TarBatch&)>& consume) {
  const LayerStack tree({&upper}, LayerStack::Whiteouts::kShow);
  Sha256 sha256;
  BatchConsumer hasher([&](const TarBatch& batch) -> Status {
    sha256.update(batch.bytes().bytes);
    return {};
  });
  BatchConsumer recorder(consume);
  Result<TreeTarSummary> made =
      make_tree_tar(tree, options, pool, buffers, [&](std::shared_ptr<TarBatch> batch) {
        return hasher.push(batch) && recorder.push(std::move(batch));
      });
  Status hashed = hasher.finish();
  Status recorded = recorder.finish();
  if (!made.ok()) return made;
  STRATA_CHECK(std::move(recorded));
  STRATA_CHECK(std::move(hashed));
  diff = DiffId(sha256.finish());
  return made;
}

TreeTarOptions tar_options(const RecordOptions& options) {
  TreeTarOptions tar;
  tar.rules.style = options.style;
  tar.rules.names = options.names;
  tar.rules.latest_mtime = options.latest_mtime;
  return tar;
}

// Makes the whiteout that readers of the tar take the file for.
Status become_whiteout(const Fd& folder, const std::string& name) {
  STRATA_TRY(struct stat info, lstat_at(folder, name));
  if (S_ISDIR(info.st_mode)) {
    Status removed = remove_folder_at(folder, name);
    if (!removed.ok() && removed.error().code() != ErrorCode::kConflict) return removed;
  } else {
    STRATA_CHECK(unlink_at(folder, name));
  }
  if (name == kOpaqueName) {
    if (::fsetxattr(folder.get(), opaque_xattr().data(), "y", 1, 0) == 0) return {};
    return errno_error(errno, "mark a folder as opaque");
  }
  std::string hidden = name.substr(kWhiteoutPrefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return error(ErrorCode::kInvalid, "invalid whiteout entry \"{}\": it names nothing", name);
  }
  if (::mknodat(folder.get(), hidden.c_str(), S_IFCHR, 0) != 0) {
    return errno == EEXIST ? Status() : errno_error(errno, "create whiteout");
  }
  if (::fchownat(folder.get(), hidden.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return errno_error(errno, "chown");
  return {};
}

// Children come before the folders that they are in.
Status settle_whiteout_names(const Fd& upper, const std::vector<std::string>& paths) {
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    size_t slash = path->rfind('/');
    std::string parent = slash == std::string::npos ? "." : path->substr(0, slash);
    STRATA_TRY(Fd folder, open_in_root(upper, parent, O_RDONLY | O_DIRECTORY));
    STRATA_TRY(struct stat before, stat_fd(folder.get()));
    STRATA_CHECK(become_whiteout(folder, path->substr(slash + 1)).context("{}", *path));
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    if (::futimens(folder.get(), times) != 0) return errno_error(errno, "set times of " + parent);
  }
  return {};
}

}  // namespace

Result<UnpackedLayer> record_upper(const Fd& upper, const Fd& metadata,
                                   const RecordOptions& options, Pool& pool, BufferPool& buffers) {
  PlaceRecorder recorder;
  STRATA_CHECK(recorder.begin(metadata));
  TreeTarOptions tar = tar_options(options);
  tar.tidy = true;
  UnpackedLayer layer;
  STRATA_TRY(TreeTarSummary made,
             hash_tree_tar(upper, tar, pool, buffers, layer.diff_id,
                           [&](const TarBatch& batch) { return recorder.take(batch); }));
  layer.size_bytes = made.size_bytes;
  layer.tar_bytes = made.tar_bytes;
  STRATA_TRY(Fd split_file, recorder.finish());
  STRATA_CHECK(record_tar_bytes(split_file, made.tar_bytes));
  STRATA_CHECK(split_file.close());
  if (made.whiteout_names.empty()) return layer;
  STRATA_CHECK(settle_whiteout_names(upper, made.whiteout_names));
  STRATA_TRY(layer.size_bytes, tree_size_bytes(upper));
  return layer;
}

Result<UnpackedLayer> copy_upper(const Fd& upper, UnpackTarget to, const RecordOptions& options,
                                 Pool& pool, BufferPool& buffers) {
  LayerSplitter splitter(to, pool);
  STRATA_CHECK(splitter.begin());
  UnpackedLayer layer;
  STRATA_TRY(TreeTarSummary made,
             hash_tree_tar(upper, tar_options(options), pool, buffers, layer.diff_id,
                           [&](const TarBatch& batch) {
                             return splitter.take(batch.bytes(), [&](tar::ParserEvents& events) {
                               return report(batch, events, [&](const Fd* content) {
                                 splitter.offer_content(content);
                               });
                             });
                           }));
  layer.tar_bytes = made.tar_bytes;
  STRATA_TRY(layer.size_bytes, splitter.finish(made.tar_bytes));
  layer.warnings = splitter.warnings();
  return layer;
}

bool is_empty_layer(const DiffId& diff) {
  static const DiffId empty(Digest::of(ByteSpan(tar::kEndOfArchive)));
  return diff == empty;
}

}  // namespace strata::driver
