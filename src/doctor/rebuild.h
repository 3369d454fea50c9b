// SPDX-License-Identifier: Apache-2.0
// Rebuild: what must be in the metadata of layers, worked out from all that is still there. A diffID and a parent are right when
// they hash to the name of the record; files are right when the tar-split makes the diffID of them, and they are all that it tells of
// or lie where the layer must.
// Source:  FORMATS sections 1.2, 2 and 3.
// Threads: one at a time: answers are remembered.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/survey.h"

namespace strata::doctor {

// Something that was worked out, and from what.
template <typename T>
struct Learnt {
  T value;
  std::string from;
};

struct Lineage {
  DiffId diff;
  std::optional<ChainId> parent;
};

// What it says, without newlines and spaces at its end, as dockerd reads most of its files. Empty when it is not there.
std::string said(const SmallFile& file);
// The path of a folder of the driver's home, below the root.
std::string folder_path(const Survey& survey, const std::string& folder);
// "../<folder>/diff", the target of an entry of l/, -> folder; empty for anything else.
std::string folder_of_target(const std::string& target);
// The names in a `lower` file, without "l/".
std::vector<std::string> split_lower(const SmallFile& file);

class Rebuild {
 public:
  // Borrows both.
  Rebuild(const Survey& survey, Evidence& evidence);

  // Null: it could not be found out.
  const Learnt<Lineage>* lineage(const ChainId& chain) const;
  // The folder of the layer's files; that of its cache-id even where the folder is not there. Also of layers that have no record any
  // more, where only one folder can be theirs.
  const Learnt<std::string>* folder(const ChainId& chain) const;
  // The layer whose folder it is.
  const ChainId* holder(const std::string& folder) const;
  // Records, mounts and adoptions that name the folder.
  bool is_claimed(const std::string& folder) const { return claimed_.contains(folder); }
  // Records whose folder is not known: it may be one that nobody claims.
  const std::set<std::string>& homeless() const { return homeless_; }

  // The name in l/ of a folder; a new random one when nothing tells it.
  const Learnt<std::string>& link(const std::string& folder);
  // What `lower` of the layer's folder must be: empty for a base. None where a layer below is not known.
  std::optional<std::string> lower(const ChainId& chain);
  // The same for what lies on the layer: a container's init folder.
  std::optional<std::string> lower_on(const ChainId& chain);
  // The layer on which such a `lower` lies.
  std::optional<ChainId> chain_below(const std::string& lower);

  // Some image, container, build cache, operation or layer above needs it.
  bool is_needed(const ChainId& chain) const { return needed_.contains(chain); }

 private:
  void learn_from_configs();
  void learn_from_records();
  std::optional<Learnt<Lineage>> work_out(const LayerRecord& record,
                                          const std::vector<DiffId>& diffs) const;
  std::vector<std::optional<ChainId>> parents_of(const ChainId& chain, const DiffId& diff) const;
  void find_folders();
  void settle_shared();
  // What a folder must have, besides a tar-split that makes the layer's diffID of it.
  enum class Proof { kAll, kNames, kPlace };
  void adopt_all(std::vector<const LayerRecord*> lost);
  bool adopt(const LayerRecord& record, Proof proof);
  bool adopt_unproven(const LayerRecord& record);
  void give(const std::string& folder, const ChainId& chain, std::string from);
  const Learnt<Lineage>* lineage_with(const LayerRecord& record, const std::string& folder);
  bool lies_elsewhere(const ChainId& chain, const std::string& folder);
  size_t depth_of(const ChainId& chain) const;
  void adopt_for_lost_records();
  bool is_of_container(const std::string& folder) const;
  std::string only_folder_on(const std::string& lower) const;
  std::vector<std::string> candidates(const LayerRecord& record);
  std::set<std::string> hinted_folders(const ChainId& chain);
  void learn_needs();
  Learnt<std::string> find_link(const std::string& folder);
  std::string link_in_lowers(const std::string& folder) const;

  const Survey& survey_;
  Evidence& evidence_;
  std::map<ChainId, Learnt<Lineage>> lineage_;
  std::map<ChainId, Learnt<std::string>> folders_;
  std::map<std::string, ChainId> holders_;
  std::set<std::string> claimed_;
  std::set<std::string> homeless_;
  std::set<ChainId> needed_;
  std::map<std::string, Learnt<std::string>> links_;
};

}  // namespace strata::doctor
