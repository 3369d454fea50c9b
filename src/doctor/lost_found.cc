// SPDX-License-Identifier: Apache-2.0
#include "doctor/lost_found.h"

#include <unistd.h>

#include <cerrno>

#include "doctor/docker_folders.h"
#include "driver/tree_size.h"
#include "oci/go_time.h"
#include "oci/json.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kHome = "strata/lost+found";
constexpr std::string_view kOwnFolder = "strata";
constexpr int kNamesMax = 1000;

// 20261122T053709Z
std::string time_name() {
  std::string text = oci::format_time(oci::current_time()).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

bool can_be_copied(const struct stat& info) {
  const bool is_small =
      S_ISREG(info.st_mode) && static_cast<size_t>(info.st_size) <= kSmallFileBytes;
  return is_small || S_ISLNK(info.st_mode);
}

}  // namespace

Status LostFound::begin() {
  if (!folder_.empty()) return {};
  STRATA_CHECK(ensure_dir_at(root_, "strata", 0700));
  STRATA_CHECK(ensure_dir_at(root_, std::string(kHome), 0700));
  const std::string time = fmt::format("{}/{}", kHome, time_name());
  for (int i = 1; i < kNamesMax; ++i) {
    const std::string folder = i == 1 ? time : fmt::format("{}-{}", time, i);
    Status made = mkdir_at(root_, folder, 0700);
    if (made.ok()) {
      folder_ = folder;
      return sync_folder(root_, std::string(kHome));
    }
    if (made.error().code() != ErrorCode::kConflict) return made;
  }
  return error(ErrorCode::kConflict, "{}: no name is free", time);
}

Result<std::string> LostFound::free_path(const std::string& path) const {
  std::string kept;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = kept + (kept.empty() ? "" : "/") + path.substr(begin, end - begin);
    kept = name;
    for (int i = 2;; ++i) {
      Result<struct stat> info = lstat_at(root_, folder_ + "/" + kept);
      if (!info.ok() && info.error().code() == ErrorCode::kNotFound) break;
      if (!info.ok()) return std::move(info).error();
      if (end < path.size() && S_ISDIR(info->st_mode)) break;
      kept = fmt::format("{}.{}", name, i);
    }
    begin = end + 1;
  }
  return kept;
}

Result<std::string> LostFound::place_for(const std::string& path, const Finding& finding,
                                         const std::string& why) {
  Result<std::string> place = make_place(path, finding, why);
  if (place.ok() || folder_.empty() || !is_empty_) return place;
  // Nothing has been moved, so a full disk is not left with one more folder by each try.
  (void)remove_tree_at(root_, folder_).ok();
  folder_.clear();
  return place;
}

Result<std::string> LostFound::make_place(const std::string& path, const Finding& finding,
                                          const std::string& why) {
  STRATA_CHECK(begin());
  STRATA_TRY(std::string kept, free_path(path));
  const std::string target = folder_ + "/" + kept;
  STRATA_CHECK(ensure_dirs_at(root_, folder_above(target), 0700));
  boost::json::object line{{"path", path},
                           {"kept", kept},
                           {"finding", to_string(finding.kind)},
                           {"subject", finding.subject},
                           {"found", finding.found},
                           {"why", why}};
  if (std::string bytes = path_bytes(path); !bytes.empty()) line["pathBytes"] = bytes;
  if (std::string bytes = path_bytes(kept); !bytes.empty()) line["keptBytes"] = bytes;
  STRATA_TRY(Fd index,
             open_at(root_, folder_ + "/index.jsonl", O_WRONLY | O_APPEND | O_CREAT, 0600));
  STRATA_CHECK(write_all(index.get(), as_bytes(oci::go_json(line) + "\n")));
  STRATA_CHECK(sync(index.get()));
  is_empty_ = false;
  return target;
}

Status LostFound::set_aside(const std::string& path, const Finding& finding,
                            const std::string& why) {
  STRATA_TRY(bool there, exists_at(root_, path));
  if (!there) return {};
  if (path == kOwnFolder) return make_way_for_own(finding, why);
  STRATA_TRY(std::string target, place_for(path, finding, why));
  STRATA_CHECK(move(path, target));
  STRATA_CHECK(sync_folder(root_, folder_above(target)));
  return sync_folder(root_, folder_above(path));
}

// It has the name that its own place needs, so it waits beside.
Status LostFound::make_way_for_own(const Finding& finding, const std::string& why) {
  const std::string waits = fmt::format("{}.in-the-way", kOwnFolder);
  STRATA_CHECK(rename_at(root_, std::string(kOwnFolder), root_, waits, Existing::kKeep));
  STRATA_TRY(std::string target, place_for(std::string(kOwnFolder), finding, why));
  STRATA_CHECK(rename_at(root_, waits, root_, target, Existing::kKeep));
  return sync(root_.get());
}

Status LostFound::keep(const std::string& path, const Finding& finding, const std::string& why) {
  Result<struct stat> info = lstat_at(root_, path);
  if (!info.ok() && info.error().code() == ErrorCode::kNotFound) return {};
  if (!info.ok()) return std::move(info).error();
  if (!S_ISREG(info->st_mode)) return set_aside(path, finding, why);
  STRATA_TRY(std::string target, place_for(path, finding, why));
  if (::linkat(root_.get(), path.c_str(), root_.get(), target.c_str(), 0) != 0) {
    if (errno != EXDEV) return errno_error(errno, "link " + path);
    STRATA_CHECK(copy(path, *info, target));
  }
  return sync_folder(root_, folder_above(target));
}

// To another disk, what is small is copied.
Status LostFound::move(const std::string& path, const std::string& target) {
  if (::renameat(root_.get(), path.c_str(), root_.get(), target.c_str()) == 0) return {};
  if (errno != EXDEV) return errno_error(errno, "rename " + path);
  STRATA_TRY(struct stat info, lstat_at(root_, path));
  STRATA_CHECK(copy(path, info, target));
  return unlink_at(root_, path);
}

Status LostFound::copy(const std::string& path, const struct stat& info,
                       const std::string& target) {
  if (S_ISLNK(info.st_mode)) {
    STRATA_TRY(std::string link, readlink_at(root_, path));
    return symlink_at(link, root_, target);
  }
  if (!can_be_copied(info)) {
    return error(ErrorCode::kUnsupported, "{} {}", path, kOtherDisk);
  }
  STRATA_TRY(std::string content, read_file_at(root_, path));
  STRATA_CHECK(write_file_at(root_, target, content, info.st_mode & 07777));
  STRATA_TRY(Fd made, open_at(root_, target, O_RDONLY));
  return sync(made.get());
}

Result<bool> LostFound::can_take(const std::string& path) const {
  Result<struct stat> info = lstat_at(root_, path);
  if (!info.ok()) return true;  // there is nothing to take, or it is told when it is tried
  if (can_be_copied(*info)) return true;
  return is_on_disk_of(root_, folder_above(path));
}

Result<Fd> LostFound::room_for(const std::string& path, const Finding& finding,
                               const std::string& why) {
  STRATA_TRY(std::string target, place_for(path, finding, why));
  STRATA_CHECK(mkdir_at(root_, target, 0700));
  rooms_.insert_or_assign(path, target);
  return open_dir_at(root_, target);
}

Status LostFound::close_room(const std::string& path) {
  Status removed = remove_folder_at(root_, rooms_.at(path));
  return !removed.ok() && removed.error().code() == ErrorCode::kConflict ? Status() : removed;
}

Result<Purged> kept_things(const Fd& root) {
  Purged purged;
  Result<Fd> home = open_dir_at(root, std::string(kHome));
  if (!home.ok() && home.error().code() == ErrorCode::kNotFound) return purged;
  if (!home.ok()) return std::move(home).error();
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(root, std::string(kHome)));
  purged.repairs = entries.size();
  STRATA_TRY(purged.bytes, driver::tree_size_bytes(*home));
  return purged;
}

Result<Purged> purge(const Fd& root) {
  STRATA_TRY(Purged purged, kept_things(root));
  STRATA_CHECK(remove_tree_at(root, std::string(kHome)));
  return purged;
}

}  // namespace strata::doctor
