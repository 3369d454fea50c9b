// SPDX-License-Identifier: Apache-2.0
#include "cli/build_check.h"

#include <algorithm>
#include <vector>

#include "build/expand.h"
#include "build/lint.h"
#include "oci/platform.h"

namespace strata::cli {
namespace {

constexpr int kLinesAround = 2;
constexpr std::string_view kRule = "--------------------\n";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::string text_of(const build::Finding& finding, const std::string& file,
                    const std::vector<std::string_view>& lines) {
  std::string text = fmt::format("\nWARNING: {}{}{}\n{}\n{}:{}\n{}", finding.rule,
                                 finding.url.empty() ? "" : " - ", finding.url, finding.message,
                                 file, finding.lines.first, kRule);
  const int first = std::max(1, finding.lines.first - kLinesAround);
  const int last = std::min(static_cast<int>(lines.size()), finding.lines.last + kLinesAround);
  for (int line = first; line <= last; ++line) {
    const bool meant = line >= finding.lines.first && line <= finding.lines.last;
    text += fmt::format("{:4} | {} {}\n", line, meant ? ">>>" : "   ",
                        lines[static_cast<size_t>(line - 1)]);
  }
  return text.append(kRule);
}

}  // namespace

Result<int> check_dockerfile(build::BuildContext& context,
                             const std::map<std::string, std::string>& build_args,
                             const std::string& target, Output& out) {
  STRATA_TRY(const build::Dockerfile file, build::parse_dockerfile(context.dockerfile_text()));
  build::LintOptions options;
  options.build_args = build_args;
  const oci::Platform host = oci::Platform::host();
  options.platform_args = build::platform_args(host, host, target);
  STRATA_TRY(const build::LintReport report, build::lint(file, options));
  const size_t count = report.findings.size();
  out.print(count == 0   ? "Check complete, no warnings found.\n"
            : count == 1 ? "Check complete, one warning has been found!\n"
                         : fmt::format("Check complete, {} warnings have been found!\n", count));
  const std::vector<std::string_view> lines = lines_of(context.dockerfile_text());
  for (const build::Finding& finding : report.findings) {
    out.print(text_of(finding, context.dockerfile_name(), lines));
  }
  if (!report.failure.empty()) out.print(fmt::format("ERROR: {}\n", report.failure));
  return count == 0 ? 0 : 1;
}

}  // namespace strata::cli
