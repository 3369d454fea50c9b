// SPDX-License-Identifier: Apache-2.0
// What .dockerignore leaves out of a build context.
//
// The last pattern that matches a path, or a folder above it, decides; `!` takes a path back in. So a
// folder can be out while something in it is in: a walk asks holds_exceptions() before it skips one.
// Shape:   docs/formats/build-context.md, "Ignore files".
// Source:  the Dockerfile reference, ".dockerignore file"; docker from release 23 on.
// Threads: const methods may be called by any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/path_pattern.h"

namespace strata::build {

// The patterns of an ignore file: comments, empty lines and outer spaces gone, paths cleaned, a
// leading '/' taken away; "!" stays in front.
// Errors: kInvalid for a line beyond 64 KiB.
Result<std::vector<std::string>> read_ignore_file(std::string_view text);

class IgnoreMatcher {
 public:
  IgnoreMatcher() = default;  // leaves nothing out
  // Errors: kInvalid, `syntax error in pattern`, `illegal exclusion pattern: "!"`.
  static Result<IgnoreMatcher> make(const std::vector<std::string>& patterns);

  // Which patterns match a folder or one above it: a walk knows that already when it comes to what
  // is in the folder.
  using FolderState = std::vector<bool>;
  FolderState top() const { return FolderState(patterns_.size(), false); }

  // Whether `path` (relative, clean), which lies in a folder of that state, is left out. `state`, if
  // given, gets that of the path itself.
  bool leaves_out(const FolderState& folder, std::string_view path,
                  FolderState* state = nullptr) const;
  // The same for a path alone.
  bool leaves_out(std::string_view path) const;
  // Whether something below a folder that is left out may be in all the same.
  bool holds_exceptions(std::string_view folder) const;
  bool empty() const { return patterns_.empty(); }
  bool has_exceptions() const;

 private:
  struct Pattern {
    PathPattern path;
    bool is_exception;
  };
  std::vector<Pattern> patterns_;
};

}  // namespace strata::build
