// SPDX-License-Identifier: Apache-2.0
// Whether dockerd can open one of its databases. Only the head of the file is read; what is in it is dockerd's.
// Shape:   bolt: pages 0 and 1 each begin with a page header (16 bytes) and a meta: u32 magic, version, page size, flags; u64 root,
//          sequence, freelist, number of pages, transaction; FNV-1a of all that. The machine's byte order. One good meta is enough.
// Source:  go.etcd.io/bbolt, db.go (type meta, Open, mmap), as dockerd 20.10 has it.
// Threads: any.
#pragma once

#include <string>

#include "base/fs_at.h"

namespace strata::doctor {

// Why bolt would not take the file; empty: it would. One that is not there, or empty, it makes anew. Errors: those of reading.
Result<std::string> bolt_trouble(const Fd& root, const std::string& path);

// The databases without which, or with which damaged, no dockerd starts: those that are there, below the root.
Result<std::vector<std::string>> bolt_files(const Fd& root);

}  // namespace strata::doctor
