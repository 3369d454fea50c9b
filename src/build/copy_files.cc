// SPDX-License-Identifier: Apache-2.0
#include "build/copy_files.h"

#include "tar/path.h"

namespace strata::build {

// One thing to be copied.
struct CopySource {
  SourceTree* tree;
  SourceTree::Place place;
  std::string
      name;  // that it gets in a folder: the last component as written, before links are followed
};

struct CopyPlan::State {
  Copy request;
  CopyOrigin origin;
  std::unique_ptr<ContentSums> sums;
  std::vector<CopySource> sources;
  std::vector<std::string> parts;  // sums, in order
  std::string sum;
};

CopyPlan::CopyPlan(std::unique_ptr<State> state) : state_(std::move(state)) {}
CopyPlan::CopyPlan(CopyPlan&&) noexcept = default;
CopyPlan::~CopyPlan() = default;
const std::string& CopyPlan::sum() const { return state_->sum; }

namespace {

std::string_view keyword(const Copy& request) { return request.is_add ? "ADD" : "COPY"; }

std::string last_component(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

// Finds what the sources of a request mean, in order.
class CopyPlanner {
 public:
  CopyPlanner(CopyPlan::State& state, Pool& pool) : state_(state), pool_(pool) {}

  Status run() {
    for (const std::string& source : state_.request.sources) STRATA_CHECK(add_source(source));
    if (state_.sources.empty()) return invalid("no source files were specified");
    if (state_.sources.size() > 1 && !state_.request.destination.ends_with('/')) {
      return error(ErrorCode::kInvalid,
                   "When using {} with more than one source file, the destination must be a "
                   "directory and end with a /",
                   keyword(state_.request));
    }
    state_.sum = join_sums(state_.parts);
    return {};
  }

 private:
  Error invalid(std::string_view what) const {
    return error(ErrorCode::kInvalid, "{} failed: {}", keyword(state_.request), what);
  }

  Status add_source(const std::string& source) {
    // Docker compares patterns with paths as they are, apart from what leads to the top.
    std::string_view text = source;
    if (text.size() > 1 && text.starts_with('/')) text.remove_prefix(1);
    if (text.starts_with("./")) text.remove_prefix(2);
    if (has_wildcards(text)) return add_matches(text);
    return add_path(std::string(text));
  }

  Status add_path(const std::string& path) {
    if (tar::leaves_root(path)) return forbidden(path);
    Result<SourceTree::Place> place = state_.origin.tree->find(path, pool_);
    if (!place.ok()) {
      return place.error().code() == ErrorCode::kInvalid ? forbidden(path)
                                                         : Status(std::move(place).error());
    }
    if (!place->exists) {
      return error(ErrorCode::kNotFound,
                   "{} failed: file not found in build context or excluded by .dockerignore: stat "
                   "{}: file does not exist",
                   keyword(state_.request), tar::clean_path(path));
    }
    STRATA_TRY(std::string sum, state_.sums->sum(*place, pool_));
    state_.parts.push_back(std::move(sum));
    std::string name = last_component(tar::clean_path(path));
    state_.sources.push_back({state_.origin.tree, std::move(*place), std::move(name)});
    return {};
  }

  Status forbidden(const std::string& path) const {
    return invalid(fmt::format("forbidden path outside the build context: {} ()", path));
  }

  // What is bad in a pattern matches nothing.
  Status add_matches(std::string_view text) {
    Result<PathPattern> pattern = PathPattern::compile(text, PathPattern::DoubleStar::kNotSpecial);
    if (!pattern.ok()) return {};
    STRATA_TRY(const auto list, state_.origin.tree->list(".", pool_));
    for (size_t i = 1; i < list->size(); ++i) {
      const std::string path = list->path(i);
      if (pattern->matches(path)) STRATA_CHECK(add_path(path));
    }
    return {};
  }

  CopyPlan::State& state_;
  Pool& pool_;
};

Result<CopyPlan> plan_copy(const Copy& request, const CopyOrigin& origin, Pool& pool) {
  auto state = std::make_unique<CopyPlan::State>();
  state->request = request;
  state->origin = origin;
  state->sums = std::make_unique<ContentSums>(*origin.tree, origin.form, origin.cache);
  STRATA_CHECK(CopyPlanner(*state, pool).run());
  return CopyPlan(std::move(state));
}

namespace {

// The destination and what has to be made for it.
class Destination {
 public:
  Destination(const CopyTarget& target, Pool& pool) : target_(target), pool_(pool) {}

  Status open() {
    STRATA_TRY(Fd top, target_.merged->duplicate());
    tree_ = std::make_unique<SourceTree>(std::move(top), SourceTree::Kind::kStage);
    return {};
  }

  Result<SourceTree::Place> find(const std::string& path) { return tree_->find(path, pool_); }

  // Makes a canonical path of folders, as far as they are not there. Returns whether the last is new.
  Result<bool> make_folders(const std::string& path, const Owner& owner) {
    bool is_new = false;
    for (size_t slash = 0; slash != std::string::npos;) {
      slash = path.find('/', slash + 1);
      const std::string folder = path.substr(0, slash);
      STRATA_TRY(SourceTree::Place place, find(folder));
      is_new = !place.exists;
      if (!is_new) continue;
      STRATA_CHECK(mkdir_at(*target_.merged, folder, 0755));
      if (::fchownat(target_.merged->get(), folder.c_str(), owner.uid, owner.gid,
                     AT_SYMLINK_NOFOLLOW) != 0) {
        return errno_error(errno, "chown " + folder);
      }
    }
    return is_new;
  }

 private:
  const CopyTarget target_;
  Pool& pool_;
  std::unique_ptr<SourceTree> tree_;
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

// Does what a plan says, source by source.
class CopyWork {
 public:
  CopyWork(const CopyPlan::State& state, const std::string& workdir, const CopyTarget& target,
           Pool& pool)
      : state_(state), target_(target), pool_(pool), destination_(target, pool) {
    const std::string& wanted = state.request.destination;
    path_ = wanted.starts_with('/') ? wanted : workdir + "/" + wanted;
    wants_folder_ = wanted.ends_with('/');
  }

  Status run() {
    STRATA_CHECK(destination_.open());
    if (state_.request.from.empty()) rules_.owner = Owner();
    for (const CopySource& source : state_.sources) {
      STRATA_TRY(SourceTree::Place place, destination_.find(path_));
      STRATA_CHECK(source.place.entry.is_folder() ? copy_folder(source, place)
                                                  : copy_file(source, place));
    }
    return {};
  }

 private:
  Status copy_folder(const CopySource& source, const SourceTree::Place& place) {
    STRATA_TRY(const bool is_new, destination_.make_folders(place.path, Owner()));
    STRATA_TRY(const auto list, source.tree->list(source.place.path, pool_));
    const std::optional<size_t> top = list->find(source.place.path);
    if (!top) return error(ErrorCode::kNotFound, "{} is gone", source.place.path);
    return TreeCopier(*source.tree, target_, rules_, pool_)
        .copy_content(*list, *top, place.path, is_new);
  }

  Status copy_file(const CopySource& source, const SourceTree::Place& place) {
    std::string path = place.path;
    if (wants_folder_ || (place.exists && place.entry.is_folder())) {
      path = path == "." ? source.name : path + "/" + source.name;
    }
    STRATA_TRY(bool is_new,
               destination_.make_folders(folder_of(path), rules_.owner.value_or(Owner())));
    (void)is_new;
    return TreeCopier(*source.tree, target_, rules_, pool_).copy_file(source.place, path);
  }

  const CopyPlan::State& state_;
  const CopyTarget target_;
  Pool& pool_;
  Destination destination_;
  CopyRules rules_;
  std::string path_;
  bool wants_folder_;
};

Status copy_files(const CopyPlan& plan, const std::string& workdir, const CopyTarget& target,
                  Pool& pool) {
  return CopyWork(*plan.state_, workdir, target, pool).run();
}

}  // namespace strata::build
