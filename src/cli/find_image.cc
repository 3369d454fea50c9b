// SPDX-License-Identifier: Apache-2.0
#include "cli/find_image.h"

#include "cli/routes.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

// As the image says it, where docker shows it.
Result<oci::Platform> platform_of(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::string text, store.images().read_config(image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(text)));
  oci::Platform platform = config.platform();
  if (platform.architecture.empty()) platform.architecture = oci::Platform::host().architecture;
  return platform;
}

// The pull command with its output where docker's `run` has it.
Status pull(Context& context, const std::string& name, const std::string& platform) {
  std::unique_ptr<Command> command = make_pull();
  Options options;
  command->declare(options);
  std::vector<std::string> words = {"--for-run"};
  if (!platform.empty()) words.insert(words.end(), {"--platform", platform});
  words.push_back(name);
  STRATA_TRY(std::vector<std::string> names, options.parse(words));
  Context to_stderr(context.global(), context.err(), context.err());
  Result<int> code = command->run(to_stderr, names);
  if (!code.ok()) return std::move(code).error();
  return *code == 0 ? Status() : Status(error(ErrorCode::kIo, "pull of {} failed", name));
}

// Docker runs it all the same: an emulator may know how.
Status check_platform(Context& context, const store::Store& store, const ImageId& image) {
  STRATA_TRY(oci::Platform platform, platform_of(store, image));
  const oci::Platform host = oci::Platform::host();
  if (oci::match_rank(host, platform.normalized())) return {};
  context.warn(
      fmt::format("The requested image's platform ({}) does not match the detected host platform "
                  "({}) and no specific platform was requested",
                  platform.to_string(), host.to_string()));
  return {};
}

}  // namespace

Result<ImageId> find_or_pull_image(Context& context, const store::Store& store,
                                   const std::string& name, const std::string& policy,
                                   const std::string& platform) {
  Result<store::Resolved> found = store::resolve(store, name);
  if (!found.ok() && found.error().code() != ErrorCode::kNotFound) return std::move(found).error();
  bool there = found.ok();
  if (there && !platform.empty()) {
    STRATA_TRY(oci::Platform wanted, oci::Platform::parse(platform));
    STRATA_TRY(oci::Platform offered, platform_of(store, found->image));
    there = oci::is_same_platform(wanted, offered.normalized());
    if (policy == "never" && !there) {
      return oci::other_platform(name, wanted, offered);
    }
  }
  if (policy == "never" && !there) return error(ErrorCode::kNotFound, "No such image: {}", name);
  if (there && policy != "always") {
    if (platform.empty()) STRATA_CHECK(check_platform(context, store, found->image));
    return found->image;
  }
  if (!there) context.err().print(fmt::format("Unable to find image '{}' locally\n", name));
  STRATA_CHECK(pull(context, name, platform));
  STRATA_TRY(store::Resolved pulled, store::resolve(store, name));
  return pulled.image;
}

}  // namespace strata::cli
