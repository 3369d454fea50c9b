// SPDX-License-Identifier: Apache-2.0
// Graph: a survey, joined: which image has which layers, who names which folder, what must be in which file as far as something else
// in the root says it. All of it in memory.
// Threads: built by one; then a value that may be read by any. Borrows the survey.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "doctor/finding.h"
#include "doctor/survey.h"
#include "store/references.h"

namespace strata::doctor {

class Graph {
 public:
  explicit Graph(const Survey& survey);

  // A layer that some image has: what its config says of it.
  struct Wanted {
    DiffId diff;
    std::optional<ChainId> parent;
    std::vector<const ConfigRecord*> images;
  };

  const Survey& survey() const { return survey_; }
  // Empty when repositories.json cannot be read.
  const store::References& references() const { return references_; }
  // Names of an image, tags before digests; by the hex of its ID.
  const std::vector<std::string>& names_of(const std::string& image_hex) const;
  const std::map<ChainId, Wanted>& wanted() const { return wanted_; }
  const Wanted* find_wanted(const ChainId& chain) const;

  // "busybox:1" …, or the ID. "container web": of layerdb/mounts/<id> or containers/<id>.
  std::vector<std::string> titles_of_image(const std::string& image_hex) const;
  std::string title_of_container(const std::string& id) const;
  // Whether dockerd was removing it: then half of it may be gone.
  bool is_going(const std::string& container) const;
  // Images and containers that need the layer; sorted.
  std::vector<std::string> affected_by(const ChainId& chain) const;

  // As an image says it, or else the record; where the record contradicts its own chainID, the layer that would make it.
  std::optional<ChainId> parent_of(const ChainId& chain) const;
  // The folder that the record names; none where it names none that can be one.
  static std::optional<std::string> folder_of(const LayerRecord& record);
  // The top layer of a container's image: as the mount says, or if it does not, the image. None: it lies on nothing.
  struct Top {
    std::optional<ChainId> chain;
    bool known = true;  // false: nothing says which it is
  };
  Top top_of(const MountRecord& mount) const;
  // The same as the container's image says it alone; none when that is not there, or has no layers.
  std::optional<ChainId> top_of_image(const std::string& container) const;
  // The layer's folder as far as it can be told: where the record does not say, the only one that can be it.
  std::optional<std::string> folder_of(const ChainId& chain) const;
  // All records that name the folder; and the one whose files it has, if that can be told: of those that name it, or of those that
  // do not say where their files are.
  std::vector<const LayerRecord*> owners_of(const std::string& folder) const;
  std::optional<ChainId> owner_of(const std::string& folder) const;
  // The container whose layer it is, with "-init" or without.
  const MountRecord* mount_of(const std::string& folder) const;
  // The container's own layer, as mount-id says, or init-id; empty where neither names one that no other container has.
  std::string layer_of(const MountRecord& mount) const;

  // The folder's link, as its file says, or if that cannot be, as l/ does. None when both say nothing.
  std::optional<std::string> link_of(const std::string& folder) const;
  // Names in l/ that lead to the folder.
  const std::vector<std::string>& links_to(const std::string& folder) const;
  // Whether l/<link> leads to the folder.
  bool leads_to(const std::string& link, const std::string& folder) const;
  // What `lower` must be on this layer: "l/<link>:l/<link below>…". None when a link below is not known.
  std::optional<std::string> lower_on(const std::optional<ChainId>& parent) const;

  // Every layer that somebody needs, and those below.
  std::set<ChainId> needed() const;
  // True when an image may be there of which nobody can say which layers it has.
  bool has_lost_images() const { return has_lost_images_; }
  // Folders that no record names, and that may be the files of a layer whose record is gone, or does not say any more where they
  // are; and the one that is a layer's, if that can be told.
  const std::set<std::string>& perhaps_used() const { return perhaps_used_; }
  std::optional<std::string> lost_folder(const ChainId& chain) const;
  // True when a container is there that does not say which folders are its own.
  bool has_lost_mounts() const { return has_lost_mounts_; }

 private:
  void read_names();
  void read_images();
  void read_parents();
  std::optional<ChainId> parent_by_record(const LayerRecord& record) const;
  void read_folders();
  void read_mounts();
  void claim_layers();
  void find_owners();
  void find_lost_files();
  bool lies_on(const std::string& folder, const ChainId& layer) const;
  std::vector<ChainId> lost_layers() const;
  std::set<std::string> nameless_folders() const;
  std::map<ChainId, std::set<std::string>> told_from_above(
      const std::set<std::string>& nameless) const;
  size_t depth_of(const ChainId& chain) const;
  // Ends walks over damaged records, whose parents may go in a circle.
  size_t depth_max() const { return survey_.layers.size() + wanted_.size(); }

  const Survey& survey_;
  store::References references_;
  std::unordered_map<std::string, std::vector<std::string>> names_;
  std::map<ChainId, Wanted> wanted_;
  std::map<ChainId, ChainId> parents_;                      // of layers that no image has
  std::map<ChainId, std::vector<std::string>> containers_;  // by layer: IDs
  std::set<ChainId> pinned_;
  std::map<std::string, std::vector<const LayerRecord*>> owners_;
  std::map<std::string, ChainId> owner_;        // by folder
  std::map<ChainId, std::string> best_folder_;  // of layers whose record does not say
  std::set<std::string> perhaps_used_;
  std::map<std::string, const MountRecord*> mounts_;
  std::map<std::string, std::string> layers_of_;  // by container
  std::map<std::string, std::vector<std::string>> links_;
  bool has_lost_images_ = false;
  bool has_lost_mounts_ = false;
};

// What dockerd reads as a mount-id: 64 hex digits, perhaps with "-init".
bool is_mount_id(std::string_view text);
// The name of a folder that BuildKit made in the driver's home.
bool is_buildkit_name(std::string_view name);
// What stands in a file, for `found`: "missing", "0 bytes", "\"abc\"", "a directory".
std::string text_of(const SmallFile& file);
std::string in_quotes(std::string_view text);

}  // namespace strata::doctor
