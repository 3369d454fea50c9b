// SPDX-License-Identifier: Apache-2.0
#include "build/git_source.h"

#include <iterator>

#include "base/run_program.h"

namespace strata::build {
namespace {

constexpr size_t kMaxOutputBytes = size_t{1} << 20;

class Git {
 public:
  explicit Git(std::string folder) : folder_(std::move(folder)) {}

  enum class Complaints { kShown, kHidden };
  // `env` because nobody is there to type a password.
  Status run(std::vector<std::string> words, Complaints complaints = Complaints::kShown) const {
    std::vector<std::string> command = {"env", "GIT_TERMINAL_PROMPT=0"};
    if (complaints == Complaints::kHidden) {
      command.insert(command.end(), {"sh", "-c", "exec \"$@\" 2>/dev/null", "sh"});
    }
    command.insert(command.end(), {"git", "-C", folder_});
    const std::string name = words[0];
    command.insert(command.end(), std::make_move_iterator(words.begin()),
                   std::make_move_iterator(words.end()));
    STRATA_TRY(const ProgramResult result, run_program(command, "", kMaxOutputBytes));
    constexpr int kNoProgram = 127;
    if (result.exit_code == kNoProgram) {
      return error(ErrorCode::kNotFound,
                   "unable to find 'git': exec: \"git\": executable file not found in $PATH");
    }
    if (result.exit_code != 0) {
      return error(ErrorCode::kIo, "git {}: exit status {}", name, result.exit_code);
    }
    return {};
  }

 private:
  std::string folder_;
};

bool may_be_commit(const std::string& ref) {
  constexpr size_t kFewestDigits = 4;
  return ref.size() >= kFewestDigits && ref.find_first_not_of("0123456789abcdef") == ref.npos;
}

Status fetch_ref(const Git& git, const GitReference& reference) {
  const std::string ref = reference.ref.empty() ? "HEAD" : reference.ref;
  // What follows does without servers that know shallow copies or single commits.
  Status fetched =
      git.run({"fetch", "--quiet", "--depth=1", "--", "origin", ref}, Git::Complaints::kHidden);
  if (!fetched.ok() && fetched.error().code() == ErrorCode::kNotFound) return fetched;
  if (!fetched.ok() && may_be_commit(ref)) {
    STRATA_CHECK(git.run({"fetch", "--quiet", "--tags", "origin"}));
    return git.run({"checkout", "--quiet", ref, "--"});
  }
  if (!fetched.ok()) STRATA_CHECK(git.run({"fetch", "--quiet", "--", "origin", ref}));
  return git.run({"checkout", "--quiet", "FETCH_HEAD"});
}

}  // namespace

std::optional<GitReference> GitReference::parse(const std::string& text) {
  const size_t hash = text.find('#');
  GitReference reference;
  reference.remote = text.substr(0, hash);
  auto begins = [&](std::string_view start) { return reference.remote.starts_with(start); };
  const bool is_http = begins("http://") || begins("https://");
  const bool is_git =
      begins("git@") || begins("git://") || begins("ssh://") || begins("github.com/");
  if (!is_git && !(is_http && reference.remote.ends_with(".git"))) return std::nullopt;
  if (begins("github.com/")) reference.remote.insert(0, "https://");
  if (hash == std::string::npos) return reference;
  const std::string fragment = text.substr(hash + 1);
  const size_t colon = fragment.find(':');
  reference.ref = fragment.substr(0, colon);
  if (colon != std::string::npos) reference.folder = fragment.substr(colon + 1);
  return reference;
}

Status fetch_git(const GitReference& reference, const Fd& into, bool keep_git_dir) {
  // git would take such a word for an option.
  if (reference.ref.starts_with('-') || reference.remote.starts_with('-')) {
    return error(ErrorCode::kInvalid, "invalid refspec: {}", reference.ref);
  }
  STRATA_TRY(const std::string folder,
             readlink_at(Fd(), fmt::format("/proc/self/fd/{}", into.get())));
  const Git git(folder);
  STRATA_CHECK(git.run({"init", "--quiet"}));
  STRATA_CHECK(git.run({"remote", "add", "origin", reference.remote}));
  STRATA_CHECK(fetch_ref(git, reference));
  STRATA_CHECK(git.run({"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"}));
  return keep_git_dir ? Status() : remove_tree_at(into, ".git");
}

}  // namespace strata::build
