// SPDX-License-Identifier: Apache-2.0
// Confinement: takes rights from a thread that handles input from outside, so that a mistake in a parser,
// an unpacker or a library below them cannot be used for more than what that thread has to do.
//
// Files: by Landlock, the thread (and all that it starts from then on) changes files only below the
// folders that it is given. Other rights on files that were opened before stay.
// Calls: by a seccomp filter, it starts no program and no process, mounts nothing, debugs nobody, opens
// no socket, and leaves namespaces, modules, keys, BPF and io_uring alone: EPERM.
//
// Both are for good: nothing takes them back. Both are a second line: what the kernel does not know
// (Landlock before Linux 5.19, or switched off; seccomp forbidden) is left out, and all works as before.
// Source:  Linux Documentation/userspace-api/landlock.rst and seccomp_filter.rst; the numbers are in
//          confine.cc.
// Threads: each function concerns the calling thread alone, and those that it starts afterwards.
#pragma once

#include <functional>
#include <vector>

#include "base/fd.h"

namespace strata {

struct Confinement {
  std::vector<int> folders;  // below these everything may be made, changed and removed. Borrowed
  // Whether files may also be read elsewhere. Names of files can be read and looked up all the same.
  bool read_elsewhere = false;
  bool network = false;          // whether it may open connections: the input comes from there
  int empty_folders_below = -1;  // below this one empty folders may be removed. Borrowed
};

// What the kernel has taken.
struct Confined {
  bool files = false;
  bool calls = false;
};

Confined confine_thread(const Confinement& how);

// Whether this kernel would confine files, calls; changes nothing.
Confined confinement_available();

// Runs `body` in a confined thread of its own, and waits for it.
Status run_confined(const Confinement& how, const std::function<Status()>& body);

}  // namespace strata
