// SPDX-License-Identifier: Apache-2.0
// Finding: one thing that is wrong with a data root, told so that a person and a program can act on it.
// Source:  FORMATS sections 1 to 5 and 8, for what must be there; 1.4, for what dockerd does when it is not.
// Threads: values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::doctor {

// What is wrong. The text of a kind (to_string) is part of the JSON output and does not change.
enum class Kind {
  // repositories.json
  kReferencesDamaged,  // empty, garbled, null: a dockerd does not start
  kReferenceDangling,  // leads to an image that is not there
  kReferenceInvalid,   // a key that is no reference, or stands in another repository
  // imagedb
  kConfigDamaged,      // the digest of the bytes is not the name
  kConfigInvalid,      // the digest is right, but it is no image config
  kImageLayerMissing,  // a layer of rootfs.diff_ids has no record that can be used
  kParentDamaged,      // metadata/…/parent is no digest (a newline counts)
  kParentDangling,     // … or that of an image that is not there
  kMetadataDamaged,    // metadata/…/lastUpdated, builtLocally
  kMetadataOrphaned,   // metadata of an image that is not there
  // layerdb
  kRecordDamaged,  // cache-id, diff, size, parent or tar-split.json.gz: missing, empty, garbled, wrong
  kRecordParentMissing,  // sound, but a layer below is not there
  kRecordFolderMissing,  // sound, but the files are not there
  kRecordShared,         // two records name the same files
  kRecordUnused,         // no image, container, build cache or living operation needs it
  kRemovalUnfinished,    // <chain>-<64 hex>-removing
  // a folder of docker's own, not one of a layer, an image or a container
  kFolderUnreadable,  // cannot be listed, or is no folder; nothing is said about what is in it
  kFolderEmptied,  // has nothing in it, though others need what was there: a disk that is not mounted, perhaps
  kFolderOpen,  // its mode lets others in whom dockerd does not let in
  kUnreadable,  // anything else that the system did not let be read, and of which no other finding tells
  // the driver's home
  kFolderUnused,     // no record and no container names it
  kFilesMissing,     // the folder is there, its diff/ is not
  kFolderElsewhere,  // a symlink to a folder: dockerd follows it, strata does not
  kLinkFileDamaged,  // <cache-id>/link
  kLinkMissing,      // l/<link> is not there, or leads elsewhere
  kLinkExtra,        // l/<name> leads nowhere, or to a folder that has another link
  kLowerDamaged,     // <cache-id>/lower is not what the layers below make
  kWorkMissing,      // no work/ and no committed: dockerd cannot save the layer
  // containers
  kContainerDamaged,       // config.v2.json: no container for a dockerd
  kContainerImageMissing,  // its image is not there
  kContainerMountMissing,  // no layerdb/mounts/<id>, or its folders are not there
  kMountDamaged,           // layerdb/mounts/<id>/{mount-id,init-id,parent}
  kMountOrphaned,          // layerdb/mounts/<id> without a container: pins its layers
  // distribution
  kDistributionDamaged,  // a record that says nothing; costs a transfer
  // others', as far as no dockerd starts with them
  kDatabaseDamaged,  // volumes/metadata.db, network/files/local-kv.db, buildkit/*.db: bolt does not open it
  // contents (check --content)
  kFileMissing,
  kFileChanged,   // other bytes
  kFileExtra,     // in the layer's folder, but not in the layer
  kFileMetadata,  // type, mode, owner, time, xattrs, link target, device number
  kLayerChanged,  // every file is as recorded, but the tar has another diffID
  // what stopped runs left
  kLeftover,  // of dockerd: tmp/*, layerdb/tmp/*, .tmp-*; of strata: staging of dead processes, old blobs
  // strata's own
  kUnsynced,  // a layer of an earlier boot that nobody has verified since
};
std::string_view to_string(Kind kind);

enum class Severity {
  kNote,  // takes room, or costs time; everything works
  kWarning,  // something small is lost or may become wrong: a link to the parent, a record of where a blob was
  kError,  // an image, a layer or a container cannot be used, or is not what it says
  kFatal,  // no dockerd starts on this root
};
std::string_view to_string(Severity severity);

struct Finding {
  Kind kind{};
  Severity severity = Severity::kError;
  std::string path =
      {};  // what it is about, below the root: "image/overlay2/layerdb/sha256/<chain>/cache-id"
  std::string subject =
      {};  // the layer's chainID, the image's ID, the container's ID: with the kind and path, its identity
  std::string expected = {};  // as much as is known of what should be there
  std::string found = {};
  std::vector<std::string> affected =
      {};  // images ("busybox:1", or IDs without a name) and containers that cannot be used, sorted
  uint64_t bytes = 0;                   // that it holds and nobody uses
  std::vector<std::string> proof = {};  // for what is unused: where it was looked for, a line each
};

// Base64 of a path that is no UTF-8, for JSON, which has other characters instead of its bytes; empty: it is UTF-8.
std::string path_bytes(const std::string& path);

}  // namespace strata::doctor
