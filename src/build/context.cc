// SPDX-License-Identifier: Apache-2.0
#include "build/context.h"

#include "base/interrupt.h"
#include "build/git_source.h"
#include "build/remote_file.h"
#include "build/tree_path.h"
#include "build/unpack_tar.h"
#include "codec/decompress.h"
#include "registry/web_file.h"
#include "tar/path.h"

namespace strata::build {
namespace {

constexpr char kDefaultName[] = "Dockerfile";
constexpr char kLowerCaseName[] = "dockerfile";
constexpr char kIgnoreFile[] = ".dockerignore";
constexpr size_t kHeaderBytes = 512;

// "/a/b/c" relative to "/a": "b/c"; nothing if it lies elsewhere.
std::optional<std::string> relative_to(const std::string& folder, const std::string& path) {
  const std::string start = folder == "/" ? folder : folder + "/";
  if (!path.starts_with(start)) return std::nullopt;
  return path.substr(start.size());
}

Error prepare_error(std::string_view what) {
  return error(ErrorCode::kInvalid, "unable to prepare context: {}", what);
}

Error not_located(const std::string& name) {
  return error(ErrorCode::kNotFound, "Cannot locate specified Dockerfile: {}", name);
}

Result<IgnoreMatcher> matcher_of(const std::optional<std::string>& text) {
  STRATA_TRY(std::vector<std::string> patterns, read_ignore_file(text.value_or("")));
  return IgnoreMatcher::make(patterns).context("error checking context");
}

Result<std::string> read_small(Fd file, const std::string& path) {
  STRATA_TRY(struct stat info, stat_fd(file.get()));
  if (!S_ISREG(info.st_mode)) {
    return error(ErrorCode::kInvalid, "unexpected error reading Dockerfile: read {}: {}", path,
                 S_ISDIR(info.st_mode) ? "is a directory" : "not a regular file");
  }
  FdSource source(file.get());
  return read_to_end(source, kSmallFileBytes);
}

Result<std::optional<std::string>> read_if_there(Result<Fd> file, const std::string& path) {
  if (file.ok()) {
    STRATA_TRY(std::string text, read_small(std::move(*file), path));
    return std::optional(std::move(text));
  }
  if (file.error().code() == ErrorCode::kNotFound) return std::optional<std::string>();
  return std::move(file).error();
}

Result<std::optional<std::string>> read_if_there(const Fd& top, const std::string& path) {
  return read_if_there(open_in_root(top, path, O_RDONLY | O_NONBLOCK), path);
}

// What docker's client says is not there: the first folder on the way that is missing, or where a link leads.
Result<std::string> first_missing(std::string path) {
  if (!path.starts_with('/')) {
    STRATA_TRY(const std::string here, real_path("."));
    path = here + "/" + tar::clean_path(path);
  }
  for (size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    Result<struct stat> info = lstat_at(Fd(), part);
    if (!info.ok()) return part;
    if (slash != std::string::npos || !S_ISLNK(info->st_mode)) continue;
    Result<std::string> target = readlink_at(Fd(), path);
    if (!target.ok()) return target;
    return target->starts_with('/') ? target : split_path(path).folder + "/" + *target;
  }
  return path;
}

}  // namespace

BuildContext::BuildContext() = default;

BuildContext::~BuildContext() {
  // Without them the next build takes longer, and nothing else.
  if (sums_ != nullptr) (void)sums_->save().ok();
}

class ContextOpener {
 public:
  ContextOpener(const ContextOptions& options, bool is_named, Pool& pool)
      : options_(options), is_named_(is_named), pool_(pool), context_(new BuildContext) {}

  Result<std::unique_ptr<BuildContext>> run() {
    const std::string& place = options_.place;
    Result<std::optional<GitReference>> git = GitReference::parse(place);
    const Result<Fd> there = open_path(place, O_PATH);
    const ErrorCode why = there.ok() ? ErrorCode::kNotFound : there.error().code();
    if (place == "-") {
      STRATA_CHECK(open_standard_input());
    } else if (there.ok()) {
      STRATA_CHECK(open_folder());
    } else if (!git.ok()) {
      return prepare_error(git.error().message());
    } else if (*git) {
      STRATA_CHECK(open_repository(std::move(**git)));
    } else if (is_http_url(place)) {
      STRATA_CHECK(open_url());
    } else if (why == ErrorCode::kIo || why == ErrorCode::kNoSpace) {
      return prepare_error(there.error().message());
    } else {
      return prepare_error(fmt::format("path \"{}\" not found", place));
    }
    return std::move(context_);
  }

 private:
  Status open_standard_input() {
    if (options_.dockerfile == "-") {
      return error(ErrorCode::kInvalid,
                   "invalid argument: can't use stdin for both build context and dockerfile");
    }
    WaitingSource input(options_.standard_input);
    return open_stream(input);
  }

  // Unpacked while it arrives.
  Status open_url() {
    STRATA_TRY(const std::unique_ptr<registry::WebFile> file,
               registry::WebFile::open(options_.place, registry::client_options(), pool_));
    codec::PeekSource peek(*file);
    Result<ByteSpan> head = peek.peek(1);
    if (!head.ok()) {
      return prepare_error(fmt::format("unable to download remote context {}: {}", options_.place,
                                       head.error().message()));
    }
    return open_stream(peek);
  }

  // A tar, or a Dockerfile alone.
  Status open_stream(ByteSource& stream) {
    codec::PeekSource peek(stream);
    STRATA_TRY(const ByteSpan head, peek.peek(kHeaderBytes));
    STRATA_TRY(Fd top, new_folder("context"));
    if (codec::detect_compression(head) != codec::Compression::kNone || is_tar_header(head)) {
      STRATA_TRY(const std::unique_ptr<ByteSource> tar, codec::open_decompressed(peek));
      MemberSums sums;
      STRATA_CHECK(unpack_tar(*tar, top, &sums, pool_).context("Error processing tar file"));
      return finish_tar(std::move(top), std::move(sums));
    }
    if (is_named_) return prepare_error("the content of a named context is no tar");
    STRATA_TRY(context_->dockerfile_text_, read_to_end(peek, kSmallFileBytes));
    context_->dockerfile_name_ = kDefaultName;
    STRATA_CHECK(write_file_at(top, kDefaultName, context_->dockerfile_text_, 0644));
    context_->tree_ = std::make_unique<SourceTree>(std::move(top), SourceTree::Kind::kContext);
    return {};
  }

  Status finish_tar(Fd top, MemberSums sums) {
    if (!is_named_) {
      STRATA_CHECK(read_inner_dockerfile(top));
      STRATA_TRY(const auto text, read_if_there(top, kIgnoreFile));
      // Docker's daemon does not mind what is wrong in it.
      Result<IgnoreMatcher> ignore = matcher_of(text);
      if (!ignore.ok()) ignore = IgnoreMatcher();
      for (const std::string& name : {std::string(kIgnoreFile), context_->dockerfile_name_}) {
        const std::string path = tar::clean_path(name);
        if (!ignore->leaves_out(path)) continue;
        const SplitPath place = split_path(path);
        STRATA_TRY(Fd folder, open_in_root(top, place.folder, O_RDONLY | O_DIRECTORY));
        STRATA_CHECK(unlink_at(folder, place.name));
      }
    }
    context_->tree_ = std::make_unique<SourceTree>(std::move(top), std::move(sums));
    return {};
  }

  Status open_repository(GitReference reference) {
    STRATA_TRY(Fd repository, new_folder("context"));
    if (options_.keep_git_dir) reference.keep_git_dir = true;
    Status fetched = fetch_git(reference, repository);
    if (!fetched.ok()) {
      return prepare_error(fmt::format("unable to 'git clone' to temporary context directory: {}",
                                       fetched.error().message()));
    }
    Fd top = std::move(repository);
    if (!reference.folder.empty()) {
      Result<Fd> inner = open_in_root(top, reference.folder, O_RDONLY | O_DIRECTORY);
      if (!inner.ok()) {
        return prepare_error(fmt::format(
            "unable to 'git clone' to temporary context directory: error setting git context, "
            "\"{}\" not within git root",
            reference.folder));
      }
      top = std::move(*inner);
    }
    if (!is_named_) STRATA_CHECK(read_inner_dockerfile(top));
    return finish_folder(std::move(top), true);
  }

  // Of what came from elsewhere: nothing but what is in it.
  Status read_inner_dockerfile(const Fd& top) {
    if (options_.dockerfile == "-") return read_standard_dockerfile();
    std::string& name = context_->dockerfile_name_;
    name = options_.dockerfile.empty() ? kDefaultName : options_.dockerfile;
    if (tar::leaves_root(name)) {
      return error(ErrorCode::kInvalid, "forbidden path outside the build context: {} ()", name);
    }
    STRATA_TRY(std::optional<std::string> text, read_if_there(top, name));
    if (!text && name == kDefaultName) {
      STRATA_TRY(text, read_if_there(top, kLowerCaseName));
      if (text) name = kLowerCaseName;
    }
    if (!text) return not_located(name);
    context_->dockerfile_text_ = std::move(*text);
    return {};
  }

  Status read_standard_dockerfile() {
    WaitingSource input(options_.standard_input);
    STRATA_TRY(context_->dockerfile_text_, read_to_end(input, kSmallFileBytes));
    context_->dockerfile_name_ = "-";
    return {};
  }

  Status open_folder() {
    STRATA_TRY(const std::string path, real_path(options_.place));
    STRATA_TRY(Fd place, open_path(path, O_PATH));
    STRATA_TRY(struct stat info, stat_fd(place.get()));
    if (!S_ISDIR(info.st_mode)) {
      return prepare_error(fmt::format("context must be a directory: {}", path));
    }
    STRATA_TRY(Fd top, open_path(path, O_RDONLY | O_DIRECTORY));
    if (!is_named_) STRATA_CHECK(read_folder_dockerfile(path));
    if (options_.root != nullptr) context_->sums_ = SumCache::open(*options_.root, info);
    return finish_folder(std::move(top), dockerfile_is_inside_);
  }

  // The user's own files: links are followed wherever they lead, as docker's client does.
  Status read_folder_dockerfile(const std::string& folder) {
    if (options_.dockerfile == "-") return read_standard_dockerfile();
    std::string wanted = options_.dockerfile;
    if (wanted.empty()) {
      wanted = folder + "/" + kDefaultName;
      const std::string other = folder + "/" + kLowerCaseName;
      if (!lstat_at(Fd(), wanted).ok() && lstat_at(Fd(), other).ok()) wanted = other;
    }
    Result<std::string> path = real_path(wanted);
    if (!path.ok()) {
      const ErrorCode code = path.error().code();
      if (code != ErrorCode::kNotFound && code != ErrorCode::kInvalid) {
        return prepare_error("unable to evaluate symlinks in Dockerfile path: " +
                             path.error().message());
      }
      STRATA_TRY(const std::string missing, first_missing(wanted));
      return prepare_error(fmt::format(
          "unable to evaluate symlinks in Dockerfile path: lstat {}: no such file or directory",
          missing));
    }
    STRATA_TRY(Fd file,
               open_path(*path, O_RDONLY | O_NONBLOCK).context("unable to open Dockerfile"));
    STRATA_TRY(context_->dockerfile_text_, read_small(std::move(file), *path));
    const std::optional<std::string> inside = relative_to(folder, *path);
    dockerfile_is_inside_ = inside.has_value();
    context_->dockerfile_name_ = inside.value_or(*path);
    const std::string ignore_path = *path + ".dockerignore";
    STRATA_TRY(own_ignore_,
               read_if_there(open_path(ignore_path, O_RDONLY | O_NONBLOCK), ignore_path));
    return {};
  }

  Status finish_folder(Fd top, bool dockerfile_is_inside) {
    const std::string& name = context_->dockerfile_name_;
    if (!own_ignore_ && dockerfile_is_inside && !is_named_) {
      STRATA_TRY(own_ignore_, read_if_there(top, name + ".dockerignore"));
    }
    if (!own_ignore_) {
      STRATA_TRY(own_ignore_, read_if_there(top, kIgnoreFile));
    }
    STRATA_TRY(IgnoreMatcher ignore, matcher_of(own_ignore_));
    const std::string kept = dockerfile_is_inside ? split_path(tar::clean_path(name)).folder : "";
    context_->tree_ = std::make_unique<SourceTree>(std::move(top), SourceTree::Kind::kContext,
                                                   std::move(ignore), kept);
    return {};
  }

  Result<Fd> new_folder(const std::string& name) {
    if (options_.root == nullptr) return prepare_error("there is no data root to unpack it in");
    if (!context_->temporary_) {
      STRATA_TRY(store::WorkFolder made, store::WorkFolder::create(*options_.root));
      context_->temporary_.emplace(std::move(made));
    }
    STRATA_CHECK(mkdir_at(context_->temporary_->folder(), name, 0755));
    return open_dir_at(context_->temporary_->folder(), name);
  }

  const ContextOptions& options_;
  const bool is_named_;
  Pool& pool_;
  std::unique_ptr<BuildContext> context_;
  bool dockerfile_is_inside_ = false;
  std::optional<std::string> own_ignore_;  // the text of the ignore file that counts
};

Result<std::unique_ptr<BuildContext>> BuildContext::open(const ContextOptions& options,
                                                         Pool& pool) {
  return ContextOpener(options, false, pool).run();
}

Result<std::unique_ptr<BuildContext>> BuildContext::open_named(const ContextOptions& options,
                                                               Pool& pool) {
  return ContextOpener(options, true, pool).run();
}

}  // namespace strata::build
