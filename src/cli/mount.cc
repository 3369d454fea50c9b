// SPDX-License-Identifier: Apache-2.0
// mount, umount: an image's files at a folder, read-only. Without a target the folder is one of
// ours:
// <root>/strata/mnt/<image>-<random>, and goes with the mount. What is mounted is recorded
// (store/mounts.h), so that
// umount finds it by the image too, and rmi leaves it alone.
#include "driver/mount.h"

#include "cli/routes.h"
#include "store/mounts.h"
#include "store/remove_layers.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr std::string_view kOwnFolder = "strata/mnt";

Result<CacheId> top_layer(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::optional<ChainId> top, store::top_chain(store, image));
  if (!top) return error(ErrorCode::kInvalid, "image {} has no layers to mount", image);
  STRATA_TRY(store::Layer layer, store.layers().read(*top));
  STRATA_TRY(bool usable, store.has_layer(*top));
  if (usable) return layer.cache;
  return error(ErrorCode::kCorrupt,
               "image {}: a layer is damaged or missing; load or pull the image again", image);
}

class Mount final : public Command {
 public:
  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_TRY(store::Resolved found, store::resolve(store, arguments[0]));
    STRATA_TRY(CacheId top, top_layer(store, found.image));
    const bool own_folder = arguments.size() == 1;
    std::string folder =
        fmt::format("{}/{}-{}", kOwnFolder, found.image.short_hex(), random_hex(4));
    if (own_folder) STRATA_CHECK(make_own_folder(store, folder));
    STRATA_TRY(
        std::string target,
        real_path(own_folder ? fmt::format("{}/{}", store.root_path(), folder) : arguments[1]));
    Status mounted = mount(store, found.image, top, target);
    if (!mounted.ok()) {
      if (own_folder)
        (void)remove_folder_at(store.root(), folder).ok();  // the first error is the one to tell
      return std::move(mounted).error();
    }
    if (own_folder) context.out().print(target + "\n");
    return 0;
  }

 private:
  static Status make_own_folder(const store::Store& store, const std::string& folder) {
    Status made = ensure_dirs_at(store.root(), folder, 0700).context("{}", store.root_path());
    if (made.ok() || !store::is_read_only(store)) return made;
    return error(made.error().code(), "{}; name a folder to mount it at", made.error().message());
  }

  static Status mount(const store::Store& store, const ImageId& image, const CacheId& top,
                      const std::string& target) {
    STRATA_TRY(std::string record, store::record_mount(store, image, target));
    Status mounted = store.driver().mount_read_only(top, target);
    if (!mounted.ok()) STRATA_CHECK(store::forget_mount(store, record));
    return mounted;
  }
};

class Umount final : public Command {
 public:
  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
    std::vector<store::ImageMount> chosen;
    if (store) {
      STRATA_TRY(chosen, select(*store, arguments[0]));
    }
    if (chosen.empty()) {
      STRATA_CHECK(driver::unmount(arguments[0]));
      return 0;
    }
    for (const store::ImageMount& mount : chosen) STRATA_CHECK(take_away(*store, mount));
    return 0;
  }

 private:
  // A target, or an image: then every place where it is mounted.
  static Result<std::vector<store::ImageMount>> select(const store::Store& store,
                                                       const std::string& argument) {
    STRATA_TRY(std::vector<store::ImageMount> mounts, store::list_mounts(store));
    Result<std::string> target = real_path(argument);
    std::vector<store::ImageMount> chosen;
    for (const store::ImageMount& mount : mounts) {
      if (target.ok() && mount.target == *target) chosen.push_back(mount);
    }
    if (!chosen.empty() || target.ok()) return chosen;
    if (argument.starts_with('/') || argument.starts_with('.')) return std::move(target).error();
    STRATA_TRY(store::Resolved found, store::resolve(store, argument));
    for (const store::ImageMount& mount : mounts) {
      if (mount.image == found.image) chosen.push_back(mount);
    }
    if (chosen.empty()) return error(ErrorCode::kNotFound, "{}: not mounted", argument);
    return chosen;
  }

  static Status take_away(const store::Store& store, const store::ImageMount& mount) {
    STRATA_CHECK(driver::unmount(mount.target));
    STRATA_CHECK(store::forget_mount(store, mount.record));
    STRATA_TRY(std::string root, real_path(store.root_path()));
    const std::string own = fmt::format("{}/{}/", root, kOwnFolder);
    if (!mount.target.starts_with(own)) return {};
    return remove_folder_at(store.root(), mount.target.substr(root.size() + 1));
  }
};

}  // namespace

std::unique_ptr<Command> make_mount() { return std::make_unique<Mount>(); }
std::unique_ptr<Command> make_umount() { return std::make_unique<Umount>(); }

}  // namespace strata::cli
