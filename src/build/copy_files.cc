// SPDX-License-Identifier: Apache-2.0
#include "build/copy_files.h"

#include <unistd.h>

#include <cerrno>

#include "build/copy_plan.h"
#include "build/target_tree.h"
#include "build/tree_path.h"
#include "build/unpack_tar.h"
#include "codec/decompress.h"
#include "runtime/users.h"

namespace strata::build {
namespace {

// "user", "user:group", names or numbers. A user alone stands for the group as well, by its name.
Result<Owner> find_owner(const std::string& chown, const Fd& top) {
  constexpr std::string_view kContext = "unable to convert uid/gid chown string to host mapping";
  const size_t colon = chown.find(':');
  const std::string user = chown.substr(0, colon);
  const std::string group = colon == std::string::npos ? user : chown.substr(colon + 1);
  if (group.find(':') != std::string::npos) {
    return error(ErrorCode::kInvalid, "{}: invalid chown string format: {}", kContext, chown);
  }
  Owner owner;
  Result<runtime::User> found = runtime::resolve_user(top, user, {});
  if (user.empty() || !found.ok()) {
    return error(ErrorCode::kInvalid, "{}: can't find uid for user {}: no such user: {}", kContext,
                 user, user);
  }
  owner.uid = found->uid;
  found = runtime::resolve_user(top, "0:" + group, {});
  if (group.empty() || !found.ok()) {
    return error(ErrorCode::kInvalid, "{}: can't find gid for group {}: no such group: {}",
                 kContext, group, group);
  }
  owner.gid = found->gid;
  return owner;
}

}  // namespace

// Does what a plan says, source by source.
class CopyWork {
 public:
  CopyWork(const CopyPlan::State& state, const std::string& workdir, const CopyTarget& target,
           Pool& pool)
      : state_(state), target_(target), pool_(pool) {
    const std::string& wanted = state.request.destination;
    path_ = wanted.starts_with('/') ? wanted : workdir + "/" + wanted;
    wants_folder_ = wanted.ends_with('/');
  }

  Status run() {
    const Copy& request = state_.request;
    if (!request.chown.empty()) {
      STRATA_TRY(owner_, find_owner(request.chown, *target_.merged));
    }
    if (!request.chmod.empty()) {
      STRATA_TRY(chmod_, ModeChange::parse(request.chmod));
    }
    // --link: as if the tree were empty. What is made there lies above what was there before.
    if (request.link && target_.upper != nullptr) target_.merged = target_.upper;
    STRATA_TRY(TargetTree tree, TargetTree::open(*target_.merged, pool_));
    for (const CopySource& source : state_.sources) {
      STRATA_CHECK(copy(source, tree).context("failed to copy files"));
    }
    return {};
  }

 private:
  TreeCopier copier(const CopySource& source) const {
    CopyRules rules;
    if (!source.keeps_owner) rules.owner = owner_;
    rules.chmod = chmod_;
    return TreeCopier(source.tree == nullptr ? *state_.origin.tree : *source.tree, target_, rules,
                      pool_);
  }

  Status copy(const CopySource& source, TargetTree& tree) {
    STRATA_TRY(const SourceTree::Place place, tree.find(path_));
    if (source.tree != nullptr && source.place.entry.is_folder()) {
      return copy_folder(source, place, tree);
    }
    if (source.may_unpack) {
      STRATA_TRY(const bool unpacked, unpack(source, place, tree));
      if (unpacked) return {};
    }
    std::string path = place.path;
    if (wants_folder_ || (place.exists && place.entry.is_folder())) {
      path = join_path(path, source.name);
    }
    STRATA_TRY(const bool is_new, tree.make_folders(split_path(path).folder, owner_)
                                      .context("failed to create new directory"));
    (void)is_new;
    if (source.text) return copier(source).write_file(*source.text, path);
    return copier(source).copy_file(source.place, path);
  }

  // ADD: the content of a tar goes into the destination, with the owners that it says.
  Result<bool> unpack(const CopySource& source, const SourceTree::Place& place, TargetTree& tree) {
    if (!source.place.entry.is_file()) return false;
    STRATA_TRY(Fd file,
               open_in_root(source.tree->top(), source.place.path, O_RDONLY, 0, Symlinks::kRefuse));
    FdSource probe(file.get());
    if (!begins_as_tar(probe)) return false;
    STRATA_TRY(const bool is_new, tree.make_folders(place.path, Owner()));
    const Fd& top = is_new && target_.upper != nullptr ? *target_.upper : *target_.merged;
    STRATA_TRY(Fd into,
               open_in_root(top, place.path, O_RDONLY | O_DIRECTORY, 0, Symlinks::kRefuse));
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return errno_error(errno, "seek");
    FdSource bytes(file.get());
    STRATA_TRY(const std::unique_ptr<ByteSource> tar, codec::open_decompressed(bytes));
    STRATA_CHECK(unpack_tar(*tar, into, nullptr, pool_));
    return true;
  }

  Status copy_folder(const CopySource& source, const SourceTree::Place& place, TargetTree& tree) {
    STRATA_TRY(const bool is_new,
               tree.make_folders(place.path, Owner()).context("failed to copy directory"));
    // Docker's daemon works in a temporary folder in there.
    if (!is_new) STRATA_CHECK(tree.touch(place.path));
    if (is_new && !source.keeps_owner) STRATA_CHECK(tree.set_owner(place.path, owner_));
    STRATA_TRY(const auto list, source.tree->list(source.place.path, pool_));
    const std::optional<size_t> top = list->find(source.place.path);
    if (!top) return error(ErrorCode::kNotFound, "{} is gone", source.place.path);
    return copier(source).copy_content(*list, *top, source.selection, place.path, is_new);
  }

  const CopyPlan::State& state_;
  CopyTarget target_;
  Pool& pool_;
  Owner owner_;
  std::optional<ModeChange> chmod_;
  std::string path_;
  bool wants_folder_;
};

Status copy_files(const CopyPlan& plan, const std::string& workdir, const CopyTarget& target,
                  Pool& pool) {
  return CopyWork(*plan.state_, workdir, target, pool).run();
}

}  // namespace strata::build
