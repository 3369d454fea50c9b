// SPDX-License-Identifier: Apache-2.0
// Layouts: which files an archive has, in which order, with which headers. What is where is in
// docs/formats/archives.md. Nothing is read or written here; a layer stands for its bytes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/save_plan.h"
#include "tar/member.h"
#include "tar/writer.h"

namespace strata::archive {

// A member of the archive: its header, and a text or a layer behind it.
struct Entry {
  tar::Member header;
  std::string text;
  std::optional<SaveLayer> layer;
};

// Entries by name: the walk of a folder, sorted bytewise, each folder before what it holds.
class Layout {
 public:
  explicit Layout(tar::HeaderStyle style) : style_(style) {}

  // Of a name that is added twice the first stays.
  void add_folder(const std::string& name, int64_t mtime_seconds);
  void add_text(const std::string& name, std::string text, int64_t mtime_seconds);
  // Nothing for a layer that is left out.
  void add_layer(const std::string& name, const SaveLayer& layer, int64_t mtime_seconds);
  void add_symlink(const std::string& name, const std::string& target, int64_t mtime_seconds);
  bool contains(const std::string& name) const { return entries_.contains(sort_key(name)); }

  tar::HeaderStyle style() const { return style_; }
  // In the order in which they are written.
  std::vector<Entry> take_entries();

 private:
  // filepath.Walk sorts within each folder: '/' comes before every other character.
  static std::string sort_key(const std::string& name);
  tar::Member header(const std::string& name, char type, uint32_t mode,
                     int64_t mtime_seconds) const;

  const tar::HeaderStyle style_;
  std::map<std::string, Entry> entries_;
};

// The zone of this machine at the epoch, in seconds east of UTC: dockerd dates v1 layers in its own
// zone, and their IDs depend on that text.
int32_t epoch_zone_seconds();

// Of all three: layers that are left out are described, but their files are not there.
// docker 20.10 to 24: a folder for each layer, named by its v1 ID. Source: FORMATS section 6.1.
// Byte for byte what a dockerd of this machine writes from the same root.
Result<Layout> docker_legacy_layout(const SavePlan& plan);
// docker 25 and later: blobs/, index.json, manifest.json. Source: FORMATS section 6.2.
Result<Layout> docker_layout(const SavePlan& plan);
// An OCI image layout: blobs/, index.json, oci-layout. Source: OCI image-spec, image-layout.md.
Result<Layout> oci_layout(const SavePlan& plan);

}  // namespace strata::archive
