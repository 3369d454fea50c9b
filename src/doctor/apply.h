// SPDX-License-Identifier: Apache-2.0
// Does what a plan says.
// Threads: one at a time. The caller has the root for itself (root_lock.h).
// Crash:   plan.h.
#pragma once

#include "doctor/copies.h"
#include "doctor/lost_found.h"
#include "doctor/plan.h"

namespace strata::doctor {

// What is to replace a file is strata/repair.new (store/our_files.h).
inline constexpr std::string_view kNewName = "repair";

class Applier {
 public:
  // All are borrowed.
  Applier(const Fd& root, const Survey& survey, LostFound& lost, const Copies& copies, Pool& pool)
      : root_(root), survey_(survey), lost_(lost), copies_(copies), pool_(pool) {}

  // Why the action cannot be done, as far as that can be told before; empty: nothing is known against it.
  std::string obstacle(const Action& action) const;
  // The actions of a remedy, up to the first that fails.
  Status apply(const Remedy& remedy);

 private:
  struct Visitor;
  Status replace(const std::string& path, const std::string& content, mode_t mode,
                 const Remedy& remedy);
  Status make_link(const MakeLink& link, const Remedy& remedy);
  Status make_folder(const MakeFolder& folder, const Remedy& remedy);
  Status close_folder(const std::string& path);
  // One of docker's folders, with those above it, where it is not there; what else has the name of one gives way.
  Status ensure_folder(const std::string& folder, const Remedy& remedy);
  Status move_back(const MoveBack& move);
  Status restore_layer(const RestoreLayer& layer, const Remedy& remedy);
  Status restore_config(const RestoreConfig& config, const Remedy& remedy);
  Status end_operations() const;
  Status verify_layer(const VerifyLayer& layer) const;

  const Fd& root_;
  const Survey& survey_;
  LostFound& lost_;
  const Copies& copies_;
  Pool& pool_;
};

}  // namespace strata::doctor
