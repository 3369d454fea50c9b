// SPDX-License-Identifier: Apache-2.0
#include "cli/build_check.h"

#include <algorithm>
#include <vector>

#include "build/expand.h"
#include "build/lint.h"
#include "oci/container_config.h"
#include "oci/image_config.h"
#include "store/resolve.h"
#include "tar/path.h"

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

// As Go joins paths: without "." and "x/..".
std::string joined(const std::string& folder, const std::string& name) {
  std::vector<std::string_view> parts;
  const std::string path = fmt::format("{}/{}", folder, name);
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    const bool goes_up = part == ".." && (folder.starts_with('/') || !parts.empty()) &&
                         (parts.empty() || parts.back() != "..");
    if (!goes_up) {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return fmt::format("{}{}", folder.starts_with('/') ? "/" : "", fmt::join(parts, "/"));
}

// An image of the store; null: it is not there, or cannot be read.
std::optional<oci::ImageConfig> find_image(const store::Store* store, const std::string& name) {
  if (store == nullptr) return std::nullopt;
  Result<store::Resolved> found = store::resolve(*store, name);
  if (!found.ok()) return std::nullopt;
  Result<std::string> raw = store->images().read_config(found->image);
  if (!raw.ok()) return std::nullopt;
  Result<oci::ImageConfig> image = oci::ImageConfig::parse(std::move(*raw));
  return image.ok() ? std::optional(std::move(*image)) : std::nullopt;
}

std::optional<std::vector<std::string>> environment_of(const store::Store* store,
                                                       const std::string& name) {
  const std::optional<oci::ImageConfig> image = find_image(store, name);
  if (!image.has_value()) return std::nullopt;
  if (image->config() == nullptr) return std::vector<std::string>();
  Result<oci::ContainerConfig> config = oci::ContainerConfig::parse(*image->config());
  if (!config.ok()) return std::nullopt;
  return config->env.value_or(std::vector<std::string>());
}

build::LintOptions lint_options(build::BuildContext& context, const build::BuildRequest& request,
                                const store::Store* store) {
  build::LintOptions options;
  options.build_args = request.build_args;
  const oci::Platform host = oci::Platform::host();
  options.platform_args =
      build::platform_args(host, request.platform.value_or(host), request.target);
  options.environment_of = [store](const std::string& name) { return environment_of(store, name); };
  options.platform_of = [store](const std::string& name) -> std::optional<oci::Platform> {
    const std::optional<oci::ImageConfig> image = find_image(store, name);
    if (!image.has_value() || image->architecture().empty()) return std::nullopt;
    return image->platform();
  };
  const build::IgnoreMatcher& ignore = context.tree().ignore();
  if (!ignore.empty() && !ignore.has_exceptions()) {
    options.is_ignored = [&ignore](const std::string& source) {
      return ignore.leaves_out(tar::clean_path(source));
    };
  }
  return options;
}

}  // namespace

std::string shown_dockerfile(const std::string& file, const std::string& place,
                             const std::string& name) {
  if (file == "-") return "stdin";
  if (!file.empty()) return file;
  Result<Fd> folder = open_path(place, O_PATH | O_DIRECTORY);
  if (!folder.ok()) return name;
  return joined(place, name);
}

Result<int> check_dockerfile(build::BuildContext& context, const build::BuildRequest& request,
                             const std::string& shown_name, const store::Store* store,
                             Output& out) {
  STRATA_TRY(const build::Dockerfile file, build::parse_dockerfile(context.dockerfile_text()));
  STRATA_TRY(const build::LintReport report,
             build::lint(file, lint_options(context, request, store)));
  const size_t count = report.findings.size();
  out.print(count == 0   ? "Check complete, no warnings found.\n"
            : count == 1 ? "Check complete, one warning has been found!\n"
                         : fmt::format("Check complete, {} warnings have been found!\n", count));
  const std::vector<std::string_view> lines = lines_of(context.dockerfile_text());
  for (const build::Finding& finding : report.findings) {
    out.print(text_of(finding, shown_name, lines));
  }
  if (!report.failure.empty()) out.print(fmt::format("ERROR: {}\n", report.failure));
  return count == 0 ? 0 : 1;
}

}  // namespace strata::cli
