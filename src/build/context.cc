// SPDX-License-Identifier: Apache-2.0
#include "build/context.h"

#include "tar/path.h"

namespace strata::build {

// What came as a tar or repository; taken away with the context.
class BuildContext::TemporaryFolder {};

BuildContext::BuildContext() = default;
BuildContext::~BuildContext() = default;

namespace {

constexpr char kDefaultName[] = "Dockerfile";
constexpr char kLowerCaseName[] = "dockerfile";

// "/a/b/c" relative to "/a": "b/c"; nothing if it lies elsewhere.
std::optional<std::string> relative_to(const std::string& folder, const std::string& path) {
  if (folder == "/") return path.substr(1);
  if (!path.starts_with(folder + "/")) return std::nullopt;
  return path.substr(folder.size() + 1);
}

Error prepare_error(std::string_view what) {
  return error(ErrorCode::kInvalid, "unable to prepare context: {}", what);
}

}  // namespace

class ContextOpener {
 public:
  ContextOpener(const ContextOptions& options) : options_(options), context_(new BuildContext) {}

  Result<std::unique_ptr<BuildContext>> run() {
    if (!open_path(options_.place, O_PATH).ok()) {
      return prepare_error(fmt::format("path \"{}\" not found", options_.place));
    }
    STRATA_TRY(folder_, real_path(options_.place));
    STRATA_TRY(Fd top, open_path(folder_, O_PATH));
    STRATA_TRY(struct stat info, stat_fd(top.get()));
    if (!S_ISDIR(info.st_mode)) {
      return prepare_error(fmt::format("context must be a directory: {}", folder_));
    }
    STRATA_TRY(top, open_path(folder_, O_RDONLY | O_DIRECTORY));
    STRATA_CHECK(find_dockerfile());
    STRATA_TRY(IgnoreMatcher ignore, read_ignore(top));
    context_->sums_ = SumCache::open(*options_.root, info);
    context_->tree_ =
        std::make_unique<SourceTree>(std::move(top), SourceTree::Kind::kContext, std::move(ignore));
    return std::move(context_);
  }

 private:
  Status find_dockerfile() {
    std::string wanted = options_.dockerfile;
    if (wanted.empty()) {
      wanted = folder_ + "/" + kDefaultName;
      const std::string other = folder_ + "/" + kLowerCaseName;
      if (!lstat_at(Fd(), wanted).ok() && lstat_at(Fd(), other).ok()) wanted = other;
    }
    Result<std::string> real = real_path(wanted);
    if (!real.ok()) {
      return prepare_error(fmt::format(
          "unable to evaluate symlinks in Dockerfile path: lstat {}: no such file or directory",
          wanted));
    }
    STRATA_TRY(context_->dockerfile_text_, read_file_at(Fd(), *real));
    std::optional<std::string> inside = relative_to(folder_, *real);
    dockerfile_path_ = *real;
    context_->dockerfile_name_ = inside.value_or(*real);
    return {};
  }

  // Dockerfile.dockerignore beside the Dockerfile comes before .dockerignore.
  Result<IgnoreMatcher> read_ignore(const Fd& top) {
    STRATA_TRY(std::optional<std::string> text,
               read_file_if_exists_at(Fd(), dockerfile_path_ + ".dockerignore"));
    if (!text) {
      STRATA_TRY(text, read_file_if_exists_at(top, ".dockerignore"));
    }
    STRATA_TRY(std::vector<std::string> patterns, read_ignore_file(text.value_or("")));
    return IgnoreMatcher::make(patterns).context("error checking context");
  }

  const ContextOptions& options_;
  std::unique_ptr<BuildContext> context_;
  std::string folder_;
  std::string dockerfile_path_;
};

Result<std::unique_ptr<BuildContext>> BuildContext::open(const ContextOptions& options, Pool&) {
  return ContextOpener(options).run();
}

Result<std::unique_ptr<BuildContext>> BuildContext::open_named(const ContextOptions&, Pool&) {
  return error(ErrorCode::kUnsupported, "named contexts are not implemented yet");
}

}  // namespace strata::build
