// SPDX-License-Identifier: Apache-2.0
// mount, umount: an image's files at a folder, read-only. Without a target the folder is one of ours:
// <root>/strata/mnt/<image>-<random>, and goes with the mount.
#include "driver/mount.h"

#include "cli/routes.h"
#include "oci/image_config.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr std::string_view kOwnFolder = "strata/mnt";

Result<CacheId> top_layer(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::string raw, store.images().read_config(image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
  const std::vector<ChainId> chains = config.chain_ids();
  if (chains.empty()) {
    return error(ErrorCode::kInvalid, "image {} has no layers: there is nothing to mount", image);
  }
  STRATA_TRY(store::Layer layer, store.layers().read(chains.back()));
  return layer.cache;
}

class Mount final : public Command {
 public:
  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_TRY(store::Resolved found, store::resolve(store, arguments[0]));
    STRATA_TRY(CacheId top, top_layer(store, found.image));
    if (arguments.size() > 1) {
      STRATA_CHECK(store.driver().mount_read_only(top, arguments[1]));
      return 0;
    }
    const std::string folder =
        fmt::format("{}/{}-{}", kOwnFolder, found.image.short_hex(), random_hex(4));
    const std::string target = fmt::format("{}/{}", store.root_path(), folder);
    STRATA_CHECK(ensure_dirs_at(store.root(), folder, 0700));
    Status mounted = store.driver().mount_read_only(top, target);
    if (!mounted.ok()) {
      (void)remove_tree_at(store.root(), folder).ok();  // empty; the first error is the one to tell
      return std::move(mounted).error();
    }
    context.out().print(target + "\n");
    return 0;
  }
};

class Umount final : public Command {
 public:
  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    const std::string& target = arguments[0];
    STRATA_CHECK(driver::unmount(target));
    STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
    if (!store) return 0;
    const std::string own = fmt::format("{}/{}/", store->root_path(), kOwnFolder);
    const bool is_own = target.starts_with(own) && target.find('/', own.size()) == target.npos &&
                        target.size() > own.size();
    if (is_own) {
      STRATA_CHECK(remove_tree_at(store->root(), target.substr(store->root_path().size() + 1)));
    }
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_mount() { return std::make_unique<Mount>(); }
std::unique_ptr<Command> make_umount() { return std::make_unique<Umount>(); }

}  // namespace strata::cli
