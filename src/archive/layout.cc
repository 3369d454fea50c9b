// SPDX-License-Identifier: Apache-2.0
#include "archive/layout.h"

#include <time.h>

#include <algorithm>

namespace strata::archive {

std::string Layout::sort_key(const std::string& name) {
  std::string key = name;
  std::replace(key.begin(), key.end(), '/', '\0');
  return key;
}

tar::Member Layout::header(const std::string& name, char type, uint32_t mode,
                           int64_t mtime_seconds) const {
  tar::Member member;
  member.name = name;
  member.type = type;
  member.mode = mode;
  member.mtime_seconds = mtime_seconds;
  if (style_ == tar::HeaderStyle::kDocker20) {
    member.user_name = "root";
    member.group_name = "root";
  }
  return member;
}

void Layout::add_folder(const std::string& name, int64_t mtime_seconds) {
  entries_.try_emplace(sort_key(name),
                       Entry{header(name + "/", tar::kDirectory, 0755, mtime_seconds), "", {}});
}

void Layout::add_text(const std::string& name, std::string text, int64_t mtime_seconds) {
  tar::Member member = header(name, tar::kRegular, 0644, mtime_seconds);
  member.size_bytes = text.size();
  entries_.try_emplace(sort_key(name), Entry{std::move(member), std::move(text), {}});
}

void Layout::add_layer(const std::string& name, const SaveLayer& layer, int64_t mtime_seconds) {
  if (layer.left_out) return;
  tar::Member member = header(name, tar::kRegular, 0644, mtime_seconds);
  member.size_bytes = layer.tar_bytes;
  entries_.try_emplace(sort_key(name), Entry{std::move(member), "", layer});
}

void Layout::add_symlink(const std::string& name, const std::string& target,
                         int64_t mtime_seconds) {
  tar::Member member = header(name, tar::kSymlink, 0777, mtime_seconds);
  member.link_name = target;
  entries_.try_emplace(sort_key(name), Entry{std::move(member), "", {}});
}

int32_t epoch_zone_seconds() {
  const time_t epoch = 0;
  struct tm local = {};
  return ::localtime_r(&epoch, &local) == nullptr ? 0 : static_cast<int32_t>(local.tm_gmtoff);
}

std::vector<Entry> Layout::take_entries() {
  std::vector<Entry> all;
  for (auto& [key, entry] : entries_) all.push_back(std::move(entry));
  entries_.clear();
  return all;
}

}  // namespace strata::archive
