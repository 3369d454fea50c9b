// SPDX-License-Identifier: Apache-2.0
#include "doctor/finding.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/fd.h"
#include "tar/base64.h"
#include "tar/utf8.h"

namespace strata::doctor {
namespace {

constexpr std::array kKinds = std::to_array<std::pair<Kind, std::string_view>>({
    {Kind::kReferencesDamaged, "references-damaged"},
    {Kind::kReferenceDangling, "reference-dangling"},
    {Kind::kReferenceInvalid, "reference-invalid"},
    {Kind::kConfigDamaged, "config-damaged"},
    {Kind::kConfigInvalid, "config-invalid"},
    {Kind::kImageLayerMissing, "image-layer-missing"},
    {Kind::kParentDamaged, "parent-damaged"},
    {Kind::kParentDangling, "parent-dangling"},
    {Kind::kMetadataDamaged, "metadata-damaged"},
    {Kind::kMetadataOrphaned, "metadata-orphaned"},
    {Kind::kRecordDamaged, "record-damaged"},
    {Kind::kRecordParentMissing, "record-parent-missing"},
    {Kind::kRecordFolderMissing, "record-folder-missing"},
    {Kind::kRecordShared, "record-shared"},
    {Kind::kRecordUnused, "record-unused"},
    {Kind::kRemovalUnfinished, "removal-unfinished"},
    {Kind::kFolderUnreadable, "folder-unreadable"},
    {Kind::kFolderEmptied, "folder-emptied"},
    {Kind::kFolderOpen, "folder-open"},
    {Kind::kUnreadable, "unreadable"},
    {Kind::kFolderUnused, "folder-unused"},
    {Kind::kFilesMissing, "files-missing"},
    {Kind::kFolderElsewhere, "folder-elsewhere"},
    {Kind::kLinkFileDamaged, "link-file-damaged"},
    {Kind::kLinkMissing, "link-missing"},
    {Kind::kLinkExtra, "link-extra"},
    {Kind::kLowerDamaged, "lower-damaged"},
    {Kind::kWorkMissing, "work-missing"},
    {Kind::kContainerDamaged, "container-damaged"},
    {Kind::kContainerImageMissing, "container-image-missing"},
    {Kind::kContainerMountMissing, "container-mount-missing"},
    {Kind::kMountDamaged, "mount-damaged"},
    {Kind::kMountOrphaned, "mount-orphaned"},
    {Kind::kDistributionDamaged, "distribution-damaged"},
    {Kind::kDatabaseDamaged, "database-damaged"},
    {Kind::kFileMissing, "file-missing"},
    {Kind::kFileChanged, "file-changed"},
    {Kind::kFileExtra, "file-extra"},
    {Kind::kFileMetadata, "file-metadata"},
    {Kind::kLayerChanged, "layer-changed"},
    {Kind::kLeftover, "leftover"},
    {Kind::kUnsynced, "unsynced"},
});

}  // namespace

std::string_view to_string(Kind kind) {
  const auto* row = std::ranges::find(kKinds, kind, &std::pair<Kind, std::string_view>::first);
  return row == kKinds.end() ? "unknown" : row->second;
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
    case Severity::kFatal:
      return "fatal";
  }
  return "unknown";
}

std::string path_bytes(const std::string& path) {
  return tar::is_utf8(path) ? "" : tar::to_base64(as_bytes(path));
}

}  // namespace strata::doctor
