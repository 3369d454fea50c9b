// SPDX-License-Identifier: Apache-2.0
//   passwd line := name ":" password ":" uid ":" gid ":" comment ":" home ":" shell
//   group line  := name ":" password ":" gid ":" [member *("," member)]
// Source: passwd(5), group(5). Lines without numbers where numbers belong do not count. Which entry
// is taken, and the errors: as dockerd 20.10 does it (a number is always an ID, never a name).
#include "runtime/users.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <set>

#include "runtime/take_word.h"

namespace strata::runtime {
namespace {

constexpr int64_t kHighestId = 2147483647;

struct Passwd {
  std::string_view name;
  int64_t uid = 0;
  int64_t gid = 0;
  std::string_view home;
};

struct Group {
  std::string_view name;
  int64_t gid = 0;
  std::string_view members;
};

std::optional<int64_t> number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  int64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    line.remove_suffix(1);
  }
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

// The first entry that `wanted` says yes to.
std::optional<Passwd> find_passwd(std::string_view text,
                                  const std::function<bool(const Passwd&)>& wanted) {
  while (!text.empty()) {
    std::string_view line = trimmed(take_word(text, '\n'));
    Passwd entry;
    entry.name = take_word(line, ':');
    take_word(line, ':');
    std::optional<int64_t> uid = number(take_word(line, ':'));
    std::optional<int64_t> gid = number(take_word(line, ':'));
    if (!uid || !gid || *uid < 0 || *gid < 0) continue;
    take_word(line, ':');
    entry.uid = *uid;
    entry.gid = *gid;
    entry.home = take_word(line, ':');
    if (wanted(entry)) return entry;
  }
  return {};
}

void visit_groups(std::string_view text, const std::function<void(const Group&)>& visit) {
  while (!text.empty()) {
    std::string_view line = trimmed(take_word(text, '\n'));
    Group entry;
    entry.name = take_word(line, ':');
    take_word(line, ':');
    std::optional<int64_t> gid = number(take_word(line, ':'));
    if (!gid || *gid < 0) continue;
    entry.gid = *gid;
    entry.members = line;
    visit(entry);
  }
}

bool has_member(const Group& group, std::string_view name) {
  std::string_view rest = group.members;
  while (!rest.empty()) {
    if (take_word(rest, ',') == name) return true;
  }
  return false;
}

Result<uint32_t> checked(int64_t id) {
  if (id >= 0 && id <= kHighestId) return static_cast<uint32_t>(id);
  return error(ErrorCode::kInvalid, "uids and gids must be in range 0-{}", kHighestId);
}

// True for a text that is all digits, but for a sign: an ID, however large.
bool is_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// `unable`: "unable" or "Unable", docker has both.
Result<uint32_t> find_group(std::string_view groups, std::string_view wanted,
                            std::string_view unable = "unable") {
  std::optional<int64_t> gid;
  std::optional<int64_t> as_number = number(wanted);
  visit_groups(groups, [&](const Group& group) {
    bool same = is_number(wanted) ? as_number == group.gid : group.name == wanted;
    if (same && !gid) gid = group.gid;
  });
  if (!gid && !is_number(wanted)) {
    return error(ErrorCode::kInvalid, "{} to find group {}: no matching entries in group file",
                 unable, wanted);
  }
  return checked(gid ? *gid : as_number.value_or(-1));
}

void add_once(std::vector<uint32_t>& groups, uint32_t gid) {
  if (std::find(groups.begin(), groups.end(), gid) == groups.end()) groups.push_back(gid);
}

}  // namespace

Result<User> resolve_user(std::string_view passwd, std::string_view groups, const std::string& user,
                          const std::vector<std::string>& more_groups) {
  std::string_view group_word = user;
  std::string_view word = take_word(group_word, ':');
  std::optional<int64_t> uid = word.empty() ? 0 : number(word);
  const bool by_number = word.empty() || is_number(word);
  std::optional<Passwd> entry = find_passwd(passwd, [&](const Passwd& candidate) {
    return by_number ? uid == candidate.uid : candidate.name == word;
  });
  if (!entry && !by_number) {
    return error(ErrorCode::kInvalid, "unable to find user {}: no matching entries in passwd file",
                 word);
  }
  User result;
  STRATA_TRY(result.uid, checked(entry ? entry->uid : uid.value_or(-1)));
  STRATA_TRY(result.gid, checked(entry ? entry->gid : 0));
  if (entry) result.home = entry->home.empty() ? "/" : std::string(entry->home);
  if (!group_word.empty()) {
    STRATA_TRY(result.gid, find_group(groups, group_word));
  }
  result.groups.push_back(result.gid);
  for (const std::string& more : more_groups) {
    STRATA_TRY(uint32_t gid, find_group(groups, more, "Unable"));
    add_once(result.groups, gid);
  }
  if (!group_word.empty() || !entry) return result;
  std::set<uint32_t> seen(result.groups.begin(), result.groups.end());  // an image may name many
  visit_groups(groups, [&](const Group& group) {
    const auto gid = static_cast<uint32_t>(group.gid);
    if (group.gid <= kHighestId && has_member(group, entry->name) && seen.insert(gid).second) {
      result.groups.push_back(gid);
    }
  });
  return result;
}

namespace {

// Empty when it is not there, or no regular file.
Result<std::string> read_in_root(const Fd& rootfs, const std::string& path) {
  Result<Fd> file = open_in_root(rootfs, path, O_RDONLY | O_NONBLOCK);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return std::string();
  if (!file.ok()) return std::move(file).error();
  STRATA_TRY(struct stat info, stat_fd(file->get()));
  if (!S_ISREG(info.st_mode)) return std::string();
  FdSource source(file->get());
  return read_to_end(source, kSmallFileBytes);
}

}  // namespace

Result<User> resolve_user(const Fd& rootfs, const std::string& user,
                          const std::vector<std::string>& more_groups) {
  STRATA_TRY(std::string passwd, read_in_root(rootfs, "etc/passwd"));
  STRATA_TRY(std::string groups, read_in_root(rootfs, "etc/group"));
  return resolve_user(passwd, groups, user, more_groups);
}

}  // namespace strata::runtime
