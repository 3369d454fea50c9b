// SPDX-License-Identifier: Apache-2.0
#include "build/copy_plan.h"

#include "build/git_source.h"
#include "build/remote_file.h"
#include "build/tree_path.h"
#include "tar/path.h"

namespace strata::build {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

// A heredoc counts as the file that it becomes.
std::string sum_of_text(const std::string& name, const std::string& text) {
  return "file:" +
         Digest::of(fmt::format("name{}mode{}size{}{}", name, 0100644, text.size(), text)).hex();
}

Result<Digest> digest_of(ByteSource& source) {
  Sha256 hash;
  std::vector<std::byte> buffer(kReadBytes);
  while (true) {
    STRATA_TRY(const size_t count, source.read(buffer));
    if (count == 0) return hash.finish();
    hash.update(ByteSpan(buffer).first(count));
  }
}

// The folders in front of the first component that is a pattern: nothing else need be looked through.
std::string folder_before_pattern(std::string_view text) {
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t slash = text.find('/', at);
    if (slash == std::string_view::npos) break;
    const std::string_view part = text.substr(at, slash - at);
    if (has_wildcards(part) || part.find('\\') != std::string_view::npos) break;
    at = slash + 1;
    end = slash;
  }
  return end == 0 ? "." : std::string(text.substr(0, end));
}

}  // namespace

// Finds what the sources of a request mean, in order.
class CopyPlanner {
 public:
  CopyPlanner(CopyPlan::State& state, Pool& pool) : state_(state), pool_(pool) {}

  Status run() {
    const Copy& request = state_.request;
    STRATA_TRY(excludes_, IgnoreMatcher::make(request.excludes));
    if (!request.checksum.empty()) STRATA_CHECK(check_sources_of_checksum());
    for (const std::string& source : request.sources) STRATA_CHECK(add_source(source));
    for (const Heredoc& heredoc : request.heredocs) add_text(heredoc);
    if (state_.sources.empty()) return invalid("no source files were specified");
    if (state_.sources.size() > 1 && !request.parents && !request.destination.ends_with('/')) {
      return error(ErrorCode::kInvalid,
                   "When using {} with more than one source file, the destination must be a "
                   "directory and end with a /",
                   keyword());
    }
    state_.sum = join_sums(state_.parts);
    return {};
  }

 private:
  std::string_view keyword() const { return state_.request.is_add ? "ADD" : "COPY"; }
  Error invalid(std::string_view what) const {
    return error(ErrorCode::kInvalid, "{} failed: {}", keyword(), what);
  }
  Error forbidden(const std::string& path) const {
    return invalid(fmt::format("forbidden path outside the build context: {} ()", path));
  }
  Error missing(const std::string& path) const {
    const bool context = state_.origin.tree->kind() == SourceTree::Kind::kContext;
    return error(ErrorCode::kNotFound, "{} failed: {}stat {}: file does not exist", keyword(),
                 context ? "file not found in build context or excluded by .dockerignore: " : "",
                 path);
  }

  Status check_sources_of_checksum() const {
    const Copy& request = state_.request;
    if (request.sources.size() != 1 || !request.heredocs.empty()) {
      return invalid("checksum can't be specified for multiple sources");
    }
    const std::string& source = request.sources[0];
    Result<std::optional<GitReference>> git = GitReference::parse(source);
    if (is_http_url(source) || !git.ok() || *git) return {};
    return invalid("checksum requires HTTP(S) or Git sources");
  }

  Status add_source(const std::string& source) {
    STRATA_TRY(std::optional<GitReference> git,
               GitReference::parse(source).context("{} failed", keyword()));
    if (git || is_http_url(source)) {
      if (!state_.request.is_add) return invalid("source can't be a URL for COPY");
      STRATA_TRY(Fd folder, new_folder());
      return git ? add_repository(std::move(*git), std::move(folder))
                 : add_download(source, std::move(folder));
    }
    if (state_.request.parents) return add_with_parents(source);
    return add_matching(source, {});
  }

  // "a/./b*": what b* means below a, with its folders. Without "/./" it is what lies below the top.
  Status add_with_parents(const std::string& source) {
    const size_t pivot = source.find("/./");
    const bool has_pivot = pivot != std::string::npos;
    const std::string text = tar::clean_path(has_pivot ? source.substr(pivot + 3) : source);
    const std::string above = has_pivot ? source.substr(0, pivot) : ".";
    std::optional<PathPattern> include;
    if (text != ".") {
      Result<PathPattern> pattern =
          PathPattern::compile(text, PathPattern::DoubleStar::kAnyFolders);
      if (!pattern.ok()) return invalid(pattern.error().message());
      include = std::move(*pattern);
    }
    const size_t before = state_.sources.size();
    STRATA_CHECK(add_matching(above, include));
    const bool is_pattern = has_wildcards(above) || has_wildcards(text);
    if (state_.sources.size() == before && !is_pattern) return missing(above + "/" + text);
    return {};
  }

  Status add_matching(const std::string& source, const std::optional<PathPattern>& include) {
    // Docker compares a pattern with paths as it stands, apart from what leads to the top.
    std::string_view text = source;
    if (text.size() > 1 && text.starts_with('/')) text.remove_prefix(1);
    if (text.starts_with("./")) text.remove_prefix(2);
    if (!has_wildcards(text)) return add_path(std::string(text), include);
    // What is wrong in a pattern matches nothing.
    Result<PathPattern> pattern = PathPattern::compile(text, PathPattern::DoubleStar::kNotSpecial);
    if (!pattern.ok()) return {};
    const std::string folder = folder_before_pattern(text);
    STRATA_TRY(const SourceTree::Place top, state_.origin.tree->find(folder, pool_));
    if (!top.exists || top.path != folder || !top.entry.is_folder()) return {};
    STRATA_TRY(const auto list, state_.origin.tree->list(folder, pool_));
    for (size_t i = 1; i < list->size(); ++i) {
      const std::string path = list->path(i);
      if (pattern->matches(path)) STRATA_CHECK(add_path(path, include));
    }
    return {};
  }

  Status add_path(const std::string& path, const std::optional<PathPattern>& include) {
    if (tar::leaves_root(path)) return forbidden(path);
    Result<SourceTree::Place> place = state_.origin.tree->find(path, pool_);
    if (!place.ok()) {
      if (place.error().code() == ErrorCode::kInvalid) return forbidden(path);
      return std::move(place).error();
    }
    if (!place->exists) return missing(path);
    CopySource source;
    source.tree = state_.origin.tree;
    source.name = split_path(tar::clean_path(path)).name;
    source.place = std::move(*place);
    STRATA_TRY(const bool any, choose(source, include));
    if (!any) return {};
    source.may_unpack = state_.request.unpack.value_or(state_.request.is_add);
    source.keeps_owner = !state_.request.from.empty() && state_.request.chown.empty();
    STRATA_TRY(std::string sum, state_.sums->sum(source.place, source.selection));
    state_.parts.push_back(std::move(sum));
    state_.sources.push_back(std::move(source));
    return {};
  }

  // Takes of a source what --parents and --exclude leave. False: there is nothing of it.
  Result<bool> choose(CopySource& source, const std::optional<PathPattern>& include) {
    if (!source.place.entry.is_folder()) return !include && !excludes_.leaves_out(source.name);
    if (!include && excludes_.empty()) return true;
    STRATA_TRY(const auto list, source.tree->list(source.place.path, pool_));
    std::optional<Selection> selected =
        select(*list, list->find(source.place.path).value_or(0), include, excludes_);
    if (selected) source.selection = std::move(*selected);
    return selected.has_value();
  }

  // For what is fetched; it goes with the plan.
  Result<Fd> new_folder() {
    if (!state_.downloads) {
      STRATA_TRY(store::WorkFolder made, store::WorkFolder::create(*state_.origin.root));
      state_.downloads.emplace(std::move(made));
    }
    const std::string name = fmt::format("source-{}", state_.fetched.size());
    STRATA_CHECK(mkdir_at(state_.downloads->folder(), name, 0700));
    return open_dir_at(state_.downloads->folder(), name);
  }

  Status add_download(const std::string& url, Fd folder) {
    STRATA_TRY(const RemoteFile file, download(url, folder, pool_).context("{} failed", keyword()));
    if (file.given_name.empty() && state_.request.destination.ends_with('/')) {
      return invalid("cannot determine filename for source " + url);
    }
    if (!state_.request.checksum.empty()) STRATA_CHECK(check_sum(url, folder, file.name));
    // Docker takes it for a file of a stage, and leaves "file:" away.
    STRATA_CHECK(add_fetched(std::move(folder), SourceTree::Kind::kStage, file.name));
    std::string& sum = state_.parts.back();
    sum = sum.substr(sum.find(':') + 1);
    state_.sources.back().may_unpack = state_.request.unpack.value_or(false);
    return {};
  }

  Status check_sum(const std::string& url, const Fd& folder, const std::string& name) const {
    STRATA_TRY(const Digest expected, Digest::parse(state_.request.checksum));
    STRATA_TRY(Fd file, open_at(folder, name, O_RDONLY | O_NOFOLLOW));
    FdSource source(file.get());
    STRATA_TRY(const Digest found, digest_of(source));
    if (found == expected) return {};
    return error(ErrorCode::kCorrupt, "{} failed: digest mismatch for {}: {} (expected: {})",
                 keyword(), url, found, expected);
  }

  Status add_repository(GitReference reference, Fd folder) {
    const std::string& checksum = state_.request.checksum;
    if (!checksum.empty() && !reference.commit.empty() && reference.commit != checksum) {
      return invalid(fmt::format("checksum mismatch \"{}\" != \"{}\"", checksum, reference.commit));
    }
    if (!checksum.empty()) reference.commit = checksum;
    if (state_.request.keep_git_dir) reference.keep_git_dir = true;
    STRATA_CHECK(fetch_git(reference, folder).context("{} failed", keyword()));
    // As a context: owners and times are those of the moment.
    return add_fetched(std::move(folder), SourceTree::Kind::kContext,
                       reference.folder.empty() ? "." : reference.folder);
  }

  Status add_fetched(Fd folder, SourceTree::Kind kind, const std::string& path) {
    state_.fetched.push_back(std::make_unique<SourceTree>(std::move(folder), kind));
    CopySource source;
    source.tree = state_.fetched.back().get();
    STRATA_TRY(source.place, source.tree->find(path, pool_));
    if (!source.place.exists) return missing(path);
    source.name = split_path(path).name;
    if (source.place.entry.is_folder()) {
      STRATA_TRY(const bool any, choose(source, {}));
      if (!any) return {};
    }
    ContentSums sums(*source.tree, state_.origin.form, nullptr, pool_);
    STRATA_TRY(std::string sum, sums.sum(source.place, source.selection));
    state_.parts.push_back(std::move(sum));
    state_.sources.push_back(std::move(source));
    return {};
  }

  void add_text(const Heredoc& heredoc) {
    CopySource source;
    source.name = heredoc.name;
    source.text = heredoc.text();
    state_.parts.push_back(sum_of_text(source.name, *source.text));
    state_.sources.push_back(std::move(source));
  }

  CopyPlan::State& state_;
  Pool& pool_;
  IgnoreMatcher excludes_;
};

CopyPlan::CopyPlan(std::unique_ptr<State> state) : state_(std::move(state)) {}
CopyPlan::CopyPlan(CopyPlan&&) noexcept = default;
CopyPlan::~CopyPlan() = default;
const std::string& CopyPlan::sum() const { return state_->sum; }

Result<CopyPlan> plan_copy(const Copy& request, const CopyOrigin& origin, Pool& pool) {
  auto state = std::make_unique<CopyPlan::State>();
  state->request = request;
  state->origin = origin;
  state->sums = std::make_unique<ContentSums>(*origin.tree, origin.form, origin.cache, pool);
  STRATA_CHECK(CopyPlanner(*state, pool).run());
  return CopyPlan(std::move(state));
}

}  // namespace strata::build
