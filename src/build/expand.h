// SPDX-License-Identifier: Apache-2.0
// Expands variables in the words of a Dockerfile, as docker's own small shell does.
// Source: the Dockerfile reference, "Environment replacement"; docs/formats/dockerfile.md.
// Threads: values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/platform.h"

namespace strata::build {

// The value of a variable, or nothing if it is not set.
using LookUp = std::function<std::optional<std::string>(std::string_view name)>;

// Looks up in "NAME=value" texts; the first of a name counts. The list must outlive the function.
LookUp look_up_in(const std::vector<std::string>& environment);

struct ExpandOptions {
  char escape = '\\';
  bool keep_quotes = false;      // quotes and escapes stay
  bool keep_unset = false;       // ${A} of what is not set stays as written
  bool quotes_are_text = false;  // content of a heredoc
};

// What variables may put into one word. The system takes an eighth of that as one variable of a program.
inline constexpr size_t kMaxExpandedBytes = size_t{1} << 20;

// What else an expansion found.
struct Expanded {
  std::string word;
  std::vector<std::string> words;      // the same, split at spaces outside of quotes
  std::vector<std::string> unmatched;  // names that were asked for and are not set (sorted)
};

// Errors: kInvalid, `failed to process "<word>": unexpected end of statement ...`, `...: variables
// make it longer than 1048576 bytes`.
Result<Expanded> expand(std::string_view word, const LookUp& look_up,
                        const ExpandOptions& options = {});
// One word: quotes taken off, variables replaced.
Result<std::string> expand_word(std::string_view word, const LookUp& look_up, char escape = '\\');
// The same, split into words (EXPOSE $PORTS).
Result<std::vector<std::string>> expand_words(std::string_view word, const LookUp& look_up,
                                              char escape = '\\');

// TARGETPLATFORM, TARGETOS, TARGETARCH, TARGETVARIANT, BUILDPLATFORM ... and TARGETSTAGE (`stage`, the name of the
// stage that is built; "default" if it has none).
std::map<std::string, std::string> platform_args(const oci::Platform& build,
                                                 const oci::Platform& target,
                                                 const std::string& stage);

// The arguments of a build: what --build-arg gave, what ARG declared, and which of it is in force.
//   global scope:  ARG before FROM; seen by FROM, and by a stage that declares the name again.
//   stage scope:   ARG in the stage, or in the one that it stands on; ENV of the same name wins.
class BuildArgs {
 public:
  // `given`: --build-arg; `platform_args`: TARGETPLATFORM and the like, as if declared before the first FROM.
  BuildArgs(const std::map<std::string, std::string>& given,
            const std::map<std::string, std::string>& platform_args);

  void declare_global(std::string_view key,
                      std::optional<std::string> default_value);  // ARG before FROM
  void start_stage();                                             // FROM an image
  void start_stage_on(const BuildArgs& below);                    // FROM a stage that has ended so
  void declare(std::string_view key, std::optional<std::string> default_value);  // ARG in a stage

  // For FROM: the global arguments.
  LookUp look_up_global() const;
  // For the words of a stage: the environment, then the stage's arguments. Borrows this object and `environment`.
  LookUp look_up(const std::vector<std::string>& environment) const;
  // The value that a key has in this stage, if it was declared there and has one.
  std::optional<std::string> value(std::string_view key) const;
  // What RUN gets beside ENV: all set arguments of the stage that are not in `environment`, and the predefined ones
  // (HTTP_PROXY ...) that were given. Sorted.
  std::map<std::string, std::string> for_run(const std::vector<std::string>& environment) const;
  // The same without the predefined ones that the stage did not declare: what counts for the cache ("|1 A=1 ...").
  std::map<std::string, std::string> for_cache(const std::vector<std::string>& environment) const;
  // --build-arg names that no ARG declared (docker: `[Warning] One or more build-args [x] were not consumed`). Sorted.
  std::vector<std::string> unused() const;

 private:
  using Declared = std::map<std::string, std::optional<std::string>, std::less<>>;

  std::optional<std::string> find(const Declared& scope, std::string_view key) const;

  std::map<std::string, std::string, std::less<>> given_;
  Declared global_, stage_;
  // Values of the stages below: a name that is declared again without one keeps it.
  Declared inherited_;
  std::set<std::string, std::less<>> declared_;  // in any scope so far
};

}  // namespace strata::build
