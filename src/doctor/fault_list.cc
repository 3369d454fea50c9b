// SPDX-License-Identifier: Apache-2.0
#include "doctor/fault_list.h"

#include <algorithm>
#include <tuple>

namespace strata::doctor {

void FaultList::add(const std::string& path, FileFault fault, ino_t inode) {
  ++total_;
  if (entries_.size() < kFaultsMax) entries_.insert({path, Entry{std::move(fault), inode}});
}

void FaultList::forget(const std::string& path, bool with_below) {
  total_ -= entries_.erase(path);
  if (!with_below) return;
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
