// SPDX-License-Identifier: Apache-2.0
#include "build/run_mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "build/config_step.h"
#include "build/copy_files.h"
#include "driver/mount.h"
#include "hash/digest.h"

namespace strata::build {
namespace {

constexpr std::string_view kCacheFolder = "strata/cache-mounts";
constexpr std::string_view kSecretsName = "secrets";
constexpr size_t kSecretBytesMax = 500u << 10;  // as BuildKit
constexpr int kPrivateCachesMax = 1000;

std::string last_part(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

Result<std::string> read_secret(const SecretSource& source) {
  if (!source.file.empty()) return read_file_at(Fd(), source.file, kSecretBytesMax);
  const char* value = std::getenv(source.variable.c_str());
  return value == nullptr
             ? Result<std::string>(error(ErrorCode::kNotFound, "environment variable {} is not set",
                                         source.variable))
             : Result<std::string>(std::string(value));
}

Status set_owner(const Fd& file, const Mount& what, mode_t default_mode, std::string_view name) {
  if (::fchown(file.get(), what.uid.value_or(0), what.gid.value_or(0)) != 0 ||
      ::fchmod(file.get(), what.mode.value_or(default_mode)) != 0) {
    return errno_error(errno, fmt::format("owner and mode of mount {}", name));
  }
  return {};
}

// What a folder in the tree of `files` holds, into `folder`. As with COPY, files of a stage or an image (`from`) keep
// their owners.
Status copy_tree(SourceFiles& files, const Mount& mount, const Fd& folder, Pool& pool) {
  Copy all;
  all.from = mount.from;
  all.sources = {mount.source.empty() ? "." : mount.source};
  all.destination = "/";
  STRATA_TRY(const CopyPlan plan, plan_copy(all, {.tree = &files.tree()}, pool));
  return copy_files(plan, "/", {&folder, nullptr}, pool);
}

}  // namespace

Status RunMounts::add(const std::string& text, const Mount& given,
                      std::unique_ptr<SourceFiles> files, const std::string& workdir,
                      BuildWork& work) {
  words_.push_back("--mount=" + text);
  Mount mount = given;
  if (!mount.target.empty()) mount.target = resolve_workdir(workdir, mount.target);
  switch (mount.type) {
    case Mount::Type::kBind:
      return add_bind(mount, std::move(files), work);
    case Mount::Type::kCache:
      if (mount.id.empty()) mount.id = mount.target;
      caches_.push_back({mounts_.size(), mount, files.get()});
      if (files != nullptr) files_.push_back(std::move(files));
      show({.source = {}, .target = mount.target, .read_only = mount.read_only}, true);
      return {};
    case Mount::Type::kTmpfs: {
      runtime::Mount shown{
          .kind = runtime::Mount::Kind::kTmpfs, .source = {}, .target = mount.target};
      if (mount.size_limit_bytes > 0) {
        shown.options.push_back(fmt::format("size={}", mount.size_limit_bytes));
      }
      show(std::move(shown), true);
      return {};
    }
    case Mount::Type::kSecret:
      return add_secret(mount, work);
    case Mount::Type::kSsh:
      return add_agent(mount, work);
  }
  return {};
}

void RunMounts::show(runtime::Mount mount, bool is_folder) {
  points_.push_back({mount.target, is_folder});
  mounts_.push_back(std::move(mount));
}

Status RunMounts::add_bind(const Mount& mount, std::unique_ptr<SourceFiles> files,
                           BuildWork& work) {
  const std::string path = mount.source.empty() ? "." : mount.source;
  STRATA_TRY(const SourceTree::Place place, files->tree().find(path, work.pool));
  if (!place.exists) {
    return error(ErrorCode::kNotFound, "--mount=type=bind: source {}: no such file or folder in {}",
                 path, mount.from.empty() ? "the build context" : mount.from);
  }
  Copy as_copied;
  as_copied.sources = {path};
  as_copied.destination = "/";
  STRATA_TRY(const CopyPlan plan,
             plan_copy(as_copied,
                       {.tree = &files->tree(), .cache = files->sums(), .form = work.request.form},
                       work.pool));
  words_.push_back(plan.sum());
  STRATA_TRY(std::string top, files->path());
  show({.source = place.path == "." ? top : fmt::format("{}/{}", top, place.path),
        .target = mount.target,
        .read_only = mount.read_only},
       place.entry.is_folder());
  if (!mount.read_only) scratches_.push_back(mounts_.size() - 1);
  files_.push_back(std::move(files));
  return {};
}

Status RunMounts::add_secret(const Mount& given, const BuildWork& work) {
  Mount mount = given;
  if (mount.id.empty()) mount.id = last_part(mount.source.empty() ? mount.target : mount.source);
  auto source = work.request.secrets.find(mount.id);
  if (source == work.request.secrets.end()) {
    if (!mount.required) return {};
    return error(ErrorCode::kNotFound, "secret {}: not found; --secret id={},src=FILE gives it",
                 mount.id, mount.id);
  }
  STRATA_TRY(std::string content, read_secret(source->second).context("secret {}", mount.id));
  if (!mount.env.empty()) environment_.push_back(fmt::format("{}={}", mount.env, content));
  if (!mount.env.empty() && mount.target.empty()) return {};
  if (mount.target.empty()) mount.target = "/run/secrets/" + mount.id;
  secrets_.push_back({mounts_.size(), mount, std::move(content)});
  show({.source = {}, .target = mount.target, .read_only = true}, false);
  return {};
}

void RunMounts::add_script(const std::string& target, const std::string& text) {
  words_.push_back(Digest::of(text).to_string());
  Mount what;
  what.id = target;
  what.mode = 0755;
  secrets_.push_back({mounts_.size(), what, text});
  show({.source = {}, .target = target, .read_only = true}, false);
}

Status RunMounts::add_agent(const Mount& given, const BuildWork& work) {
  const std::string id = given.id.empty() ? "default" : given.id;
  auto socket = work.request.ssh.find(id);
  if (socket == work.request.ssh.end()) {
    if (!given.required) return {};
    return error(ErrorCode::kNotFound, "ssh agent {}: not found; --ssh {} gives it", id, id);
  }
  const std::string target =
      given.target.empty() ? fmt::format("/run/buildkit/ssh_agent.{}", agents_) : given.target;
  if (agents_++ == 0) environment_.push_back("SSH_AUTH_SOCK=" + target);
  show({.source = socket->second, .target = target}, false);
  return {};
}

Status RunMounts::prepare(const Fd& place, const std::string& path, BuildWork& work) {
  for (const Cache& cache : caches_) STRATA_CHECK(take_cache(cache, work));
  for (size_t mount : scratches_) STRATA_CHECK(cover(mount, place, path));
  if (secrets_.empty()) return {};
  // In memory, so that no disk ever has them; our own mount namespace ends with us.
  const std::string folder = fmt::format("{}/{}", path, kSecretsName);
  STRATA_CHECK(mkdir_at(place, std::string(kSecretsName), 0700));
  STRATA_CHECK(driver::mount_memory(folder));
  mounted_.push_back(folder);
  STRATA_TRY(Fd secrets, open_path(folder, O_RDONLY | O_DIRECTORY));
  for (size_t i = 0; i < secrets_.size(); ++i) {
    const Secret& secret = secrets_[i];
    const std::string name = fmt::format("{}", i);
    STRATA_CHECK(write_file_at(secrets, name, secret.content, 0600));
    STRATA_TRY(Fd file, open_at(secrets, name, O_RDWR));
    STRATA_CHECK(set_owner(file, secret.what, 0400, secret.what.id));
    mounts_[secret.mount].source = fmt::format("{}/{}", folder, name);
  }
  return {};
}

// What is written goes to a folder of the step's own, which nobody keeps. A file is that of its
// folder so covered.
Status RunMounts::cover(size_t mount, const Fd& place, const std::string& path) {
  std::string source = mounts_[mount].source;
  std::string file;
  if (!points_[mount].is_folder) {
    file = "/" + last_part(source);
    source.resize(source.rfind('/'));
  }
  const std::string name = fmt::format("bind-{}", mount);
  STRATA_CHECK(mkdir_at(place, name, 0700));
  STRATA_TRY(const Fd folder, open_dir_at(place, name));
  for (const char* part : {"diff", "work", "merged"}) STRATA_CHECK(mkdir_at(folder, part, 0755));
  STRATA_TRY(const Fd below, open_path(source, O_PATH | O_DIRECTORY));
  const std::string target = fmt::format("{}/{}/merged", path, name);
  STRATA_CHECK(driver::mount_upper(place, {fmt::format("/proc/self/fd/{}", below.get())}, folder,
                                   driver::FileSyncs::kSkipped, target));
  mounts_[mount].source = target + file;
  mounted_.push_back(target);
  return {};
}

Status RunMounts::release() {
  Status first;
  for (const std::string& folder : std::exchange(mounted_, {})) {
    Status gone = driver::detach(folder);
    if (first.ok()) first = std::move(gone);
  }
  return first;
}

// The cache's folder; made with its owner, mode and first content when it is not there. Others that
// make it at the same time: the first one counts.
Result<Fd> RunMounts::open_cache(const Fd& home, const std::string& name, const Cache& cache,
                                 Pool& pool) {
  STRATA_TRY(bool there, exists_at(home, name));
  if (there) return open_dir_at(home, name);
  const std::string made = fmt::format("new-{}", random_hex(8));
  STRATA_CHECK(mkdir_at(home, made, 0700));
  STRATA_TRY(Fd folder, open_dir_at(home, made));
  if (cache.files != nullptr) {
    STRATA_CHECK(copy_tree(*cache.files, cache.what, folder, pool));
  }
  STRATA_CHECK(set_owner(folder, cache.what, 0755, name));
  Status named = rename_at(home, made, home, name, Existing::kKeep);
  if (named.ok()) return folder;
  STRATA_CHECK(remove_tree_at(home, made));
  if (named.error().code() != ErrorCode::kConflict) return std::move(named).error();
  return open_dir_at(home, name);
}

Status RunMounts::take_cache(const Cache& cache, const BuildWork& work) {
  const Mount& what = cache.what;
  STRATA_CHECK(ensure_dirs_at(work.store.root(), std::string(kCacheFolder), 0700));
  STRATA_TRY(Fd home, open_dir_at(work.store.root(), std::string(kCacheFolder)));
  const std::string digest = Digest::of(what.id).hex();
  const bool is_private = what.sharing == Mount::Sharing::kPrivate;
  const auto mode = what.sharing == Mount::Sharing::kShared ? FileLock::Mode::kShared
                                                            : FileLock::Mode::kExclusive;
  std::string name = digest;
  for (int copy = 1; copy < kPrivateCachesMax; ++copy) {
    STRATA_TRY(Fd file, open_at(home, name + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!is_private) {
      STRATA_TRY(FileLock lock, FileLock::acquire(std::move(file), mode));
      locks_.push_back(std::move(lock));
      break;
    }
    STRATA_TRY(std::optional<FileLock> lock, FileLock::try_acquire(std::move(file), mode));
    if (lock.has_value()) {
      locks_.push_back(std::move(*lock));
      break;
    }
    name = fmt::format("{}-{}", digest, copy);
  }
  STRATA_TRY(Fd folder, open_cache(home, name, cache, work.pool));
  STRATA_TRY(mounts_[cache.mount].source, driver::path_of(folder));
  return {};
}

}  // namespace strata::build
