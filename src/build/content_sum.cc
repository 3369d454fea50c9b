// SPDX-License-Identifier: Apache-2.0
// sum    = SHA-256(fields content)
// fields = "name" name "mode" mode "uid" uid "gid" gid "size" size "typeflag" type "linkname" target
//          "uname" user "gname" group "devmajor" major "devminor" minor { xattr value }
// Numbers are decimal; type is the character of a tar header; a folder's name ends in '/'.
// Source: FORMATS section 7.3; histories that dockerd 20.10 has written.
#include "build/content_sum.h"

#include <grp.h>
#include <pwd.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "tar/writer.h"

namespace strata::build {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kEntriesAtOnce = 64;
constexpr mode_t kPermissions = 07777;
constexpr char kCapability[] = "security.capability";
constexpr size_t kMaxCapabilityBytes = 64;  // 24 today

std::string user_name(uid_t uid) {
  std::array<char, 16384> buffer;
  struct passwd entry, *found = nullptr;
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::string() : found->pw_name;
}

std::string group_name(gid_t gid) {
  std::array<char, 16384> buffer;
  struct group entry, *found = nullptr;
  ::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::string() : found->gr_name;
}

int64_t clock_now_ns() {
  struct timespec now;
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const char byte : text) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
  }
  return hash ^ (hash >> 29);
}

std::string sum_of_sums(std::string_view kind, std::string_view joined) {
  return fmt::format("{}:{}", kind, Digest::of(joined).hex());
}

// Digests sort as their hex digits do, and much faster.
std::string join_sorted(std::vector<Digest>& digests, std::vector<std::string>& texts) {
  std::sort(digests.begin(), digests.end());
  std::sort(texts.begin(), texts.end());
  std::string joined;
  joined.reserve(digests.size() * (Digest::kHexDigits + 1));
  auto text = texts.begin();
  auto add = [&](std::string_view sum) { joined.append(joined.empty() ? "" : ",").append(sum); };
  for (const Digest& digest : digests) {
    const std::string hex = digest.hex();
    for (; text != texts.end() && *text < hex; ++text) add(*text);
    add(hex);
  }
  for (; text != texts.end(); ++text) add(*text);
  return joined;
}

}  // namespace

struct ContentSums::Member {
  std::string path;  // in the tree
  const SourceEntry* entry;
  std::string link_name;  // target of a symlink; of a file that was met before its first name
  bool is_link = false;   // a further name of a file
};

Result<ContentSums::Known*> ContentSums::known(const std::string& folder) {
  const std::string key = tree_.kind() == SourceTree::Kind::kContext ? "." : folder;
  Known& known = known_[key];
  if (known.list != nullptr) return &known;
  STRATA_TRY(known.list, tree_.list(key, pool_));
  known.sums.resize(known.list->size());
  if (tree_.kind() == SourceTree::Kind::kContext) {
    for (size_t i = 0; i < known.list->size(); ++i) {
      const SourceEntry& entry = (*known.list)[i];
      if (entry.links > 1 && !entry.is_folder()) {
        known.first_names.try_emplace({entry.device, entry.inode}, i);
      }
    }
  }
  return &known;
}

std::string SumFields::to_text() const {
  return fmt::format(
      "name{}mode{}uid{}gid{}size{}typeflag{}linkname{}uname{}gname{}devmajor{}devminor{}", name,
      mode, uid, gid, size_bytes, type, link_name, user_name, group_name, dev_major, dev_minor);
}

std::string ContentSums::fields_of(const Member& member) const {
  const SourceEntry& entry = *member.entry;
  SumFields fields{member.path + (entry.is_folder() ? "/" : ""), entry.mode};
  fields.type = member.is_link ? tar::kHardLink : tar::type_of_mode(entry.mode);
  fields.link_name = member.link_name;
  if (form_ == SumForm::kDocker25) fields.mode &= kPermissions;
  if (entry.is_file() && !member.is_link) fields.size_bytes = entry.size_bytes;
  if (S_ISCHR(entry.mode) || S_ISBLK(entry.mode)) {
    fields.dev_major = major(entry.special);
    fields.dev_minor = minor(entry.special);
  }
  if (tree_.kind() == SourceTree::Kind::kStage) {
    fields.uid = entry.uid;
    fields.gid = entry.gid;
    if (form_ == SumForm::kDocker20) {
      fields.user_name = user_name(entry.uid);
      fields.group_name = group_name(entry.gid);
    }
  }
  return fields.to_text();
}

Status ContentSums::hash_file(const Member& member, Sha256& hash) const {
  STRATA_TRY(Fd file,
             open_in_root(tree_.top(), member.path, O_RDONLY | O_NOFOLLOW, 0, Symlinks::kRefuse));
  std::array<char, kMaxCapabilityBytes> capability;
  const ssize_t size = ::fgetxattr(file.get(), kCapability, capability.data(), capability.size());
  if (size > 0) {
    hash.update(as_bytes(kCapability));
    hash.update(as_bytes(std::string_view(capability.data(), static_cast<size_t>(size))));
  }
  thread_local std::vector<std::byte> buffer(kReadBytes);
  const uint64_t size_bytes = member.is_link ? 0 : member.entry->size_bytes;
  for (uint64_t at = 0; at < size_bytes;) {
    STRATA_TRY(const size_t count, pread_full(file.get(), buffer, at));
    if (count == 0) break;
    STRATA_CHECK(pool_.check_cancelled());
    hash.update(ByteSpan(buffer).first(std::min<uint64_t>(count, size_bytes - at)));
    at += count;
  }
  return {};
}

Result<Digest> ContentSums::sum_of(const Member& member, Sha256& hash) const {
  const std::string fields = fields_of(member);
  const SourceEntry& entry = *member.entry;
  if (!entry.is_file()) {
    hash.update(as_bytes(fields));
    return hash.finish();
  }
  const SumCache::Key key{entry.device,   entry.inode,    entry.size_bytes,
                          entry.mtime_ns, entry.ctime_ns, hash_of(fields)};
  if (cache_ != nullptr) {
    if (std::optional<Digest> kept = cache_->look_up(key)) return *kept;
  }
  const int64_t read_at_ns = clock_now_ns();
  hash.update(as_bytes(fields));
  STRATA_CHECK(hash_file(member, hash));
  const Digest sum = hash.finish();
  if (cache_ != nullptr) cache_->add(key, read_at_ns, sum);
  return sum;
}

Result<Digest> ContentSums::sum_of_entry(const Known& known, size_t index, Sha256& hash) const {
  const SourceList& list = *known.list;
  Member member{list.path(index), &list[index], {}};
  auto first = known.first_names.find({list[index].device, list[index].inode});
  if (list[index].links > 1 && first != known.first_names.end() && first->second != index) {
    member.is_link = true;
    member.link_name = list.path(first->second);
  } else if (list[index].is_symlink()) {
    STRATA_TRY(member.link_name, readlink_at(tree_.top(), member.path));
  }
  return sum_of(member, hash).context("{}", member.path);
}

// Docker takes the sum of what a link inside of a folder leads to; nothing if it leads round in a circle, and the path
// itself if it leads nowhere.
Result<std::optional<ContentSums::Sum>> ContentSums::sum_of_link(Known& known, size_t index) {
  const bool context = tree_.kind() == SourceTree::Kind::kContext;
  std::string path = known.list->path(index);
  Result<SourceTree::Place> place = tree_.find(path, pool_);
  if (!place.ok()) {
    if (place.error().code() != ErrorCode::kInvalid) return std::move(place).error();
    return std::optional<Sum>();
  }
  if (!place->exists) return std::optional(Sum{{}, context ? std::move(path) : place->path});
  if (tree_.member_sums() != nullptr) return std::optional(sum_of_member(place->path, path));
  if (context && (place->path == "." || place->entry.implied)) {
    return std::optional(Sum{{}, std::move(path)});
  }
  Sha256 hash;
  if (std::optional<size_t> target = known.list->find(place->path)) {
    if (!known.sums[*target]) {
      STRATA_TRY(known.sums[*target], sum_of_entry(known, *target, hash));
    }
    return std::optional(Sum{*known.sums[*target], {}});
  }
  STRATA_TRY(const Digest sum, sum_of(Member{place->path, &place->entry, {}}, hash));
  return std::optional(Sum{sum, {}});
}

ContentSums::Sum ContentSums::sum_of_member(const std::string& path,
                                            const std::string& otherwise) const {
  auto member = tree_.member_sums()->find(path);
  if (member == tree_.member_sums()->end()) return {{}, otherwise};
  return {member->second, {}};
}

Status ContentSums::fill(Known& known, size_t begin, size_t end, const Selection& selection) {
  const size_t pieces = (end - begin + kEntriesAtOnce - 1) / kEntriesAtOnce;
  return pool_.parallel_for(pieces, [&](size_t piece) -> Status {
    STRATA_CHECK(pool_.check_cancelled());
    Sha256 hash;
    const size_t first = begin + piece * kEntriesAtOnce;
    for (size_t i = first; i < std::min(end, first + kEntriesAtOnce); ++i) {
      const SourceEntry& entry = (*known.list)[i];
      if (entry.is_symlink() || entry.implied || known.sums[i] || !is_taken(selection, i)) continue;
      STRATA_TRY(known.sums[i], sum_of_entry(known, i, hash));
    }
    return {};
  });
}

// Nothing: docker leaves it out of the sum.
Result<std::optional<ContentSums::Sum>> ContentSums::sum_in_folder(Known& known, size_t index) {
  const SourceEntry& entry = (*known.list)[index];
  if (entry.is_symlink()) return sum_of_link(known, index);
  if (known.sums[index]) return std::optional(Sum{*known.sums[index], {}});
  std::string path = known.list->path(index);
  if (tree_.member_sums() != nullptr) return std::optional(sum_of_member(path, path));
  return std::optional(Sum{{}, std::move(path)});  // implied
}

Result<std::string> ContentSums::sum_of_folder(const SourceTree::Place& place,
                                               const Selection& selection) {
  STRATA_TRY(Known * known, this->known(place.path));
  const SourceList& list = *known->list;
  const std::optional<size_t> top = list.find(place.path);
  if (!top) return error(ErrorCode::kNotFound, "{} is gone", place.path);
  // Docker knows nothing of the tree's top.
  const size_t first = *top + (place.path == "." ? 1 : 0);
  if (tree_.member_sums() == nullptr) {
    STRATA_CHECK(fill(*known, first, list[*top].end, selection));
  }
  std::vector<Digest> digests;
  std::vector<std::string> texts;  // where docker has no sum and takes a path instead
  for (size_t i = first; i < list[*top].end; ++i) {
    if (!is_taken(selection, i)) continue;
    STRATA_TRY(std::optional<Sum> sum, sum_in_folder(*known, i));
    if (sum && sum->text.empty()) digests.push_back(sum->digest);
    if (sum && !sum->text.empty()) texts.push_back(std::move(sum->text));
  }
  return sum_of_sums("dir", join_sorted(digests, texts));
}

Result<std::string> ContentSums::sum(const SourceTree::Place& place, const Selection& selection) {
  if (place.entry.is_folder()) return sum_of_folder(place, selection);
  if (tree_.member_sums() != nullptr) {
    const Sum sum = sum_of_member(place.path, place.path);
    return "file:" + (sum.text.empty() ? sum.digest.hex() : sum.text);
  }
  Sha256 hash;
  if (tree_.kind() == SourceTree::Kind::kStage) {
    STRATA_TRY(const Digest digest, sum_of(Member{place.path, &place.entry, {}}, hash));
    return "file:" + digest.hex();
  }
  STRATA_TRY(Known * known, this->known("."));
  const std::optional<size_t> index = known->list->find(place.path);
  if (!index) return error(ErrorCode::kNotFound, "{} is gone", place.path);
  if (!known->sums[*index]) {
    STRATA_TRY(known->sums[*index], sum_of_entry(*known, *index, hash));
  }
  return "file:" + known->sums[*index]->hex();
}

std::string join_sums(const std::vector<std::string>& sums) {
  if (sums.size() == 1) return sums[0];
  return sum_of_sums("multi", fmt::format("{}", fmt::join(sums, ",")));
}

}  // namespace strata::build
