// SPDX-License-Identifier: Apache-2.0
// `build --check`: the rules of BuildKit's linter by their names.
// Source: https://docs.docker.com/reference/build-checks/; docs/formats/dockerfile.md, "Checks".
// Threads: values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "build/parser.h"
#include "oci/platform.h"

namespace strata::build {

struct Finding {
  std::string rule;  // "StageNameCasing"
  std::string description;
  std::string url;
  std::string message;  // "Stage name 'Build' should be lowercase"
  LineRange lines;
};

struct LintOptions {
  // --build-arg. BUILDKIT_DOCKERFILE_CHECK among them counts instead of the file's check directive.
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> platform_args;  // platform_args() of expand.h
  // The environment of an image; nothing: not known, and then no variable counts as undefined.
  std::function<std::optional<std::vector<std::string>>(const std::string& image)> environment_of;
  // What an image is for; nothing: not known, and then it is as expected.
  std::function<std::optional<oci::Platform>(const std::string& image)> platform_of;
  // Whether .dockerignore leaves this path of the context out. Absent: there is no such file, or it
  // has exceptions (!).
  std::function<bool(const std::string& source)> is_ignored;
};

struct LintReport {
  std::vector<Finding> findings;  // by line
  // `check=error=true` and there are findings: "lint violation found for rules: A, B".
  std::string failure;
};

// Errors: kInvalid, for a check directive that is not well formed.
Result<LintReport> lint(const Dockerfile& file, const LintOptions& options = {});

}  // namespace strata::build
