// SPDX-License-Identifier: Apache-2.0
// Advice to the allocator for commands that make hundreds of thousands of small objects and end: a
// fifth of their time would go into page faults. It changes how long things take, never what they
// do.
#pragma once

namespace strata {

// Heaps grow, and are kept, in steps of 8 MiB instead of a page, and large blocks come from them too.
// To be called before any thread is started. glibc grows a thread's heap page by page, one mprotect
// each, which hold up the page faults of all other threads; memory that is not touched costs
// nothing. Source: mallopt(3).
void grow_heaps_in_large_steps();

// Asks for huge pages for what the calling thread will allocate. The first call of a thread does
// it, the others nothing. Without effect where the system gives no huge pages on advice.
void prefer_huge_heap_pages();

}  // namespace strata
