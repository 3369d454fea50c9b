// SPDX-License-Identifier: Apache-2.0
//   overlay2/                0710
//     l/<ID>                 symlink to ../<cache-id>/diff; ID: 26 characters of A-Z2-7
//     <cache-id>/            0710
//       diff/                0755, the files of this layer
//       link                 0644, ID, no newline
//       lower                0644, "l/" ID *(":l/" ID), nearest first, base last; absent in a base
//       layer work/                0700, absent in a base layer committed            0600, empty:
//       finished, mounted read-only only
// Source: FORMATS sections 2 and 2.1.
#include "driver/overlay2.h"

#include <dirent.h>

#include <algorithm>
#include <array>

#include "driver/mount.h"

namespace strata::driver {
namespace {

constexpr std::string_view kHome = "overlay2";
constexpr std::string_view kLinkAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr size_t kLinkSize = 26;
// An image of kMaxLayers with a container's init layer and its own upon them, and one to spare.
constexpr size_t kMaxLower = 128;
constexpr std::array<std::string_view, 5> kOwnNames = {"diff", "link", "lower", "work",
                                                       "committed"};

std::string home_path(std::string_view rest) { return fmt::format("{}/{}", kHome, rest); }
std::string layer_path(const CacheId& cache, std::string_view rest) {
  return fmt::format("{}/{}/{}", kHome, cache.name(), rest);
}

// A link is used as a name below l/; a damaged one must not reach anything else.
Result<std::string> checked_link(std::string link, std::string_view owner) {
  while (!link.empty() && link.back() == '\n') link.pop_back();
  if (!CacheId::parse(link).ok() || link.find(':') != std::string::npos) {
    return error(ErrorCode::kCorrupt, "{}: link is \"{}\", expected 26 characters of A-Z2-7", owner,
                 link.substr(0, 100));
  }
  return link;
}

std::vector<std::string> split_lower(std::string_view lower) {
  while (!lower.empty() && lower.back() == '\n') lower.remove_suffix(1);
  std::vector<std::string> parts;
  while (!lower.empty()) {
    size_t colon = std::min(lower.find(':'), lower.size());
    parts.emplace_back(lower.substr(0, colon));
    lower.remove_prefix(std::min(colon + 1, lower.size()));
  }
  return parts;
}

// Work files of the unpacker are not part of the layer.
Status drop_foreign_names(const Fd& staged) {
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(staged, "."));
  for (const DirEntry& entry : entries) {
    if (std::find(kOwnNames.begin(), kOwnNames.end(), entry.name) != kOwnNames.end()) continue;
    STRATA_CHECK(remove_tree_at(staged, entry.name));
  }
  return {};
}

}  // namespace

std::string random_link() {
  std::string hex = random_hex(kLinkSize);
  std::string link;
  for (size_t i = 0; i < hex.size(); i += 2) {
    link.push_back(kLinkAlphabet[std::stoul(hex.substr(i, 2), nullptr, 16) % kLinkAlphabet.size()]);
  }
  return link;
}

bool is_link_name(std::string_view name) {
  return name.size() == kLinkSize && name.find_first_not_of(kLinkAlphabet) == std::string::npos;
}

Status Overlay2::create_home() {
  STRATA_CHECK(ensure_dir_at(root_, std::string(kHome), 0710));
  return ensure_dir_at(root_, home_path("l"), 0700);
}

Result<bool> Overlay2::exists(const CacheId& cache) const {
  return exists_at(root_, layer_path(cache, "diff"));
}

Result<bool> Overlay2::can_carry(const CacheId& cache) const {
  STRATA_TRY(bool there, exists(cache));
  if (!there) return false;
  STRATA_TRY(std::optional<std::string> link,
             read_file_if_exists_at(root_, layer_path(cache, "link")));
  Result<std::string> checked = checked_link(link.value_or(""), cache.name());
  if (!checked.ok()) return false;
  return points_to(*checked, cache);
}

Status Overlay2::inherit(const Fd& staged, const CacheId& old) {
  STRATA_TRY(std::string link, link_of(old));
  return link.empty() ? Status() : write_file_at(staged, "link", link, 0644);
}

Result<bool> Overlay2::lies_on(const CacheId& cache, const CacheId& below) const {
  STRATA_TRY(std::optional<std::string> lower,
             read_file_if_exists_at(root_, layer_path(cache, "lower")));
  Result<std::string> expected = lower_on({.published = &below});
  if (!expected.ok() && !is_damage(expected.error())) return std::move(expected).error();
  if (!lower || !expected.ok()) return false;
  std::vector<std::string> parts = split_lower(*lower);
  if (parts != split_lower(*expected)) return false;
  return points_to(parts.front().substr(2), below);
}

Result<std::vector<CacheId>> Overlay2::list() const {
  Result<std::vector<DirEntry>> entries = list_dir_at(root_, std::string(kHome));
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) {
    return std::vector<CacheId>();
  }
  if (!entries.ok()) return std::move(entries).error();
  std::vector<CacheId> caches;
  for (const DirEntry& entry : *entries) {
    if (entry.name == "l" || entry.type == DT_BLK) continue;  // DT_BLK: backingFsBlockDev
    STRATA_TRY(CacheId cache, CacheId::parse(entry.name));
    caches.push_back(std::move(cache));
  }
  std::sort(caches.begin(), caches.end());
  return caches;
}

Result<Fd> Overlay2::open_files(const CacheId& cache) const {
  return open_dir_at(root_, layer_path(cache, "diff"));
}

Result<std::vector<Fd>> Overlay2::open_stack(const CacheId& top) const {
  std::vector<Fd> layers;
  STRATA_TRY(Fd diff, open_files(top));
  layers.push_back(std::move(diff));
  STRATA_TRY(std::optional<std::string> lower,
             read_file_if_exists_at(root_, layer_path(top, "lower")));
  for (const std::string& part : split_lower(lower.value_or(""))) {
    std::string_view name = part;
    if (name.starts_with("l/")) name.remove_prefix(2);
    STRATA_TRY(std::string link, checked_link(std::string(name), top.name()));
    Result<Fd> layer = open_dir_at(root_, home_path("l/" + link));
    if (!layer.ok()) {
      return error(ErrorCode::kCorrupt, "layer {} lies on l/{}: {}", top, link,
                   layer.error().message());
    }
    layers.push_back(std::move(*layer));
  }
  return layers;
}

Result<Fd> Overlay2::open_folder(const CacheId& cache) const {
  return open_dir_at(root_, home_path(cache.name()));
}

Result<std::string> Overlay2::lower_on(const Below& below) const {
  Fd published;
  if (below.published != nullptr) {
    STRATA_TRY(published, open_dir_at(root_, home_path(below.published->name())));
  }
  const Fd& folder = below.published != nullptr ? published : *below.staged;
  STRATA_TRY(std::string link, read_file_at(folder, "link"));
  STRATA_TRY(link, checked_link(std::move(link), "the layer below"));
  STRATA_TRY(std::optional<std::string> rest, read_file_if_exists_at(folder, "lower"));
  std::vector<std::string> parts = split_lower(rest.value_or(""));
  if (parts.size() + 1 > kMaxLower) return error(ErrorCode::kInvalid, "max depth exceeded");
  std::string lower = "l/" + link;
  for (const std::string& part : parts) lower += ":" + part;
  return lower;
}

Status Overlay2::prepare(const Fd& staged, const Below& below) {
  STRATA_CHECK(drop_foreign_names(staged));
  STRATA_TRY(bool has_link, exists_at(staged, "link"));
  if (!has_link) STRATA_CHECK(write_file_at(staged, "link", random_link(), 0644));
  if (!below.none()) {
    STRATA_TRY(std::string lower, lower_on(below));
    STRATA_CHECK(write_file_at(staged, "lower", lower, 0644));
    // A mount that was written through leaves things in it.
    STRATA_CHECK(remove_tree_at(staged, "work"));
    STRATA_CHECK(mkdir_at(staged, "work", 0700));
  }
  STRATA_CHECK(write_file_at(staged, "committed", "", 0600));
  if (::fchmod(staged.get(), 0710) != 0) return errno_error(errno, "chmod a staged layer");
  return {};
}

Result<std::string> Overlay2::side_name(const Fd& staged) const {
  STRATA_TRY(std::string link, read_file_at(staged, "link"));
  return checked_link(std::move(link), "a staged layer");
}

Status Overlay2::publish(const Fd& staging, const std::string& name, const CacheId& cache) {
  STRATA_TRY(Fd staged, open_dir_at(staging, name));
  STRATA_TRY(std::string link, side_name(staged));
  STRATA_CHECK(symlink_at(fmt::format("../{}/diff", cache.name()), root_, home_path("l/" + link)));
  return rename_at(staging, name, root_, home_path(cache.name()), Existing::kKeep);
}

Result<std::string> Overlay2::link_of(const CacheId& cache) const {
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(root_, layer_path(cache, "link")));
  Result<std::string> link = checked_link(text.value_or(""), cache.name());
  if (link.ok()) return link;
  // Damaged or gone, so it is found from the other end.
  STRATA_TRY(std::vector<DirEntry> links, list_dir_at(root_, home_path("l")));
  for (const DirEntry& entry : links) {
    STRATA_TRY(bool found, points_to(entry.name, cache));
    if (found) return entry.name;
  }
  return std::string();
}

Result<bool> Overlay2::points_to(const std::string& link, const CacheId& cache) const {
  const std::string path = home_path("l/" + link);
  Result<struct stat> info = lstat_at(root_, path);
  if (!info.ok() && !is_damage(info.error())) return std::move(info).error();
  if (!info.ok() || !S_ISLNK(info->st_mode)) return false;
  STRATA_TRY(std::string target, readlink_at(root_, path));
  return target == fmt::format("../{}/diff", cache.name());
}

Status Overlay2::remove(const CacheId& cache, const std::string& side_name) {
  std::string link = side_name;
  if (link.empty()) {
    STRATA_TRY(link, link_of(cache));
  }
  // A link that names another layer is that layer's.
  if (!link.empty()) {
    STRATA_TRY(bool ours, points_to(link, cache));
    if (ours) STRATA_CHECK(unlink_at(root_, home_path("l/" + link)));
  }
  return remove_tree_at(root_, home_path(cache.name()));
}

Status Overlay2::sync_names() {
  STRATA_TRY(Fd links, open_dir_at(root_, home_path("l")));
  STRATA_CHECK(sync(links.get()));
  STRATA_TRY(Fd home, open_dir_at(root_, std::string(kHome)));
  return sync(home.get());
}

Result<GraphData> Overlay2::graph_data(const CacheId& cache) const {
  std::string layer = fmt::format("{}/{}/{}", root_path_, kHome, cache.name());
  GraphData data = {{"MergedDir", layer + "/merged"},
                    {"UpperDir", layer + "/diff"},
                    {"WorkDir", layer + "/work"}};
  STRATA_TRY(std::optional<std::string> lower,
             read_file_if_exists_at(root_, layer_path(cache, "lower")));
  std::string lower_dirs;
  for (const std::string& part : split_lower(lower.value_or(""))) {
    STRATA_TRY(std::string target, readlink_at(root_, home_path(part)));
    if (target.starts_with("../")) target.erase(0, 3);
    if (!lower_dirs.empty()) lower_dirs += ":";
    lower_dirs += fmt::format("{}/{}/{}", root_path_, kHome, target);
  }
  if (!lower_dirs.empty()) data["LowerDir"] = lower_dirs;
  return data;
}

Status Overlay2::mount_read_only(const CacheId& top, const std::string& target) const {
  STRATA_TRY(Fd home, open_dir_at(root_, std::string(kHome)));
  STRATA_TRY(std::optional<std::string> lower,
             read_file_if_exists_at(root_, layer_path(top, "lower")));
  std::vector<std::string> layers = {top.name() + "/diff"};
  for (std::string& part : split_lower(lower.value_or(""))) layers.push_back(std::move(part));
  return mount_lower_read_only(home, layers, target);
}

Status Overlay2::mount_writable(const Fd& folder, const std::string& target, FileSyncs syncs,
                                const Fd* bottom) const {
  STRATA_TRY(Fd home, open_dir_at(root_, std::string(kHome)));
  STRATA_TRY(std::optional<std::string> lower, read_file_if_exists_at(folder, "lower"));
  std::vector<std::string> below = split_lower(lower.value_or(""));
  if (bottom != nullptr) below.push_back(fmt::format("/proc/self/fd/{}", bottom->get()));
  return mount_upper(home, below, folder, syncs, target);
}

}  // namespace strata::driver
