// SPDX-License-Identifier: Apache-2.0
// The headers that Go's archive/tar Writer makes for Format PAX: ustar if it can, else pax.
//
//   ustar  one block; a name of 101 to 256 bytes is split at a '/' into prefix and name
//   pax    'x' block, records, padding, then the block, whose text fields have lost their non-ASCII
//          characters and are cut, and whose numbers that do not fit are 0
//   'x'    name <dir>/PaxHeaders.0/<base>, cleaned, ASCII only, 100 bytes at most; all else 0
//   records  sorted by key: those of gid, gname, linkpath, path, size, uid, uname, mtime that ustar
//            cannot hold; mtime when it has nanoseconds; atime and ctime when given; SCHILY.xattr.*
//
// Source: Go 1.19's archive/tar; tests compare with headers of dockerd 20.10 and 28 and of Go.
#include "tar/writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "tar/path.h"
#include "tar/pax.h"
#include "tar/utf8.h"

namespace strata::tar {
namespace {

using Records = std::map<std::string, std::string>;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
}

std::string to_ascii(std::string_view text) {
  std::string ascii;
  std::copy_if(text.begin(), text.end(), std::back_inserter(ascii), [](char c) { return c > 0; });
  return ascii;
}

struct SplitName {
  std::string_view prefix;
  std::string_view name;
};

// Cuts a long name at the last '/' that leaves a prefix that fits; the prefix is empty otherwise.
SplitName split_name(std::string_view name) {
  if (name.size() <= kNameField.size || !is_ascii(name)) return {{}, name};
  size_t length = name.size();
  if (length > kPrefixField.size + 1u) {
    length = kPrefixField.size + 1u;
  } else if (name.ends_with('/')) {
    --length;
  }
  const size_t slash = name.substr(0, length).rfind('/');
  if (slash == std::string_view::npos || slash == 0 || slash > kPrefixField.size) return {{}, name};
  const std::string_view rest = name.substr(slash + 1);
  if (rest.empty() || rest.size() > kNameField.size) return {{}, name};
  return {name.substr(0, slash), rest};
}

uint32_t type_bits(char type) {
  switch (type) {
    case kSymlink:
      return S_IFLNK;
    case kCharDevice:
      return S_IFCHR;
    case kBlockDevice:
      return S_IFBLK;
    case kDirectory:
      return S_IFDIR;
    case kFifo:
      return S_IFIFO;
    default:
      return S_IFREG;
  }
}

// dockerd makes the headers of whiteouts by itself, not from a file, and so without type bits.
bool is_whiteout(std::string_view name) {
  return name.substr(name.rfind('/') + 1).starts_with(".wh.");
}

// The member as it is to be written.
Member styled(const Member& member, HeaderStyle style) {
  Member out = member;
  if (style == HeaderStyle::kDocker28) {
    out.mode &= 07777;
    out.user_name.clear();
    out.group_name.clear();
  } else if ((out.mode & S_IFMT) == 0 && !is_whiteout(out.name)) {
    out.mode |= type_bits(out.type);
  }
  return out;
}

Status check(const Member& member) {
  const auto refuse = [&](std::string_view why) {
    return error(ErrorCode::kInvalid, "no tar header for {}: {}", quoted(member.name), why);
  };
  const std::string_view metas{"xgLKS", 5};
  if (metas.find(member.type) != std::string_view::npos) return refuse("its type is not a file's");
  if (member.name.ends_with('/') && member.type != kDirectory && member.type != kHardLink &&
      member.type != kSymlink) {
    return refuse("the name of what is no directory ends in '/'");
  }
  for (const std::string* text :
       {&member.name, &member.link_name, &member.user_name, &member.group_name}) {
    if (text->find('\0') != std::string::npos) return refuse("a NUL in a name");
  }
  for (const auto& [name, value] : member.xattrs) {
    if (name.find('\0') != std::string::npos || name.find('=') != std::string::npos) {
      return refuse("an xattr name with NUL or '='");
    }
  }
  if (!fits_octal(member.mode, kModeField)) return refuse("mode out of range");
  if (!fits_octal(member.dev_major, kDevMajorField) ||
      !fits_octal(member.dev_minor, kDevMinorField)) {
    return refuse("device number out of range");
  }
  if (member.size_bytes > INT64_MAX) return refuse("size out of range");
  return {};
}

// What the ustar block cannot hold, and a name that it can hold only when split.
Records records_of(const Member& member) {
  Records records;
  const auto add_text = [&](const char* key, const std::string& text, Field field) {
    if (!is_ascii(text) || text.size() > field.size) records[key] = text;
  };
  const auto add_number = [&](const char* key, int64_t number, Field field) {
    if (!fits_octal(number, field)) records[key] = std::to_string(number);
  };
  add_text("path", member.name, kNameField);
  add_text("linkpath", member.link_name, kLinkNameField);
  add_text("uname", member.user_name, kUserNameField);
  add_text("gname", member.group_name, kGroupNameField);
  add_number("uid", member.uid, kUidField);
  add_number("gid", member.gid, kGidField);
  add_number("size", static_cast<int64_t>(member.size_bytes), kSizeField);
  if (member.mtime_nanoseconds > 0 || !fits_octal(member.mtime_seconds, kMtimeField)) {
    records["mtime"] = pax_time(member.mtime_seconds, member.mtime_nanoseconds);
  }
  if (member.has_atime) records["atime"] = pax_time(member.atime_seconds, member.atime_nanoseconds);
  if (member.has_ctime) records["ctime"] = pax_time(member.ctime_seconds, member.ctime_nanoseconds);
  for (const auto& [name, value] : member.xattrs) {
    records[std::string(kXattrKey) + name] = value;
  }
  return records;
}

std::string file_block(const Member& member, bool pax) {
  std::string text(kBlockBytes, '\0');
  const MutableBlock block(reinterpret_cast<std::byte*>(text.data()), kBlockBytes);
  const auto put = [&](Field field, std::string_view value) {
    put_text(block, field, pax ? to_ascii(value) : value);
  };
  const SplitName name = pax ? SplitName{{}, member.name} : split_name(member.name);
  put(kNameField, name.name);
  put(kPrefixField, name.prefix);
  put(kLinkNameField, member.link_name);
  put(kUserNameField, member.user_name);
  put(kGroupNameField, member.group_name);
  put_octal(block, kModeField, member.mode);
  put_octal(block, kUidField, member.uid);
  put_octal(block, kGidField, member.gid);
  put_octal(block, kSizeField, static_cast<int64_t>(member.size_bytes));
  put_octal(block, kMtimeField, member.mtime_seconds);
  put_octal(block, kDevMajorField, member.dev_major);
  put_octal(block, kDevMinorField, member.dev_minor);
  block[kTypeField.offset] = static_cast<std::byte>(member.type);
  seal_ustar(block);
  return text;
}

// The name of the 'x' member: path.Join(dir, "PaxHeaders.0", base), and of that what fits.
std::string pax_member_name(std::string_view name) {
  const size_t slash = name.rfind('/') + 1;  // 0 when there is none
  const std::string joined =
      fmt::format("{}/PaxHeaders.0/{}", name.substr(0, slash), name.substr(slash));
  std::string ascii = to_ascii((name.starts_with('/') ? "/" : "") + clean_path(joined));
  ascii.resize(std::min<size_t>(ascii.size(), kNameField.size));
  return ascii.erase(ascii.find_last_not_of('/') + 1);
}

std::string pax_member(const Member& member, const std::string& records) {
  std::string text(kBlockBytes, '\0');
  const MutableBlock block(reinterpret_cast<std::byte*>(text.data()), kBlockBytes);
  put_text(block, kNameField, pax_member_name(member.name));
  for (Field field : {kModeField, kUidField, kGidField, kMtimeField}) put_octal(block, field, 0);
  put_octal(block, kSizeField, static_cast<int64_t>(records.size()));
  block[kTypeField.offset] = static_cast<std::byte>(kPaxHeader);
  seal_ustar(block);
  text += records;
  text.append(padding_bytes(records.size()), '\0');
  return text;
}

}  // namespace

char type_of_mode(uint32_t mode) {
  for (char type : {kDirectory, kSymlink, kCharDevice, kBlockDevice, kFifo}) {
    if ((mode & S_IFMT) == type_bits(type)) return type;
  }
  return kRegular;
}

Result<std::string> encode_header(const Member& member, HeaderStyle style) {
  const Member out = styled(member, style);
  STRATA_CHECK(check(out));
  const Records records = records_of(out);
  const bool only_path = records.size() == 1 && records.begin()->first == "path";
  if (records.empty() || (only_path && !split_name(out.name).prefix.empty())) {
    return file_block(out, false);
  }
  std::string text;
  for (const auto& [key, value] : records) text += pax_record(key, value);
  if (text.size() > kMaxMetaBytes) {
    return error(ErrorCode::kInvalid, "no tar header for {}: {} bytes of pax records, limit {}",
                 quoted(out.name), text.size(), kMaxMetaBytes);
  }
  return pax_member(out, text) + file_block(out, true);
}

}  // namespace strata::tar
