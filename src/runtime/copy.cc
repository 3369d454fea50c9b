// SPDX-License-Identifier: Apache-2.0
#include "runtime/copy.h"

#include <unistd.h>

#include <array>

#include "base/confine.h"
#include "runtime/container_files.h"
#include "runtime/container_tree.h"
#include "runtime/path_archive.h"
#include "runtime/path_extractor.h"

namespace strata::runtime {
namespace {

// One end of a copy: a path below a root.
struct End {
  const Fd& root;
  std::string path;  // absolute; a trailing "/" or "/." is kept
  NamedPath found = {};
};

// Where a copy goes, by docker's rules.
struct Plan {
  std::string folder;  // that is unpacked into
  std::string name;    // of the top member
};

std::string absolute_in_container(const std::string& path) {
  return path.starts_with('/') ? path : "/" + path;
}

// As the shell would take it; the end of it stays as it is.
Result<std::string> absolute_on_host(const std::string& path) {
  if (path.starts_with('/')) return path;
  STRATA_TRY(std::string here, real_path("."));
  return fmt::format("{}/{}", here, path);
}

std::string folder_of(const std::string& path) {
  std::string_view rest = path;
  while (rest.size() > 1 && (rest.ends_with('/') || rest.ends_with("/."))) {
    rest.remove_suffix(rest.ends_with('/') ? 1 : 2);
  }
  const size_t slash = rest.rfind('/');
  return std::string(slash == 0 || slash == rest.npos ? "/" : rest.substr(0, slash));
}

// Docker's PrepareArchiveCopy, case by case.
Result<Plan> plan_copy(const std::string& source, bool source_is_folder, const End& target) {
  const std::string name = base_name(source);
  if (target.found.is_folder()) return Plan{target.path, name};
  if (target.found.exists && source_is_folder) {
    return error(ErrorCode::kInvalid, "cannot copy directory");
  }
  if (!target.found.exists && !source_is_folder && asserts_folder(target.path)) {
    return error(ErrorCode::kNotFound, "no such directory");
  }
  return Plan{folder_of(target.path), base_name(target.path)};
}

// A path that may end in a symlink which is to be followed: its name stays that of the link.
Status follow(End& source, bool wanted) {
  if (!wanted) return {};
  STRATA_TRY(source.path, follow_links(source.root, source.path));
  return {};
}

bool is_missing(const Status& status) {
  return !status.ok() && status.error().code() == ErrorCode::kNotFound;
}

Status find(End& end) {
  STRATA_TRY(end.found, look_at(end.root, end.path));
  return {};
}

Error no_such_path(const std::string& container, const std::string& path) {
  return error(ErrorCode::kNotFound, "No such container:path: {}:{}", container, path);
}

// The source within the container, which has to be there.
Status find_in_container(End& source, const std::string& container, const std::string& given,
                         bool follow_link) {
  STRATA_CHECK(follow(source, follow_link));
  Status found = find(source);
  if (is_missing(found)) return no_such_path(container, given);
  STRATA_CHECK(std::move(found).context("{}:{}", container, given));
  return source.found.exists ? Status() : no_such_path(container, given);
}

// A target: itself, a last symlink followed, or nothing yet in a folder that is there. Errors:
// kNotFound when that folder is not.
Status find_target(End& target) {
  Status found = find(target);
  if (found.ok() && target.found.is_link()) {
    STRATA_TRY(target.path, follow_links(target.root, target.path));
    return find(target);
  }
  if (!is_missing(found)) return found;
  // "x/" of a missing x: what x is in counts.
  Result<NamedPath> above = look_at(target.root, folder_of(target.path) + "/");
  return above.ok() && above->is_folder() ? Status() : found;
}

// The volume or bind mount that a path of the container is in.
Result<bool> is_writable_place(const store::Store& store, const ContainerRecord& record,
                               const std::string& path) {
  STRATA_TRY(std::vector<MountPoint> points, mount_points_of(record.json));
  for (const MountPoint& point : points) {
    const bool inside = path == point.destination || path.starts_with(point.destination + "/");
    if (!inside) continue;
    if (point.writable) return true;
    return error(ErrorCode::kPermission, "mounted volume is marked read-only");
  }
  STRATA_TRY(HostConfig host, read_host_config(store, record.id));
  if (!host.read_only_rootfs) return true;
  return error(ErrorCode::kPermission, "container rootfs is marked read-only");
}

Result<Fd> open_host() { return open_path("/", O_PATH | O_DIRECTORY); }

}  // namespace

Status archive_from_container(store::Store& store, const ContainerRecord& record,
                              const std::string& name, const std::string& source,
                              const CopyOptions& options, ByteSink& to) {
  return with_container_tree(store, record, [&](const Fd& root) -> Status {
    End from{root, absolute_in_container(source)};
    STRATA_CHECK(find_in_container(from, name, source, options.follow_link));
    STRATA_CHECK(archive_path(root, from.path, base_name(absolute_in_container(source)), to));
    return to.finish();
  });
}

Status copy_from_container(store::Store& store, const ContainerRecord& record,
                           const std::string& name, const std::string& source,
                           const std::string& target, const CopyOptions& options) {
  STRATA_TRY(std::string target_path, absolute_on_host(target));
  STRATA_TRY(Fd host, open_host());
  return with_container_tree(store, record, [&](const Fd& root) -> Status {
    End from{root, absolute_in_container(source)};
    End to{host, target_path};
    Status found = find_target(to);
    if (is_missing(found)) {
      return error(ErrorCode::kNotFound, "invalid output path: directory \"{}\" does not exist",
                   folder_of(to.path));
    }
    STRATA_CHECK(std::move(found));
    STRATA_CHECK(find_in_container(from, name, source, options.follow_link));
    STRATA_TRY(Plan plan, plan_copy(absolute_in_container(source), from.found.is_folder(), to));
    STRATA_TRY(Fd folder, open_in_root(host, plan.folder, O_RDONLY | O_DIRECTORY));
    PathExtractor extractor(folder, ".",
                            {.links = Symlinks::kRefuse, .keep_owners = options.keep_owners});
    return run_confined({.folders = {folder.get()}, .read_elsewhere = true}, [&]() -> Status {
      STRATA_CHECK(archive_path(root, from.path, plan.name, extractor));
      return extractor.finish();
    });
  });
}

Status copy_to_container(store::Store& store, const ContainerRecord& record,
                         const std::string& name, const std::string& source,
                         const std::string& target, const CopyOptions& options) {
  STRATA_TRY(std::string source_path, absolute_on_host(source));
  STRATA_TRY(Fd host, open_host());
  End from{host, source_path};
  STRATA_CHECK(follow(from, options.follow_link));
  Status found = find(from);
  if (is_missing(found) || (found.ok() && !from.found.exists)) {
    return error(ErrorCode::kNotFound, "lstat {}: no such file or directory", source_path);
  }
  STRATA_CHECK(std::move(found));
  return with_container_tree(store, record, [&](const Fd& root) -> Status {
    End to{root, absolute_in_container(target)};
    Status target_found = find_target(to);
    if (is_missing(target_found)) return no_such_path(name, folder_of(to.path));
    STRATA_CHECK(std::move(target_found));
    STRATA_TRY(Plan plan, plan_copy(source_path, from.found.is_folder(), to));
    STRATA_TRY(bool writable, is_writable_place(store, record, plan.folder));
    if (!writable) return {};
    PathExtractor extractor(root, plan.folder, {.links = Symlinks::kFollow, .keep_owners = true});
    return run_confined({.folders = {root.get()}, .read_elsewhere = true}, [&]() -> Status {
      STRATA_CHECK(archive_path(host, from.path, plan.name, extractor));
      return extractor.finish();
    });
  });
}

Status extract_to_container(store::Store& store, const ContainerRecord& record,
                            const std::string& name, ByteSource& tar, const std::string& target) {
  return with_container_tree(store, record, [&](const Fd& root) -> Status {
    End to{root, absolute_in_container(target)};
    Status found = find_target(to);
    if (!found.ok() || !to.found.is_folder()) {
      return error(ErrorCode::kInvalid, "destination \"{}:{}\" must be a directory", name, target);
    }
    STRATA_TRY(bool writable, is_writable_place(store, record, to.path));
    if (!writable) return {};
    PathExtractor extractor(root, to.path, {.links = Symlinks::kFollow, .keep_owners = true});
    return run_confined({.folders = {root.get()}, .read_elsewhere = true}, [&]() -> Status {
      STRATA_TRY(uint64_t bytes, copy_stream(tar, extractor));
      (void)bytes;  // all of it
      return extractor.finish();
    });
  });
}

}  // namespace strata::runtime
