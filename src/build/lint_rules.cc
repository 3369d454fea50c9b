// SPDX-License-Identifier: Apache-2.0
// Grammar:
//   config = option { ";" option }
//   option = "skip=" ( "all" | rule { "," rule } ) | "experimental=" ( same ) | "error=" boolean
// Source: https://docs.docker.com/build/checks/.
#include "build/lint_rules.h"

#include <algorithm>
#include <array>

#include "build/words.h"
#include "oci/go_text.h"

namespace strata::build {
namespace {

constexpr std::array kRules{
    LintRule{
        "ConsistentInstructionCasing",
        "All commands within the Dockerfile should use the same casing (either upper or lower)",
        "consistent-instruction-casing"},
    LintRule{"CopyIgnoredFile", "Attempting to Copy file that is excluded by .dockerignore",
             "copy-ignored-file", true},
    LintRule{"DuplicateStageName", "Stage names should be unique", "duplicate-stage-name"},
    LintRule{"ExposeInvalidFormat",
             "IP address and host-port mapping should not be used in EXPOSE instruction. This will "
             "become an error in a future release",
             "expose-invalid-format"},
    LintRule{"ExposeProtoCasing", "Protocol in EXPOSE instruction should be lowercase",
             "expose-proto-casing"},
    LintRule{"FromAsCasing", "The 'as' keyword should match the case of the 'from' keyword",
             "from-as-casing"},
    LintRule{"FromPlatformFlagConstDisallowed",
             "FROM --platform flag should not use a constant value",
             "from-platform-flag-const-disallowed"},
    LintRule{"InvalidBaseImagePlatform",
             "Base image platform does not match expected target platform", ""},
    LintRule{"InvalidDefaultArgInFrom",
             "Default value for global ARG results in an empty or invalid base image name",
             "invalid-default-arg-in-from"},
    LintRule{"InvalidDefinitionDescription",
             "Comment for build stage or argument should follow the format: `# <arg/stage name> "
             "<description>`. If this is not intended to be a description comment, add an empty "
             "line or comment between the instruction and the comment.",
             "invalid-definition-description", true},
    LintRule{"JSONArgsRecommended",
             "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related "
             "to OS signals",
             "json-args-recommended"},
    LintRule{"LegacyKeyValueFormat",
             "Legacy key/value format with whitespace separator should not be used",
             "legacy-key-value-format"},
    LintRule{"MaintainerDeprecated",
             "The MAINTAINER instruction is deprecated, use a label instead to define an image "
             "author",
             "maintainer-deprecated"},
    LintRule{"MultipleInstructionsDisallowed",
             "Multiple instructions of the same type should not be used in the same stage",
             "multiple-instructions-disallowed"},
    LintRule{"NoEmptyContinuation",
             "Empty continuation lines will become errors in a future release",
             "no-empty-continuation"},
    LintRule{"RedundantTargetPlatform",
             "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the "
             "default behavior",
             "redundant-target-platform"},
    LintRule{"ReservedStageName", "Reserved words should not be used as stage names",
             "reserved-stage-name"},
    LintRule{"SecretsUsedInArgOrEnv",
             "Sensitive data should not be used in the ARG or ENV commands",
             "secrets-used-in-arg-or-env"},
    LintRule{"StageNameCasing", "Stage names should be lowercase", "stage-name-casing"},
    LintRule{"UndefinedArgInFrom", "FROM command must use declared ARGs", "undefined-arg-in-from"},
    LintRule{"UndefinedVar", "Variables should be defined before their use", "undefined-var"},
    LintRule{"WorkdirRelativePath",
             "Relative workdir without an absolute workdir declared within the build can have "
             "unexpected results if the base image changes",
             "workdir-relative-path"},
};

// "A, B" into `rules`, "all" into `all`.
void read_rules(std::string_view text, bool& all, std::set<std::string, std::less<>>& rules) {
  all = trim(text) == "all";
  while (!all && !text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    rules.emplace(trim(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

}  // namespace

std::string LintRule::url() const {
  if (url_name.empty()) return {};
  return fmt::format("https://docs.docker.com/go/dockerfile/rule/{}/", url_name);
}

std::span<const LintRule> lint_rules() { return kRules; }

const LintRule& lint_rule(std::string_view name) {
  return *std::find_if(kRules.begin(), kRules.end() - 1,
                       [&](const LintRule& rule) { return rule.name == name; });
}

Result<LintConfig> LintConfig::parse(std::string_view text) {
  LintConfig out;
  text = trim(text);
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    const std::string_view option = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = option.find('=');
    const std::string_view key = trim(option.substr(0, equals));
    const bool known = key == "skip" || key == "experimental" || key == "error";
    if (equals == std::string_view::npos || !known) {
      return error(ErrorCode::kInvalid, "failed to parse check options: invalid check option {}",
                   oci::go_quote(equals == std::string_view::npos ? option : key));
    }
    const std::string_view value = trim(option.substr(equals + 1));
    if (key == "skip") {
      read_rules(value, out.skip_all, out.skipped);
    } else if (key == "experimental") {
      read_rules(value, out.experimental_all, out.experimental);
    } else {
      const Result<bool> fail = oci::parse_bool(value);
      if (!fail.ok()) {
        return error(ErrorCode::kInvalid,
                     "failed to parse check options: failed to parse check option {}: {}",
                     oci::go_quote(option), fail.error().message());
      }
      out.fail = *fail;
    }
  }
  return out;
}

bool LintConfig::runs(const LintRule& rule) const {
  if (rule.experimental) return experimental_all || experimental.contains(rule.name);
  return !skip_all && !skipped.contains(rule.name);
}

LintConfig LintConfig::with_comments(const std::vector<std::string>& comments) const {
  LintConfig out = *this;
  for (const std::string& comment : comments) {
    const size_t equals = comment.find('=');
    if (to_lower(trim(std::string_view(comment).substr(0, equals))) != "check") continue;
    const Result<LintConfig> own = parse(std::string_view(comment).substr(equals + 1));
    if (!own.ok()) continue;  // a comment like any other
    out.skip_all |= own->skip_all;
    out.skipped.insert(own->skipped.begin(), own->skipped.end());
    out.experimental_all |= own->experimental_all;
    out.experimental.insert(own->experimental.begin(), own->experimental.end());
  }
  return out;
}

}  // namespace strata::build
