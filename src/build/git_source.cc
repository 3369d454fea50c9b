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

  // `env` because nobody is there to type a password.
  Status run(std::vector<std::string> words) const {
    std::vector<std::string> command = {"env", "GIT_TERMINAL_PROMPT=0", "git", "-C", folder_};
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

Status fetch_ref(const Git& git, const GitReference& reference) {
  const std::string ref = reference.ref.empty() ? "HEAD" : reference.ref;
  Status shallow = git.run({"fetch", "--quiet", "--depth=1", "--", "origin", ref});
  if (shallow.ok()) return git.run({"checkout", "--quiet", "FETCH_HEAD"});
  // A commit that no branch ends in, or a server that knows no shallow copies.
  if (shallow.error().code() == ErrorCode::kNotFound) return shallow;
  STRATA_CHECK(git.run({"fetch", "--quiet", "--tags", "origin"}));
  return git.run({"checkout", "--quiet", ref, "--"});
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
