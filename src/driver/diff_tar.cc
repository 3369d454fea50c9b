// SPDX-License-Identifier: Apache-2.0
#include "driver/diff_tar.h"

#include <array>
#include <map>
#include <vector>

namespace strata::driver {
namespace {

constexpr size_t kBlockBytes = size_t{256} << 10;
constexpr std::string_view kWhiteoutPrefix = ".wh.";

class Writer {
 public:
  Writer(const LayerStack& upper, const DiffTarOptions& options, ByteSink& to, const Pool& pool)
      : upper_(upper), options_(options), to_(to), pool_(pool) {
    rules_.form = TreeForm::kWhole;
    rules_.latest_mtime = options.latest_mtime;
    rules_.style = options.style;
    rules_.names = options.names;
  }

  Status take(const TreeChange& change) {
    STRATA_CHECK(pool_.check_cancelled());
    if (change.kind == ChangeKind::kDeleted) return write_whiteout(change.path);
    STRATA_TRY(const WalkEntry entry, find(change.path));
    if (S_ISSOCK(entry.info.st_mode)) return {};  // docker makes no members of them
    STRATA_TRY(TreeMembers made, members_of(entry, first_name(entry), rules_));
    STRATA_CHECK(write_header(made.member));
    if (!S_ISDIR(entry.info.st_mode)) {
      latest_mtime_ = std::max(latest_mtime_, made.member.mtime_seconds);
    }
    return made.member.size_bytes > 0 ? write_content(entry, made.member.size_bytes) : Status();
  }

  Status finish() { return to_.write(tar::kEndOfArchive); }
  int64_t latest_mtime() const { return latest_mtime_; }

 private:
  // A change of the tree is in the upper layers: names there are not hidden.
  Result<WalkEntry> find(const std::string& path) {
    const size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
    if (!folder_ || parent != folder_path_) {
      STRATA_TRY(folder_, upper_.open(parent));
      folder_path_ = parent;
    }
    WalkEntry entry;
    entry.path = path;
    entry.name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (!folder_) return error(ErrorCode::kCorrupt, "{} is gone", parent);
    STRATA_TRY(std::optional<LayerStack::Found> found, upper_.find(*folder_, entry.name));
    if (!found) return error(ErrorCode::kCorrupt, "{} is gone", path);
    entry.folder = found->folder;
    entry.info = found->info;
    return entry;
  }

  // Of an inode that has a member already.
  std::string first_name(const WalkEntry& entry) {
    if (S_ISDIR(entry.info.st_mode) || entry.info.st_nlink < 2) return "";
    auto [seen, is_new] = links_.try_emplace({entry.info.st_dev, entry.info.st_ino}, entry.path);
    return is_new ? "" : seen->second;
  }

  Status write_whiteout(const std::string& path) {
    const size_t name = path.rfind('/') + 1;  // 0 where there is none
    tar::Member member;
    member.name = path.substr(0, name).append(kWhiteoutPrefix).append(path.substr(name));
    member.type = tar::kRegular;
    member.mtime_seconds = options_.whiteout_mtime;
    return write_header(member);
  }

  Status write_header(const tar::Member& member) {
    STRATA_TRY(const std::string header, tar::encode_header(member, rules_.style));
    return to_.write(as_bytes(header));
  }

  Status write_content(const WalkEntry& entry, uint64_t size_bytes) {
    STRATA_TRY(Fd file, open_at(*entry.folder, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
                            .context("{}", entry.path));
    for (uint64_t offset = 0; offset < size_bytes; offset += block_.size()) {
      STRATA_CHECK(pool_.check_cancelled());
      const size_t part = static_cast<size_t>(std::min<uint64_t>(size_bytes - offset, kBlockBytes));
      block_.resize(part);
      STRATA_TRY(size_t count, pread_full(file.get(), block_, offset).context("{}", entry.path));
      if (count != part) {
        return error(ErrorCode::kCorrupt,
                     "{} changed while it was read: {} bytes expected, {} found", entry.path,
                     size_bytes, offset + count);
      }
      STRATA_CHECK(to_.write(block_));
    }
    static constexpr std::array<std::byte, tar::kBlockBytes> kZeros{};
    return to_.write(ByteSpan(kZeros).first(tar::padding_bytes(size_bytes)));
  }

  const LayerStack& upper_;
  const DiffTarOptions& options_;
  ByteSink& to_;
  const Pool& pool_;
  MemberRules rules_;
  std::optional<LayerStack::Folder> folder_;  // that the last change was in
  std::string folder_path_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<std::byte> block_;
  int64_t latest_mtime_ = 0;
};

}  // namespace

Result<int64_t> write_diff_tar(const ComparedTrees& trees, const DiffTarOptions& options,
                               ByteSink& to, const Pool& pool) {
  Writer writer(trees.upper, options, to, pool);
  STRATA_CHECK(compare_trees(trees, [&](const TreeChange& change) {
    return writer.take(change).context("{}", change.path);
  }));
  STRATA_CHECK(writer.finish());
  return writer.latest_mtime();
}

}  // namespace strata::driver
