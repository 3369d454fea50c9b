// SPDX-License-Identifier: Apache-2.0
//
// record    := image "\n" target "\n"
// mountinfo := lines of "ID parent major:minor root TARGET options ..."; space, tab, newline and
// backslash in TARGET
//              are written as \ooo.   Source: proc(5), "/proc/pid/mountinfo"
#include "store/mounts.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <set>

namespace strata::store {
namespace {

constexpr const char* kFolder = "strata/mounts";
constexpr size_t kMountInfoBytes = 64u << 20;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// The fifth field of every line.
std::set<std::string> mount_points(std::string_view mountinfo) {
  std::set<std::string> points;
  while (!mountinfo.empty()) {
    std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
    for (int field = 1; field < 5 && !line.empty(); ++field) {
      size_t space = line.find(' ');
      line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    }
    points.insert(unescape(line.substr(0, line.find(' '))));
  }
  return points;
}

Result<ImageMount> parse_record(std::string name, const std::string& text) {
  size_t end_of_image = text.find('\n');
  size_t end = text.rfind('\n');
  if (end_of_image == std::string::npos || end == end_of_image) {
    return error(ErrorCode::kCorrupt, "{}/{}: expected an image and a target", kFolder, name);
  }
  STRATA_TRY(ImageId image, ImageId::parse(text.substr(0, end_of_image)));
  return ImageMount{std::move(name), image, text.substr(end_of_image + 1, end - end_of_image - 1)};
}

}  // namespace

bool is_read_only(const Store& store) {
  struct statvfs info {};
  return ::fstatvfs(store.root().get(), &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

Result<std::string> record_mount(const Store& store, const ImageId& image,
                                 const std::string& target) {
  if (is_read_only(store)) return std::string();
  STRATA_CHECK(ensure_dirs_at(store.root(), kFolder, 0700));
  std::string name = random_hex(8);
  std::string path = fmt::format("{}/{}", kFolder, name);
  STRATA_CHECK(write_file_at(store.root(), path, fmt::format("{}\n{}\n", image, target), 0600));
  return name;
}

Status forget_mount(const Store& store, const std::string& record) {
  if (record.empty()) return {};
  return unlink_at(store.root(), fmt::format("{}/{}", kFolder, record));
}

Result<std::vector<ImageMount>> list_mounts(const Store& store) {
  Result<std::vector<DirEntry>> records = list_dir_at(store.root(), kFolder);
  if (!records.ok() && records.error().code() == ErrorCode::kNotFound)
    return std::vector<ImageMount>();
  if (!records.ok()) return std::move(records).error();
  std::vector<ImageMount> mounts;
  if (records->empty()) return mounts;
  // A file of /proc says that its size is 0, so it is read as a stream.
  STRATA_TRY(Fd file, open_path("/proc/self/mountinfo", O_RDONLY));
  FdSource source(file.get());
  STRATA_TRY(std::string mountinfo, read_to_end(source, kMountInfoBytes));
  std::set<std::string> points = mount_points(mountinfo);
  for (const DirEntry& entry : *records) {
    Result<std::string> text =
        read_file_at(store.root(), fmt::format("{}/{}", kFolder, entry.name));
    if (!text.ok()) continue;
    Result<ImageMount> mount = parse_record(entry.name, *text);
    if (mount.ok() && points.contains(mount->target)) mounts.push_back(std::move(*mount));
  }
  std::sort(mounts.begin(), mounts.end(),
            [](const auto& a, const auto& b) { return a.target < b.target; });
  return mounts;
}

}  // namespace strata::store
