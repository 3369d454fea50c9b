// SPDX-License-Identifier: Apache-2.0
// `build --check`: the rules of BuildKit's linter by their names.
// Source: https://docs.docker.com/reference/build-checks/; docs/formats/dockerfile.md.
// Threads: values.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "build/parser.h"

namespace strata::build {

struct Finding {
  std::string rule;  // "StageNameCasing"
  std::string description;
  std::string url;
  std::string message;  // "Stage name 'Build' should be lowercase"
  LineRange lines;
};

struct LintOptions {
  std::map<std::string, std::string> build_args;  // --build-arg
  // The pattern of .dockerignore that leaves a source of COPY or ADD out, or empty. Absent: not looked at.
  std::function<std::string(const std::string& source)> ignored_by;
};

struct LintReport {
  std::vector<Finding> findings;  // by line
  bool fails = false;             // `# check=error=true` and there are findings
};

// Errors: kInvalid, for a check directive that is not well formed.
Result<LintReport> lint(const Dockerfile& file, const LintOptions& options = {});

}  // namespace strata::build
