// SPDX-License-Identifier: Apache-2.0
#include "doctor/fault_list.h"

#include <algorithm>
#include <tuple>

namespace strata::doctor {

void FaultList::add(const std::string& path, FileFault fault, ino_t inode) {
  has_symlinked_ |= fault.name != path;
  put(path, Entry{std::move(fault), inode});
}

void FaultList::add_link(const std::string& path, FileFault fault, const std::string& target) {
  has_links_ = true;
  put(path, Entry{std::move(fault), 0, target});
}

void FaultList::put(const std::string& path, Entry entry) {
  ++total_;
  if (entries_.size() < kFaultsMax) entries_.insert({path, std::move(entry)});
}

void FaultList::forget(const std::string& path, bool with_below) {
  total_ -= entries_.erase(path);
  if (has_links_) {
    total_ -= std::erase_if(entries_, [&](const auto& e) { return e.second.link_target == path; });
  }
  if (!with_below) return;
  if (has_symlinked_) {
    total_ -= std::erase_if(entries_, [below = path + "/"](const auto& entry) {
      return entry.second.fault.name.starts_with(below);
    });
  }
  // '0' is the character after '/'.
  for (auto entry = entries_.lower_bound(path + "/"); entry != entries_.lower_bound(path + "0");) {
    entry = entries_.erase(entry);
    --total_;
  }
}

void FaultList::forget_inode(ino_t inode) {
  total_ -=
      std::erase_if(entries_, [inode](const auto& entry) { return entry.second.inode == inode; });
}

std::vector<FileFault> FaultList::take() {
  std::vector<FileFault> faults;
  for (auto& [path, entry] : entries_) faults.push_back(std::move(entry.fault));
  entries_.clear();
  std::stable_sort(faults.begin(), faults.end(), [](const FileFault& a, const FileFault& b) {
    return std::tie(a.name, a.kind) < std::tie(b.name, b.kind);
  });
  std::vector<FileFault> joined;
  for (FileFault& fault : faults) {
    if (!joined.empty() && joined.back().name == fault.name && joined.back().kind == fault.kind) {
      joined.back().expected += ", " + fault.expected;
      joined.back().found += ", " + fault.found;
      --total_;
    } else {
      joined.push_back(std::move(fault));
    }
  }
  return joined;
}

}  // namespace strata::doctor
