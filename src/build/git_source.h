// SPDX-License-Identifier: Apache-2.0
// Git repositories as build contexts and sources of ADD, through the git program.
// Shape:   <remote>[#[ref][:folder]]; remote is git@host:path, git://..., ssh://..., github.com/..., or
//          http(s)://... whose path ends in ".git".
// Source:  the docker build reference, "Git repositories".
// Threads: any.
#pragma once

#include <optional>
#include <string>

#include "base/fs_at.h"

namespace strata::build {

struct GitReference {
  std::string remote;
  std::string ref;     // branch, tag or commit; empty: the remote's own choice
  std::string folder;  // within; empty: the top

  // Nothing for what is no such reference.
  static std::optional<GitReference> parse(const std::string& text);
};

// Puts what the reference names, with its submodules, into an empty folder. Its `.git` stays if `keep_git_dir`.
// Errors: kNotFound (no git program), kInvalid (a ref that is none), kIo with what git says on standard error.
Status fetch_git(const GitReference& reference, const Fd& into, bool keep_git_dir);

}  // namespace strata::build
