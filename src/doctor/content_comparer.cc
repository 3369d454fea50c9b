// SPDX-License-Identifier: Apache-2.0
#include "doctor/content_comparer.h"

#include <dirent.h>

#include <algorithm>
#include <cstring>

#include "doctor/place.h"
#include "driver/tree_writer.h"
#include "tar/path.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";
constexpr std::string_view kOpaqueXattr = "trusted.overlay.opaque";

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string describe(const tar::Member& member, const DiskRules& rules) {
  std::string text(type_name(type_of(member, rules)));
  if (member.type == tar::kHardLink) return "a hard link to " + member.link_name;
  if (member.type == tar::kSymlink) text += " to " + member.link_name;
  if (type_of(member, rules) == S_IFREG)
    text += fmt::format(" of {} bytes", member.logical_size_bytes());
  return text;
}

std::string crc_text(const std::array<uint8_t, 8>& crc) {
  return fmt::format("CRC-64 {:02x}", fmt::join(crc, ""));
}

// Nothing that the layer can be blamed for.
bool is_no_fault(const Error& error) {
  return ends_all(error) || error.code() == ErrorCode::kPermission;
}

// Not there, or behind something that is no folder.
bool is_missing(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kInvalid;
}

}  // namespace

// ---- the tar-split ----

ContentComparer::ContentComparer(const driver::LayerFiles& layer, Options options, TarBlocks& tar)
    : layer_(layer), options_(std::move(options)), tar_(tar), places_(*layer.files) {}

Status ContentComparer::run() {
  STRATA_TRY(content_.split_trouble, read_split(*layer_.split_file, *this, *options_.pool));
  tar_.flush();
  if (!content_.split_trouble.empty()) tar_.spoil();
  if (content_.split_trouble.empty() && options_.form == LayerForm::kOverlay)
    STRATA_CHECK(walk_folder());
  return {};
}

Status ContentComparer::on_segment(ByteSpan bytes) {
  tar_.add(bytes);
  return {};
}

Status ContentComparer::on_content(const tar::SplitEntry& entry, uint64_t bytes, bool expanded) {
  if (expanded || !current_.is_file) {
    content_lost_ = true;
    tar_.spoil();
  }
  return current_.is_file ? compare_content(entry, bytes) : Status();
}

Status ContentComparer::on_headless(const tar::SplitEntry& entry, uint64_t bytes) {
  current_ = {};
  current_.path = tar::clean_path(entry.name);
  current_.has_content = true;
  content_lost_ = true;
  tar_.spoil();
  STRATA_TRY(bool found,
             find_place(current_.path, current_.place, fmt::format("a file of {} bytes", bytes)));
  if (!found) return {};
  note(current_.place.path, NameSet::kNamed);
  STRATA_TRY(bool opened, open_file());
  return opened ? compare_content(entry, bytes) : Status();
}

Status ContentComparer::compare_content(const tar::SplitEntry& entry, uint64_t bytes) {
  const Fd& file = current_.opened;
  Crc64 crc;
  uint64_t done = 0;
  while (done < bytes) {
    STRATA_CHECK(options_.pool->check_cancelled());
    MutableByteSpan space = tar_.room();
    if (space.size() > bytes - done) space = space.first(static_cast<size_t>(bytes - done));
    Result<size_t> count = pread_full(file.get(), space, done);
    if (!count.ok()) return cannot_read(count.error());
    if (*count == 0) break;
    crc.update(space.first(*count));
    done += *count;
    tar_.added(*count);
    content_.bytes += *count;
    if (options_.on_bytes) options_.on_bytes(*count);
  }
  if (done < bytes) {
    fault_of_content(Kind::kFileChanged, fmt::format("{} bytes", bytes),
                     fmt::format("{} bytes", done));
  } else if (crc.big_endian() != entry.crc) {
    fault_of_content(Kind::kFileChanged, fmt::format("{} bytes, {}", bytes, crc_text(entry.crc)),
                     crc_text(crc.big_endian()));
  } else {
    return {};
  }
  content_lost_ = true;
  tar_.spoil();
  return {};
}

Result<bool> ContentComparer::open_file() {
  Result<Fd> opened =
      open_at(*current_.place.folder, current_.place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!opened.ok()) {
    STRATA_CHECK(cannot_read(opened.error()));
    return false;
  }
  current_.opened = std::move(opened).value();
  return true;
}

Status ContentComparer::cannot_read(const Error& error) {
  if (is_no_fault(error)) return error;
  content_lost_ = true;
  tar_.spoil();
  fault_of_content(is_missing(error) ? Kind::kFileMissing : Kind::kFileChanged,
                   "content that can be read", error.message());
  return {};
}

// ---- members ----

Status ContentComparer::on_member(const tar::Member& member) {
  current_ = {};
  ++members_;
  if (member.type == tar::kPaxGlobal) return {};
  current_.number = members_;
  current_.path = tar::clean_path(member.name);
  if (current_.path == ".") return {};  // docker leaves the root as it is
  return driver::TreeWriter::is_whiteout(member) ? check_whiteout(member) : check_named(member);
}

// False: a folder on the way is not there, which is a fault of this name too.
Result<bool> ContentComparer::find_place(const std::string& path, driver::MemberPlace& place,
                                         const std::string& expected) {
  Result<driver::MemberPlace> found = places_.find(path);
  if (found.ok()) {
    place = std::move(found).value();
    return true;
  }
  if (is_no_fault(found.error())) return std::move(found).error();
  place.path = path;
  note(path, NameSet::kNamed);
  current_.place.path = path;
  fault(is_missing(found.error()) ? Kind::kFileMissing : Kind::kFileChanged, expected,
        is_missing(found.error()) ? "nothing" : found.error().message());
  return false;
}

Status ContentComparer::check_named(const tar::Member& member) {
  const std::string expected = describe(member, options_.rules);
  const mode_t type = type_of(member, options_.rules);
  current_.has_content = type == S_IFREG && member.logical_size_bytes() > 0;
  STRATA_TRY(bool found, find_place(current_.path, current_.place, expected));
  if (!found) return {};
  uint8_t flags = NameSet::kNamed;
  if (member.type == tar::kDirectory) flags |= NameSet::kFolder;
  auto opaque = member.xattrs.find(std::string(kOpaqueXattr));
  if (opaque != member.xattrs.end() && opaque->second == "y") flags |= NameSet::kOpaque;
  note(current_.place.path, flags);
  Result<struct stat> info = lstat_at(*current_.place.folder, current_.place.name);
  if (!info.ok()) {
    if (is_missing(info.error())) {
      fault(Kind::kFileMissing, expected, "nothing");
      return {};
    }
    return cannot_read(info.error());
  }
  if (member.type == tar::kHardLink) return check_link(member, *info);
  if (type == 0) return {};
  if ((info->st_mode & S_IFMT) != type) {
    fault(current_.has_content ? Kind::kFileChanged : Kind::kFileMetadata, expected,
          std::string(type_name(info->st_mode)));
    return {};
  }
  const bool is_device = member.type == tar::kCharDevice || member.type == tar::kBlockDevice;
  if (type == S_IFREG && !is_device) {
    STRATA_TRY(bool opened, open_file());
    if (!opened) return {};
  }
  STRATA_CHECK(check_metadata(member, *info));
  if (type != S_IFREG || is_device) return {};
  const uint64_t size_bytes = static_cast<uint64_t>(info->st_size);
  if (size_bytes != member.logical_size_bytes()) {
    fault_of_content(Kind::kFileChanged, fmt::format("{} bytes", member.logical_size_bytes()),
                     fmt::format("{} bytes", size_bytes));
    return {};
  }
  current_.is_file = true;
  return {};
}

Status ContentComparer::check_metadata(const tar::Member& member, const struct stat& info) {
  Result<MemberDifferences> compared =
      compare_member(member, current_.place, info,
                     current_.opened.valid() ? &current_.opened : nullptr, options_.rules);
  if (!compared.ok() && compared.error().code() == ErrorCode::kIo)
    return cannot_read(compared.error());
  STRATA_TRY(const MemberDifferences differences, std::move(compared));
  written_through_mount_ |= differences.has_fraction;
  const bool can_be_linked = info.st_nlink > 1 && !S_ISDIR(info.st_mode);
  if (!differences.status.none()) {
    fault(Kind::kFileMetadata, differences.status.expected, differences.status.found,
          can_be_linked ? info.st_ino : 0);
  }
  if (!differences.own.none()) {
    fault(Kind::kFileMetadata, differences.own.expected, differences.own.found,
          can_be_linked ? info.st_ino : 0);
  }
  if (!differences.added_xattrs.empty() && added_xattrs_.size() < kFaultsMax) {
    added_xattrs_.push_back({{current_.path, Kind::kFileMetadata, "no more xattrs",
                              differences.added_xattrs, false, current_.number},
                             info.st_ino});
  }
  return {};
}

Status ContentComparer::check_link(const tar::Member& member, const struct stat& info) {
  // chown takes capabilities away, so what the first name said of the inode does not count any more.
  faults_.forget_inode(info.st_ino);
  std::erase_if(added_xattrs_, [&](const AddedXattrs& a) { return a.inode == info.st_ino; });
  STRATA_CHECK(check_metadata(member, info));
  driver::MemberPlaces places(*layer_.files);
  Result<driver::MemberPlace> target = places.find(tar::clean_path(member.link_name));
  Result<struct stat> other =
      target.ok() ? lstat_at(*target->folder, target->name) : Result<struct stat>(target.error());
  if (!other.ok() && is_missing(other.error())) return {};  // a fault of its own
  if (!other.ok()) return cannot_read(other.error());
  if (is_same_file(*other, info)) return {};
  // What was said of the other's mode and time was by its own header; this one would have set them anew.
  faults_.forget_inode(other->st_ino);
  faults_.add_link(current_.place.path,
                   {current_.path, Kind::kFileMetadata, "a hard link to " + member.link_name,
                    "a file of its own", false, current_.number},
                   target->path);
  return {};
}

// .wh.x is a device x; .wh..wh..opq a mark of its folder. A name that this layer had before needs neither, but a folder becomes
// opaque.
Status ContentComparer::check_whiteout(const tar::Member& member) {
  const std::string folder = folder_of(current_.path);
  const std::string name = current_.path.substr(folder.empty() ? 0 : folder.size() + 1);
  driver::MemberPlace& place = current_.place;
  if (name == kOpaqueName) {
    STRATA_TRY(bool found, find_place(current_.path, place, "an opaque folder"));
    if (!found) return {};
    const std::string marked = folder_of(place.path);
    note_parents(place.path);
    names_.set(marked, names_.find(marked) | NameSet::kFolder | NameSet::kOpaque);
    return {};
  }
  const std::string hidden =
      (folder.empty() ? "" : folder + "/") + name.substr(kWhiteoutPrefix.size());
  STRATA_TRY(bool found, find_place(hidden, place, "a whiteout"));
  if (!found) return {};
  if (const uint8_t before = names_.find(place.path); before != 0) {
    if ((before & NameSet::kFolder) != 0) names_.set(place.path, before | NameSet::kOpaque);
    return {};
  }
  if (options_.form == LayerForm::kWholeTree) return check_nothing_there(place.path);
  note(place.path, NameSet::kNamed);
  Result<struct stat> info = lstat_at(*place.folder, place.name);
  if (!info.ok() && !is_missing(info.error())) return cannot_read(info.error());
  if (!info.ok()) {
    fault(Kind::kFileMissing, "a whiteout (character device 0:0)", "nothing");
    return {};
  }
  const Differences differences = compare_whiteout(member, *info, options_.rules);
  if (!differences.none()) fault(Kind::kFileMetadata, differences.expected, differences.found);
  return {};
}

Status ContentComparer::check_nothing_there(const std::string& path) {
  Result<struct stat> info = lstat_at(*current_.place.folder, current_.place.name);
  note(path, NameSet::kNamed);
  if (!info.ok() && !is_missing(info.error())) return cannot_read(info.error());
  if (info.ok())
    fault(Kind::kFileExtra, "nothing: the layer removes it", std::string(type_name(info->st_mode)));
  return {};
}

// Payload that stands in the tar-split itself: the file should have it, too.
Status ContentComparer::on_payload(ByteSpan bytes, uint64_t file_offset) {
  if (!current_.is_file || current_.differs) return {};
  std::array<std::byte, 16 * 1024> buffer;
  while (!bytes.empty() && !current_.differs) {
    const size_t wanted = std::min(bytes.size(), buffer.size());
    Result<size_t> count =
        pread_full(current_.opened.get(), MutableByteSpan(buffer).first(wanted), file_offset);
    if (!count.ok()) return cannot_read(count.error());
    current_.differs = *count != wanted || std::memcmp(buffer.data(), bytes.data(), wanted) != 0;
    bytes = bytes.subspan(wanted);
    file_offset += wanted;
    content_.bytes += wanted;
  }
  return {};
}

Status ContentComparer::on_member_end() {
  if (current_.differs)
    fault_of_content(Kind::kFileChanged, "the content that the tar-split has", "other content");
  current_.opened = Fd();
  return {};
}

// ---- names ----

// A member has that name. What was said of an earlier one does not count any more.
void ContentComparer::note(const std::string& path, uint8_t flags) {
  const uint8_t before = names_.find(path);
  if (before != 0) {
    const bool was_folder = (before & NameSet::kFolder) != 0;
    const bool is_folder = (flags & NameSet::kFolder) != 0;
    faults_.forget(path, was_folder && !is_folder);
    if (was_folder && is_folder) flags |= before;
  }
  names_.set(path, flags);
  note_parents(path);
}

void ContentComparer::note_parents(const std::string& path) {
  std::string folder = folder_of(path);
  if (folder == noted_parent_) return;
  noted_parent_ = folder;
  for (; !folder.empty() && names_.find(folder) == 0; folder = folder_of(folder)) {
    names_.set(folder, NameSet::kFolder);
  }
}

void ContentComparer::fault(Kind kind, const std::string& expected, const std::string& found,
                            ino_t inode) {
  faults_.add(current_.place.path,
              {current_.path, kind, expected, found,
               current_.has_content && kind != Kind::kFileMetadata, current_.number},
              inode);
}

void ContentComparer::fault_of_content(Kind kind, const std::string& expected,
                                       const std::string& found) {
  faults_.add(current_.place.path, {current_.path, kind, expected, found, true, current_.number});
}

// ---- what is too many ----

// No folder is listed twice, and what is below one that is too many is not looked at.
Status ContentComparer::walk_folder() {
  std::vector<std::string> waiting = {""};
  while (!waiting.empty()) {
    STRATA_CHECK(options_.pool->check_cancelled());
    const std::string path = std::move(waiting.back());
    waiting.pop_back();
    STRATA_CHECK(walk_one(path, waiting));
  }
  return {};
}

Status ContentComparer::walk_one(const std::string& path, std::vector<std::string>& waiting) {
  current_ = {};
  current_.path = current_.place.path = path;
  Result<Fd> folder = open_in_root(*layer_.files, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY,
                                   0, Symlinks::kRefuse);
  if (!folder.ok()) return cannot_read(folder.error());
  STRATA_CHECK(check_mark(path, *folder));
  Status listed = visit_dir_at(*folder, ".", [&](const DirEntry& entry) -> Status {
    std::string below = path.empty() ? entry.name : path + "/" + entry.name;
    STRATA_TRY(bool enter, is_known(below, *folder, entry));
    if (enter) waiting.push_back(std::move(below));
    return {};
  });
  current_.path = current_.place.path = path;
  return listed.ok() ? Status() : cannot_read(listed.error());
}

// True for a folder of the layer.
Result<bool> ContentComparer::is_known(const std::string& path, const Fd& folder,
                                       const DirEntry& entry) {
  unsigned char type = entry.type;
  const uint8_t known = names_.find(path);
  if (type == DT_UNKNOWN) {
    STRATA_TRY(struct stat info, lstat_at(folder, entry.name));
    type = IFTODT(info.st_mode);
  }
  if (known != 0) return type == DT_DIR && (known & NameSet::kFolder) != 0;
  if (type == DT_SOCK)
    return false;  // no tar has them; a layer that was written through a mount may
  current_.path = current_.place.path = path;
  fault(Kind::kFileExtra, "nothing", std::string(type_name(DTTOIF(type))));
  return false;
}

Status ContentComparer::check_mark(const std::string& path, const Fd& folder) {
  const bool expected = (names_.find(path) & NameSet::kOpaque) != 0;
  Result<bool> found = has_opaque_mark(folder, options_.rules);
  if (!found.ok()) return cannot_read(found.error());
  if (*found == expected) return {};
  if (path.empty()) current_.path = ".";
  fault(Kind::kFileMetadata, expected ? "an opaque mark" : "no opaque mark",
        expected ? "none" : "an opaque mark");
  return {};
}

LayerContent ContentComparer::take() {
  if (!written_through_mount_) {
    for (AddedXattrs& added : added_xattrs_) faults_.add(added.fault.name, std::move(added.fault));
  }
  content_.faults = faults_.take();
  content_.faults_total = faults_.total();
  const bool has_content_fault =
      std::any_of(content_.faults.begin(), content_.faults.end(), [](const FileFault& fault) {
        return fault.kind == Kind::kFileMissing || fault.kind == Kind::kFileChanged;
      });
  if (content_lost_ && !has_content_fault && content_.split_trouble.empty()) {
    content_.never_exact =
        "the tar-split takes content from a file that a later member replaced, or that stands for "
        "other bytes than the tar had";
  }
  return std::move(content_);
}

}  // namespace strata::doctor
