// SPDX-License-Identifier: Apache-2.0
#include "runtime/create.h"

#include "driver/mount.h"
#include "oci/image_config.h"
#include "oci/merge_config.h"
#include "runtime/capabilities.h"
#include "runtime/check_host_config.h"
#include "runtime/container_files.h"
#include "runtime/container_record.h"
#include "runtime/etc_files.h"
#include "runtime/init_layer.h"
#include "runtime/own_mounts.h"
#include "runtime/random_name.h"
#include "runtime/remove.h"
#include "runtime/rootfs.h"
#include "store/remove_layers.h"
#include "store/transaction.h"

namespace strata::runtime {
namespace {

constexpr size_t kShortId = 12;
constexpr unsigned kNameAttempts = 6;

bool is_empty(const oci::Words& words) { return !words || words->empty(); }

// The user's config over the image's.
Status complete_config(const store::Store& store, NewContainer& wanted) {
  STRATA_TRY(std::string text, store.images().read_config(wanted.image));
  STRATA_TRY(oci::ImageConfig image, oci::ImageConfig::parse(std::move(text)));
  oci::ContainerConfig& config = wanted.config;
  const bool no_entrypoint = config.entrypoint == oci::Words({""});
  if (image.config() != nullptr) {
    STRATA_TRY(oci::ContainerConfig below, oci::ContainerConfig::parse(*image.config()));
    oci::merge_config(config, below);
  }
  // --entrypoint "": none at all.
  if (no_entrypoint) config.entrypoint.reset();
  if (!config.labels) config.labels.emplace();
  config.image = wanted.image_name;
  if (is_empty(config.entrypoint) && is_empty(config.cmd)) {
    return error(ErrorCode::kInvalid, "No command specified");
  }
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/')) {
    return error(ErrorCode::kInvalid,
                 "the working directory '{}' is invalid, it needs to be an absolute path",
                 config.working_dir);
  }
  if (!config.working_dir.empty()) config.working_dir = cleaned_path(config.working_dir);
  return {};
}

// What would otherwise fail at the start only.
Result<std::vector<MountPoint>> check_host(const NewContainer& wanted) {
  STRATA_CHECK(check_host_config(wanted.host));
  RunSpec spec;
  spec.cap_add = wanted.host.cap_add;
  spec.cap_drop = wanted.host.cap_drop;
  STRATA_TRY(auto capabilities, capabilities_of(spec));
  std::vector<std::string> volumes;
  if (wanted.config.volumes) {
    volumes.assign(wanted.config.volumes->begin(), wanted.config.volumes->end());
  }
  STRATA_TRY(std::vector<MountPoint> points, plan_mount_points(wanted.host, volumes));
  for (const MountPoint& point : points) {
    if (point.type != "bind" || !point.must_exist) continue;
    STRATA_TRY(bool there, exists_at(Fd(), point.source));
    if (there) continue;
    return error(ErrorCode::kInvalid,
                 "invalid mount config for type \"bind\": bind source path does not exist: {}",
                 point.source);
  }
  return points;
}

Result<std::optional<ChainId>> usable_top(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::optional<ChainId> top, store::top_chain(store, image));
  if (!top) return top;
  STRATA_TRY(bool usable, store.has_layer(*top));
  if (usable) return top;
  return error(ErrorCode::kCorrupt,
               "image {}: a layer is damaged or missing; load or pull the image again", image);
}

Status fill_init(const store::Store& store, const store::StagedContainer& staged) {
  return in_own_mounts([&]() -> Status {
    STRATA_CHECK(mkdir_at(staged.init, "merged", 0700));
    STRATA_TRY(std::string path, driver::path_of(staged.init));
    // The mount ends with the namespace; without fsyncs nothing waits for the disk then.
    STRATA_CHECK(
        store.driver().mount_writable(staged.init, path + "/merged", driver::FileSyncs::kSkipped));
    STRATA_TRY(Fd root, open_path(path + "/merged", O_RDONLY | O_DIRECTORY));
    STRATA_CHECK(fill_init_layer(root));
    return {};
  });
}

Result<std::string> create_named(store::Store& store, const NewContainer& wanted,
                                 const std::vector<MountPoint>& points, const std::string& id,
                                 const std::string& name) {
  STRATA_TRY(std::optional<ChainId> top, usable_top(store, wanted.image));
  STRATA_TRY(store::Transaction txn, store.begin());
  STRATA_TRY(store::StagedContainer staged, txn.stage_container(id, name, top ? &*top : nullptr));
  STRATA_CHECK(fill_init(store, staged));
  STRATA_CHECK(
      write_container_files(staged.files, id, name, wanted, points, store.driver().name()));
  STRATA_CHECK(txn.commit());
  return id;
}

Result<std::string> create_with_any_name(store::Store& store, const NewContainer& wanted,
                                         const std::vector<MountPoint>& points,
                                         const std::string& id) {
  for (unsigned attempt = 0;; ++attempt) {
    Result<std::string> made =
        create_named(store, wanted, points, id, random_container_name(attempt));
    const bool taken = !made.ok() && made.error().code() == ErrorCode::kConflict;
    if (!taken || attempt + 1 == kNameAttempts) return made;
  }
}

bool needs_tree(const NewContainer& wanted, const std::vector<MountPoint>& points) {
  return !wanted.config.working_dir.empty() ||
         std::any_of(points.begin(), points.end(),
                     [](const MountPoint& point) { return point.type == "volume"; });
}

// The working directory and what volumes begin with.
Status prepare_tree(store::Store& store, const std::string& id) {
  STRATA_TRY(Fd state, open_run_state(store));
  STRATA_TRY(RunFolder run, RunFolder::create(state, id));
  STRATA_TRY(ContainerRecord record, read_container(store, id));
  return in_own_mounts([&]() -> Status {
    STRATA_TRY(Rootfs rootfs, Rootfs::mount(store, record, run, driver::FileSyncs::kHonoured));
    STRATA_CHECK(rootfs.make_working_dir(record));
    STRATA_TRY(auto points, rootfs.open_mount_points(record, FillVolumes::kEmptyOnes));
    return rootfs.unmount();
  });
}

}  // namespace

Result<std::string> create_container(store::Store& store, NewContainer wanted) {
  if (!wanted.name.empty()) STRATA_CHECK(check_container_name(wanted.name));
  STRATA_CHECK(complete_config(store, wanted));
  STRATA_TRY(std::vector<MountPoint> points, check_host(wanted));
  const std::string id = random_hex(Digest::kBytes);
  if (wanted.config.hostname.empty()) {
    wanted.config.hostname =
        wanted.host.network_mode == "host" ? host_name() : id.substr(0, kShortId);
  }
  STRATA_TRY(auto made, wanted.name.empty() ? create_with_any_name(store, wanted, points, id)
                                            : create_named(store, wanted, points, id, wanted.name));
  if (!needs_tree(wanted, points)) return id;
  Status prepared = prepare_tree(store, id);
  if (prepared.ok()) return id;
  // The first error is the one to tell; what cannot be removed can be by `rm`.
  (void)remove_container(store, id, {.force = false, .volumes = true}).ok();
  return std::move(prepared).error();
}

}  // namespace strata::runtime
