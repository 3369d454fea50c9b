// SPDX-License-Identifier: Apache-2.0
#include "doctor/lost_found.h"

#include <unistd.h>

#include <cerrno>

#include "driver/tree_size.h"
#include "oci/go_time.h"
#include "oci/json.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kHome = "strata/lost+found";
constexpr int kNamesMax = 1000;

// 20261122T053709Z
std::string time_name() {
  std::string text = oci::format_time(oci::current_time()).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

std::string folder_above(const std::string& path) { return path.substr(0, path.rfind('/')); }

Status sync_folder(const Fd& root, const std::string& path) {
  STRATA_TRY(Fd folder, open_dir_at(root, path));
  return sync(folder.get());
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

Result<std::string> LostFound::place_for(const std::string& path, const Finding& finding,
                                         const std::string& why) {
  STRATA_CHECK(begin());
  std::string kept = path;
  for (int i = 2;; ++i) {
    STRATA_TRY(bool taken, exists_at(root_, folder_ + "/" + kept));
    if (!taken) break;
    kept = fmt::format("{}.{}", path, i);
  }
  const std::string target = folder_ + "/" + kept;
  STRATA_CHECK(ensure_dirs_at(root_, folder_above(target), 0700));
  boost::json::object line{{"path", path},
                           {"kept", kept},
                           {"finding", to_string(finding.kind)},
                           {"subject", finding.subject},
                           {"found", finding.found},
                           {"why", why}};
  STRATA_TRY(Fd index,
             open_at(root_, folder_ + "/index.jsonl", O_WRONLY | O_APPEND | O_CREAT, 0600));
  STRATA_CHECK(write_all(index.get(), as_bytes(oci::go_json(line) + "\n")));
  STRATA_CHECK(sync(index.get()));
  return target;
}

Status LostFound::set_aside(const std::string& path, const Finding& finding,
                            const std::string& why) {
  STRATA_TRY(bool there, exists_at(root_, path));
  if (!there) return {};
  STRATA_TRY(std::string target, place_for(path, finding, why));
  if (::renameat(root_.get(), path.c_str(), root_.get(), target.c_str()) != 0) {
    if (errno == EXDEV) {
      return error(ErrorCode::kUnsupported,
                   "{} lies on another file system than strata/lost+found: move it away by hand",
                   path);
    }
    return errno_error(errno, "rename " + path);
  }
  STRATA_CHECK(sync_folder(root_, folder_above(target)));
  return sync_folder(root_, folder_above(path));
}

  if (std::string bytes = path_bytes(path); !bytes.empty()) line["pathBytes"] = bytes;
  if (std::string bytes = path_bytes(kept); !bytes.empty()) line["keptBytes"] = bytes;
Status LostFound::keep(const std::string& path, const Finding& finding, const std::string& why) {
  Result<struct stat> info = lstat_at(root_, path);
  if (!info.ok() && info.error().code() == ErrorCode::kNotFound) return {};
  if (!info.ok()) return std::move(info).error();
  if (!S_ISREG(info->st_mode)) return set_aside(path, finding, why);
  STRATA_TRY(std::string target, place_for(path, finding, why));
  if (::linkat(root_.get(), path.c_str(), root_.get(), target.c_str(), 0) != 0) {
    return errno_error(errno, "link " + path);
  }
  return sync_folder(root_, folder_above(target));
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
