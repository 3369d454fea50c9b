// SPDX-License-Identifier: Apache-2.0
#include "runtime/path_archive.h"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "driver/tree_member.h"
#include "driver/tree_walk.h"
#include "tar/header.h"

namespace strata::runtime {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's
constexpr size_t kBlockBytes = 256u << 10;

struct SplitPath {
  std::string folder;  // with its last "/"
  std::string name;    // perhaps empty or "."
};

SplitPath split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos) return {"/", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

bool is_folder_itself(const std::string& name) { return name.empty() || name == "."; }

Result<Fd> open_folder(const Fd& root, const std::string& path) {
  return open_in_root(root, path, O_RDONLY | O_DIRECTORY);
}

// One tar of one path.
class Archiver {
 public:
  Archiver(std::string name, ByteSink& to) : name_(std::move(name)), to_(to) {
    rules_.form = driver::TreeForm::kWhole;
  }

  // `below` is "" for the path itself, else "/" and what follows.
  Status add(const driver::WalkEntry& entry, const std::string& below) {
    if (S_ISSOCK(entry.info.st_mode)) return {};
    const std::string own_name = name_ + below;
    Result<driver::TreeMembers> made =
        driver::members_of(entry, first_name(entry.info, own_name), rules_);
    if (!made.ok() && made.error().code() == ErrorCode::kNotFound) return {};  // it has vanished
    if (!made.ok()) return std::move(made).error();
    tar::Member member = std::move(made->member);
    member.name = own_name + (member.type == tar::kDirectory ? "/" : "");
    if (member.type != tar::kRegular) return write_header(member);
    return add_file(entry, member);
  }

 private:
  // The name under which the inode is in the tar already; else this one, from now on.
  std::string first_name(const struct stat& info, const std::string& name) {
    if (S_ISDIR(info.st_mode) || info.st_nlink < 2) return {};
    auto [there, is_new] = links_.emplace(std::pair(info.st_dev, info.st_ino), name);
    return is_new ? "" : there->second;
  }

  Status write_header(const tar::Member& member) {
    STRATA_TRY(std::string header, tar::encode_header(member, tar::HeaderStyle::kDocker28));
    return to_.write(as_bytes(header));
  }

  Status add_file(const driver::WalkEntry& entry, tar::Member& member) {
    Result<Fd> file = open_at(*entry.folder, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return {};
    if (!file.ok()) return std::move(file).error();
    STRATA_TRY(struct stat info, stat_fd(file->get()));
    if (!S_ISREG(info.st_mode)) return {};  // another thing of that name by now
    member.size_bytes = static_cast<uint64_t>(info.st_size);
    STRATA_CHECK(write_header(member));
    return copy_content(*file, member.size_bytes);
  }

  Status copy_content(const Fd& file, uint64_t size) {
    block_.resize(kBlockBytes);
    for (uint64_t at = 0; at < size;) {
      const size_t wanted = static_cast<size_t>(std::min<uint64_t>(kBlockBytes, size - at));
      MutableByteSpan space(block_.data(), wanted);
      STRATA_TRY(size_t count, pread_full(file.get(), space, at));
      std::fill(space.begin() + static_cast<ptrdiff_t>(count), space.end(), std::byte{0});
      STRATA_CHECK(to_.write(space));
      at += wanted;
    }
    const size_t padding = tar::padding_bytes(size);
    const std::vector<std::byte> zeros(padding);
    return padding == 0 ? Status() : to_.write(zeros);
  }

  const std::string name_;
  ByteSink& to_;
  driver::MemberRules rules_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<std::byte> block_;
};

// The folder of that name and all that is in it.
Status add_folder(Archiver& archiver, driver::WalkEntry top) {
  STRATA_CHECK(archiver.add(top, ""));
  STRATA_TRY(Fd folder, open_at(*top.folder, top.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  // Whiteouts would be names like others: no container sees one.
  const driver::LayerStack tree({&folder}, driver::LayerStack::Whiteouts::kShow);
  driver::TreeWalk walk(tree);
  driver::WalkEntry entry;
  while (true) {
    STRATA_TRY(bool more, walk.next(entry));
    if (!more) return {};
    STRATA_CHECK(archiver.add(entry, "/" + entry.path));
  }
}

}  // namespace

bool asserts_folder(std::string_view path) {
  return path.ends_with('/') || path.ends_with("/.") || path == ".";
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  std::string name(slash == path.npos ? path : path.substr(slash + 1));
  return name.empty() ? "." : name;
}

Result<NamedPath> look_at(const Fd& root, const std::string& path) {
  const SplitPath parts = split(path);
  NamedPath named;
  Result<Fd> folder = open_in_root(root, parts.folder, O_PATH | O_DIRECTORY);
  if (!folder.ok() && folder.error().code() == ErrorCode::kInvalid) {
    return error(ErrorCode::kInvalid, "not a directory");
  }
  if (!folder.ok()) return std::move(folder).error();
  Result<struct stat> info =
      is_folder_itself(parts.name) ? stat_fd(folder->get()) : lstat_at(*folder, parts.name);
  if (!info.ok() && info.error().code() == ErrorCode::kNotFound) return named;
  if (!info.ok()) return std::move(info).error();
  named.exists = true;
  named.info = *info;
  if (named.is_link()) {
    STRATA_TRY(named.link_target, readlink_at(*folder, parts.name));
  }
  return named;
}

Result<std::string> follow_links(const Fd& root, const std::string& path) {
  std::string here = path;
  for (int count = 0; count < kMostLinks; ++count) {
    Result<NamedPath> named = look_at(root, here);
    if (!named.ok() && named.error().code() == ErrorCode::kNotFound) return here;
    if (!named.ok()) return std::move(named).error();
    if (!named->is_link()) return here;
    here = named->link_target.starts_with('/') ? named->link_target
                                               : split(here).folder + named->link_target;
  }
  return error(ErrorCode::kInvalid, "{}: too many levels of symbolic links", path);
}

Status archive_path(const Fd& root, const std::string& path, const std::string& name,
                    ByteSink& to) {
  const SplitPath parts = split(path);
  STRATA_TRY(Fd folder, open_folder(root, parts.folder));
  driver::WalkEntry top;
  top.name = is_folder_itself(parts.name) ? "." : parts.name;
  top.path = top.name;
  STRATA_TRY(top.info, lstat_at(folder, top.name));
  top.folder = std::make_shared<const Fd>(std::move(folder));
  Archiver archiver(name, to);
  STRATA_CHECK(S_ISDIR(top.info.st_mode) ? add_folder(archiver, std::move(top))
                                         : archiver.add(top, ""));
  return to.write(tar::kEndOfArchive);
}

}  // namespace strata::runtime
