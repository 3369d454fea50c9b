// SPDX-License-Identifier: Apache-2.0
// Git repositories as build contexts and sources of ADD, through the git program.
// Shape:   remote ["?" query] ["#" [ref] [":" folder]]; remote is git@host:path, git://..., ssh://...,
//          github.com/..., or http(s)://... whose path ends in ".git". query is key=value {"&" ...}:
//          ref, tag, branch, subdir, commit (or checksum), keep-git-dir, submodules.
// Source:  the docker build reference, "Git repositories"; BuildKit.
// Threads: any.
#pragma once

#include <optional>
#include <string>

#include "base/fs_at.h"

namespace strata::build {

struct GitReference {
  std::string remote;
  std::string ref = {};     // branch, tag or commit; empty: the remote's own choice
  std::string folder = {};  // within; empty: the top
  std::string commit =
      {};  // beginning of the name that the commit, or its tag, must have; may be empty
  std::optional<bool> keep_git_dir = {};
  bool submodules = true;

  // Nothing for what is no such reference.
  // Errors: kInvalid, `unexpected query "x"`, `ref conflicts: "a" vs "b"` and the like.
  static Result<std::optional<GitReference>> parse(const std::string& text);
};

// Puts what the reference names into an empty folder, without `.git` unless that is wanted.
// Errors: kNotFound (no git program), kInvalid (a ref that is none), kCorrupt (`expected checksum to
// match ...`), kIo; what git has to say is on standard error.
Status fetch_git(const GitReference& reference, const Fd& into);

}  // namespace strata::build
