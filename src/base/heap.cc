// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace strata {
namespace {

constexpr int kStepBytes = 8 << 20;
constexpr int kKeepBytes = 256 << 20;
constexpr int kLargestBytes = 32 << 20;
constexpr uintptr_t kHugePageBytes = uintptr_t{2} << 20;
constexpr uintptr_t kThreadHeapBytes = uintptr_t{64} << 20;
constexpr size_t kMainHeapBytes = size_t{24} << 20;

using Block = std::unique_ptr<void, void (*)(void*)>;

Block allocate(size_t bytes) { return Block(std::malloc(bytes), std::free); }

uintptr_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// A hint: what lies there, if anything, stays as it is.
void advise(uintptr_t begin, uintptr_t end) {
  (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

// glibc maps heaps of threads in blocks of 64 MiB, aligned to that. Their first pages are in use, so
// the first huge page is one no more: its rest is kept away from the allocator, untouched.
void prepare_thread_heap() {
  thread_local Block rest(nullptr, std::free);
  const uintptr_t at = address(allocate(64).get());
  const uintptr_t heap = at & ~(kThreadHeapBytes - 1);
  advise(heap, heap + kThreadHeapBytes);
  const uintptr_t used = at - heap;
  if (used < kHugePageBytes) rest = allocate(kHugePageBytes - used);
}

// The main heap is extended by brk, and the advice would not cover what comes later: so it grows
// now.
void prepare_main_heap() {
  const Block block = allocate(kMainHeapBytes);
  const uintptr_t begin = (address(block.get()) + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
  const uintptr_t end = address(::sbrk(0));
  if (begin < end) advise(begin, end);
}

}  // namespace

void grow_heaps_in_large_steps() {
  ::mallopt(M_TOP_PAD, kStepBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeepBytes);
  ::mallopt(M_MMAP_THRESHOLD, kLargestBytes);
}

void prefer_huge_heap_pages() {
  thread_local bool done = false;
  if (done) return;
  done = true;
  if (::gettid() == ::getpid()) {
    prepare_main_heap();
  } else {
    prepare_thread_heap();
  }
}

}  // namespace strata
