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

  // The first line of what it prints.
  Result<std::string> ask(std::vector<std::string> words) const {
    std::vector<std::string> command = {"git", "-C", folder_};
    command.insert(command.end(), std::make_move_iterator(words.begin()),
                   std::make_move_iterator(words.end()));
    STRATA_TRY(const ProgramResult result, run_program(command, "", kMaxOutputBytes));
    return result.output.substr(0, result.output.find('\n'));
  }

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
  std::string ref = reference.ref.empty() ? reference.commit : reference.ref;
  if (ref.empty()) ref = "HEAD";
  // What follows does without servers that know shallow copies or single commits.
  Status fetched =
      git.run({"fetch", "--quiet", "--depth=1", "--", "origin", ref}, Git::Complaints::kHidden);
  if (!fetched.ok() && fetched.error().code() == ErrorCode::kNotFound) return fetched;
  if (!fetched.ok() && may_be_commit(ref)) {
    STRATA_CHECK(git.run({"fetch", "--quiet", "--tags", "origin"}));
    STRATA_CHECK(git.run({"update-ref", "FETCH_HEAD", ref}));
  } else if (!fetched.ok()) {
    STRATA_CHECK(git.run({"fetch", "--quiet", "--", "origin", ref}));
  }
  return git.run({"checkout", "--quiet", "--detach", "FETCH_HEAD"});
}

Status check_commit(const Git& git, const std::string& expected) {
  STRATA_TRY(const std::string tag, git.ask({"rev-parse", "FETCH_HEAD"}));
  STRATA_TRY(const std::string commit, git.ask({"rev-parse", "HEAD"}));
  if (commit.starts_with(expected) || tag.starts_with(expected)) return {};
  return error(ErrorCode::kCorrupt, "expected checksum to match {}, got {}", expected,
               tag == commit ? commit : fmt::format("{} or {}", tag, commit));
}

Result<bool> parse_bool(std::string_view key, std::string_view value) {
  for (const std::string_view yes : {"", "1", "t", "T", "true", "TRUE", "True"}) {
    if (value == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (value == no) return false;
  }
  return error(ErrorCode::kInvalid, "invalid {} value: \"{}\"", key, value);
}

Status set_once(std::string_view what, std::string& field, std::string value) {
  if (!field.empty() && field != value) {
    return error(ErrorCode::kInvalid, "{} conflicts: \"{}\" vs \"{}\"", what, field, value);
  }
  field = std::move(value);
  return {};
}

Status take_option(GitReference& reference, std::string_view key, const std::string& value) {
  const bool is_flag = key == "keep-git-dir" || key == "submodules";
  if (value.empty() && !is_flag) {
    return error(ErrorCode::kInvalid, "query \"{}\" has no value", key);
  }
  auto below = [&](const std::string& prefix) {
    return value.starts_with(prefix) ? value : prefix + value;
  };
  if (key == "ref") return set_once("ref", reference.ref, value);
  if (key == "tag") return set_once("ref", reference.ref, below("refs/tags/"));
  if (key == "branch") return set_once("ref", reference.ref, below("refs/heads/"));
  if (key == "subdir") return set_once("subdir", reference.folder, value);
  if (key == "commit" || key == "checksum") return set_once("checksum", reference.commit, value);
  if (!is_flag) return error(ErrorCode::kInvalid, "unexpected query \"{}\"", key);
  STRATA_TRY(const bool wanted, parse_bool(key, value));
  if (key == "submodules") {
    reference.submodules = wanted;
  } else {
    reference.keep_git_dir = wanted;
  }
  return {};
}

}  // namespace

Result<std::optional<GitReference>> GitReference::parse(const std::string& text) {
  const size_t hash = text.find('#');
  const std::string place = text.substr(0, hash);
  const size_t mark = place.find('?');
  GitReference reference{place.substr(0, mark)};
  auto begins = [&](std::string_view start) { return reference.remote.starts_with(start); };
  const bool is_http = begins("http://") || begins("https://");
  const bool is_git =
      begins("git@") || begins("git://") || begins("ssh://") || begins("github.com/");
  if (!is_git && !(is_http && reference.remote.ends_with(".git"))) {
    return std::optional<GitReference>();
  }
  if (begins("github.com/")) reference.remote.insert(0, "https://");
  if (hash != std::string::npos) {
    const std::string fragment = text.substr(hash + 1);
    const size_t colon = fragment.find(':');
    reference.ref = fragment.substr(0, colon);
    if (colon != std::string::npos) reference.folder = fragment.substr(colon + 1);
  }
  for (size_t at = mark; at != std::string::npos && at < place.size();) {
    const size_t end = place.find('&', at + 1);
    const std::string option = place.substr(at + 1, end == place.npos ? end : end - at - 1);
    const size_t equals = option.find('=');
    STRATA_CHECK(take_option(reference, option.substr(0, equals),
                             equals == option.npos ? "" : option.substr(equals + 1)));
    at = end;
  }
  return std::optional(std::move(reference));
}

Status fetch_git(const GitReference& reference, const Fd& into) {
  // git would take such a word for an option.
  for (const std::string& word : {reference.ref, reference.remote, reference.commit}) {
    if (word.starts_with('-')) return error(ErrorCode::kInvalid, "invalid refspec: {}", word);
  }
  STRATA_TRY(const std::string folder, told_path(into.get()));
  const Git git(folder);
  STRATA_CHECK(git.run({"init", "--quiet"}));
  STRATA_CHECK(git.run({"remote", "add", "origin", reference.remote}));
  STRATA_CHECK(fetch_ref(git, reference));
  if (!reference.commit.empty()) STRATA_CHECK(check_commit(git, reference.commit));
  if (reference.submodules) {
    STRATA_CHECK(git.run({"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"}));
  }
  return reference.keep_git_dir.value_or(false) ? Status() : remove_tree_at(into, ".git");
}

}  // namespace strata::build
