// SPDX-License-Identifier: Apache-2.0
// FileCopier: makes single files of a COPY in an open folder, with as few system calls as it takes.
// Threads: any.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "base/fs_at.h"
#include "base/pool.h"
#include "build/mode_change.h"
#include "build/source_tree.h"

namespace strata::build {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// What becomes of owner, mode and capabilities.
struct CopyRules {
  // The owner of all that is made. Nothing: it stays as it is (COPY --from).
  std::optional<Owner> owner = {};
  std::optional<ModeChange> chmod = {};
  // Docker changes the owner after the mode, even to what it is: the kernel then takes setuid bits and capabilities away.
  bool drops_privileges() const { return owner.has_value(); }
};

// Links are not followed. An ordinary user may not, and need not.
Status change_owner(const Fd& folder, const std::string& name, const Owner& owner);

class FileCopier {
 public:
  FileCopier(const CopyRules& rules, const Pool& pool);  // borrowed: asked whether to stop

  // A name in an open folder.
  struct Name {
    const Fd& folder;
    std::string name;
  };
  struct Options {
    bool with_capabilities = false;  // docker loses them when it copies a single file
    bool check_owner = false;        // the folder hands its group on
  };
  // Makes a file, symlink, device or fifo, which must not exist. Errors: by errno, naming `to`.
  Status copy(const SourceEntry& entry, const Name& from, const Name& to,
              const Options& options) const;
  // A file with this content: 0644, and of now.
  Status write(const std::string& text, const Name& to) const;
  // Owner, mode and times of what has no descriptor: folders, when all is in them, links, devices.
  // Times are of whole seconds, as in docker's tars.
  Status finish(const SourceEntry& entry, const Name& made) const;
  Owner owner_of(const SourceEntry& entry) const;

 private:
  Status copy_regular(const SourceEntry& entry, const Name& from, const Name& to,
                      const Options& options) const;
  Status set_owner(const SourceEntry& entry, const Name& to, int fd, bool check) const;
  Status set_mode(const SourceEntry& entry, const Name& to, int fd) const;
  Status copy_content(const SourceEntry& entry, int in, int out, const std::string& name) const;
  Status copy_sparse(int in, int out, uint64_t size_bytes, const std::string& name) const;
  Status copy_range(int in, int out, uint64_t begin, uint64_t end, const std::string& name) const;
  mode_t mode_of(const SourceEntry& entry) const;

  const CopyRules rules_;
  const Pool& pool_;
  const mode_t umask_;
  // What the file systems have refused once is not tried again.
  mutable std::atomic<bool> can_clone_{true};
  mutable std::atomic<bool> can_copy_range_{true};
};

}  // namespace strata::build
