// SPDX-License-Identifier: Apache-2.0
// Place: an open folder of a data root as check looks at it, and Troubles: what of the root could not be looked at. That something is
// not there, or is another thing, is no trouble: it is what is there.
// Threads: any.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/fs_at.h"
#include "base/guarded.h"
#include "doctor/survey.h"

namespace strata::doctor {

class Troubles {
 public:
  void note(const std::string& path, const Error& error);
  // The machine had no more files or memory: then nothing can be said of the root. The first such error.
  std::optional<Error> fatal() const;
  // The first that this user may not read, by its path.
  std::optional<Error> denied() const;
  // An error that tells of one of them; ok: there are none.
  Status first() const;
  // By path, why it could not be read.
  std::map<std::string, std::string> take();

 private:
  struct State {
    std::map<std::string, std::string> by_path;
    std::optional<Error> fatal, denied, first;
  };
  mutable Guarded<State> state_;
};

// Cancelled, or the machine has no more files, memory or disk: whoever goes on would take what is sound for lost.
bool ends_all(const Error& error);
template <typename T>
Status unless_all_ends(const Result<T>& result) {
  return !result.ok() && ends_all(result.error()) ? Status(result.error()) : Status();
}
// The system said no, which says nothing of what was to be read: kIo, kNoSpace, kPermission. Not so kNotFound, kInvalid (something else
// has the name), kCorrupt.
bool is_trouble(const Error& error);

class Place {
 public:
  // Borrows all but the path, which is that below the root.
  Place(const Fd& folder, std::string path, Troubles& troubles)
      : folder_(folder), path_(std::move(path)), troubles_(troubles) {}

  SmallFile small_file(const std::string& name, size_t limit_bytes = 4096) const;
  // True as well when that could not be looked at: nobody shall take it for missing.
  bool has_folder(const std::string& name) const;
  bool has(const std::string& name) const;
  // Of a symlink; empty: it is none.
  std::string target(const std::string& name) const;
  Result<struct stat> stat(const std::string& name) const;
  Result<Fd> open(const std::string& name, int flags) const;
  void note(const std::string& name, const Error& error) const;

 private:
  const Fd& folder_;
  const std::string path_;
  Troubles& troubles_;
};

// "a directory", "a symlink" ...
std::string kind_of(mode_t mode);

}  // namespace strata::doctor
