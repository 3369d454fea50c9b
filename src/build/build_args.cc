// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "build/expand.h"

namespace strata::build {
namespace {

// Usable without ARG, and no part of the cache's key unless declared.
constexpr std::array<std::string_view, 10> kPredefined{
    "ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
    "all_proxy", "ftp_proxy", "https_proxy", "http_proxy", "no_proxy"};

bool is_predefined(std::string_view key) {
  return std::find(kPredefined.begin(), kPredefined.end(), key) != kPredefined.end();
}

}  // namespace

std::map<std::string, std::string> platform_args(const oci::Platform& build,
                                                 const oci::Platform& target,
                                                 const std::string& stage) {
  std::map<std::string, std::string> out{{"TARGETSTAGE", stage.empty() ? "default" : stage}};
  const auto add = [&](const std::string& prefix, const oci::Platform& platform) {
    const oci::Platform plain = platform.normalized();
    out[prefix + "PLATFORM"] = plain.to_string();
    out[prefix + "OS"] = plain.os;
    out[prefix + "OSVERSION"] = plain.os_version;
    out[prefix + "ARCH"] = plain.architecture;
    out[prefix + "VARIANT"] = plain.variant;
  };
  add("BUILD", build);
  add("TARGET", target);
  return out;
}

BuildArgs::BuildArgs(const std::map<std::string, std::string>& given,
                     const std::map<std::string, std::string>& platform_args)
    : given_(given.begin(), given.end()) {
  for (const auto& [key, value] : platform_args) global_[key] = value;
}

void BuildArgs::declare_global(std::string_view key, std::optional<std::string> default_value) {
  // ARG TARGETARCH without a value repeats what is there already.
  auto& value = global_[std::string(key)];
  if (default_value) value = std::move(default_value);
  declared_.emplace(key);
}

void BuildArgs::start_stage() {
  stage_.clear();
  inherited_.clear();
}

void BuildArgs::start_stage_on(const BuildArgs& below) {
  stage_ = below.stage_;
  inherited_ = below.inherited_;
  for (const auto& [key, value] : below.stage_) {
    if (value) inherited_[key] = value;
  }
  declared_.insert(below.declared_.begin(), below.declared_.end());
}

void BuildArgs::declare(std::string_view key, std::optional<std::string> default_value) {
  stage_[std::string(key)] = std::move(default_value);
  declared_.emplace(key);
}

std::optional<std::string> BuildArgs::find(const Declared& scope, std::string_view key) const {
  const auto found = scope.find(key);
  if (found == scope.end() && !is_predefined(key)) return std::nullopt;
  if (const auto given = given_.find(key); given != given_.end()) return given->second;
  if (found == scope.end()) return std::nullopt;
  if (found->second) return found->second;
  const auto global = global_.find(key);
  if (global != global_.end() && global->second) return global->second;
  const auto inherited = inherited_.find(key);
  return inherited == inherited_.end() || &scope == &global_ ? std::nullopt : inherited->second;
}

std::optional<std::string> BuildArgs::value(std::string_view key) const {
  return find(stage_, key);
}

LookUp BuildArgs::look_up_global() const {
  return [this](std::string_view name) { return find(global_, name); };
}

LookUp BuildArgs::look_up(const std::vector<std::string>& environment) const {
  return [this, in_environment = look_up_in(environment)](std::string_view name) {
    std::optional<std::string> value = in_environment(name);
    return value ? std::move(value) : find(stage_, name);
  };
}

std::map<std::string, std::string> BuildArgs::for_run(
    const std::vector<std::string>& environment) const {
  std::map<std::string, std::string> out;
  const LookUp in_environment = look_up_in(environment);
  const auto add = [&](std::string_view key) {
    std::optional<std::string> found = value(key);
    if (found && !in_environment(key)) out.emplace(key, std::move(*found));
  };
  for (const auto& [key, _] : stage_) add(key);
  for (const std::string_view key : kPredefined) add(key);
  return out;
}

std::map<std::string, std::string> BuildArgs::for_cache(
    const std::vector<std::string>& environment) const {
  std::map<std::string, std::string> out = for_run(environment);
  std::erase_if(out, [&](const auto& entry) {
    return is_predefined(entry.first) && !declared_.contains(entry.first);
  });
  return out;
}

std::vector<std::string> BuildArgs::unused() const {
  std::vector<std::string> out;
  for (const auto& [key, _] : given_) {
    // SOURCE_DATE_EPOCH means the build itself, whether a step looks at it or not.
    if (declared_.contains(key) || is_predefined(key) || key == "SOURCE_DATE_EPOCH") continue;
    out.push_back(key);
  }
  return out;
}

}  // namespace strata::build
