// SPDX-License-Identifier: Apache-2.0
// Which files of a folder --exclude and --parents leave.
// Threads: functions of their arguments.
#pragma once

#include <optional>
#include <vector>

#include "build/ignore.h"
#include "build/path_pattern.h"
#include "build/source_tree.h"

namespace strata::build {

// By index in a list; empty: everything is taken. What is above something that is taken is taken.
using Selection = std::vector<bool>;

inline bool is_taken(const Selection& selection, size_t index) {
  return selection.empty() || selection[index];
}

// Of what is below `folder`: what `include` (if given) or a folder above leads to, without what the excludes leave out. Paths are
// compared relative to the folder. Nothing: there is no such file.
std::optional<Selection> select(const SourceList& list, size_t folder,
                                const std::optional<PathPattern>& include,
                                const IgnoreMatcher& excludes);

}  // namespace strata::build
