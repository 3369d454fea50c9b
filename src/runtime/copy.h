// SPDX-License-Identifier: Apache-2.0
// cp: files between a container and the host.
// Source:  docker's documentation of `docker cp`, and what docker 20.10 does in each case.
// Threads: any.
// Crash:   files are copied one by one; the last may be cut off.
#pragma once

#include <string>

#include "base/stream.h"
#include "runtime/container_record.h"

namespace strata::runtime {

struct CopyOptions {
  bool follow_link = false;  // a source that is a symlink stands for what it leads to
  bool keep_owners = false;  // of what is copied to the host
};

// The words of docker where it has any:
//   kNotFound  `No such container:path: c:/x`, `lstat /x: no such file or directory`,
//              `no such directory`, `invalid output path: directory "..." does not exist`
//   kInvalid   `not a directory`, `cannot copy directory`, `destination "c:/x" must be a directory`
//   kConflict  `cannot overwrite ...`
// `name` is how the user calls the container. A path within it that is not absolute counts from "/",
// one of the host from the working directory.
Status copy_from_container(store::Store& store, const ContainerRecord& record,
                           const std::string& name, const std::string& source,
                           const std::string& target, const CopyOptions& options);
Status copy_to_container(store::Store& store, const ContainerRecord& record,
                         const std::string& name, const std::string& source,
                         const std::string& target, const CopyOptions& options);
// The same as a tar: out of the container, and into a folder of it.
Status archive_from_container(store::Store& store, const ContainerRecord& record,
                              const std::string& name, const std::string& source,
                              const CopyOptions& options, ByteSink& to);
Status extract_to_container(store::Store& store, const ContainerRecord& record,
                            const std::string& name, ByteSource& tar, const std::string& target);

}  // namespace strata::runtime
