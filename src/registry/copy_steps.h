// SPDX-License-Identifier: Apache-2.0
// The ways that a copy can go. Internal to copy.cc.
// Threads: one per call.
#pragma once

#include "registry/copy.h"
#include "registry/copy_target.h"
#include "registry/tar_image.h"

namespace strata::registry {

// Byte for byte: the index with all that is below it, or one image. copy_blobs.cc.
Result<CopyReport> copy_blobs(ManifestSource& source, CopyTarget& target,
                              const CopyOptions& options, CopyWatcher& watcher, const Pool& pool);

// Layers compressed on the way, one after the other on all cores, and a manifest made: docker's, or
// OCI's where docker's has no word for a layer or `oci_types` says so. pack_image.cc.
Result<CopyReport> pack_image(const TarImage& image, CopyTarget& target, bool oci_types,
                              const CopyOptions& options, CopyWatcher& watcher, Pool& pool);

// What `save` writes, but the layers stand in front: their sizes are known when they are written.
// docker_archive_target.cc.
Status write_docker_archive(const TarImage& image, const ImagePlace& to, CopyWatcher& watcher,
                            Pool& pool);

// Into a root, as load. `name` may be empty: an image without a name. root_target.cc.
Result<CopyReport> unpack_into_root(TarImage image, store::Store& store,
                                    const std::optional<oci::Reference>& name, CopyWatcher& watcher,
                                    Pool& pool);

}  // namespace strata::registry
