// SPDX-License-Identifier: Apache-2.0
//
// slot    hash(61 bits) flags(3 bits); a power of two of them, at most half of them used, linear probing
// hash    for each 8 bytes of the path (the last padded with zeros) and its length: h = mix((h ^ word) * odd); the seed is
//         another one in each process, so that no image can be made whose names collide
#include "doctor/name_set.h"

#include <bit>
#include <cstring>
#include <random>

namespace strata::doctor {
namespace {

constexpr size_t kFirstSlots = 1024;
constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;

uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 32)) * kOdd;
  return value ^ (value >> 29);
}

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

NameSet::NameSet() : seed_(random_seed()), slots_(kFirstSlots) {}

uint64_t NameSet::hash(std::string_view path) const {
  uint64_t value = seed_;
  for (size_t at = 0; at < path.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, path.data() + at, std::min<size_t>(8, path.size() - at));
    value = mix((value ^ word) * kOdd);
  }
  value = mix((value ^ path.size()) * kOdd) & ~kFlagMask;
  return value == 0 ? kFlagMask + 1 : value;
}

// Where it is, or would be.
size_t NameSet::slot_of(uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = (hash >> 3) & mask;
  while (slots_[slot] != 0 && (slots_[slot] & ~kFlagMask) != hash) slot = (slot + 1) & mask;
  return slot;
}

uint8_t NameSet::find(std::string_view path) const {
  return static_cast<uint8_t>(slots_[slot_of(hash(path))] & kFlagMask);
}

void NameSet::set(std::string_view path, uint8_t flags) {
  const uint64_t key = hash(path);
  size_t slot = slot_of(key);
  if (slots_[slot] == 0) {
    if (++used_ * 2 > slots_.size()) {
      grow();
      slot = slot_of(key);
    }
  }
  slots_[slot] = key | flags;
}

void NameSet::grow() {
  std::vector<uint64_t> old(slots_.size() * 2);
  old.swap(slots_);
  for (uint64_t value : old) {
    if (value != 0) slots_[slot_of(value & ~kFlagMask)] = value;
  }
}

}  // namespace strata::doctor
