// SPDX-License-Identifier: Apache-2.0
// What the parts of the planner share while a plan is made. Not for users of the plan.
// Threads: one at a time.
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "doctor/plan.h"
#include "doctor/rebuild.h"

namespace strata::doctor {

struct Planning {
  Planning(const Survey& the_survey, std::vector<Finding> findings, Evidence& the_evidence,
           const PlanOptions& the_options)
      : survey(the_survey),
        evidence(the_evidence),
        options(the_options),
        rebuilt(the_survey, the_evidence),
        open(std::move(findings)) {}

  const Survey& survey;
  Evidence& evidence;
  const PlanOptions& options;
  Rebuild rebuilt;
  std::vector<Finding> open;  // that have no remedy yet
  Plan plan;

  // Takes the findings of these kinds out of `open`, in their order.
  std::vector<Finding> take(std::initializer_list<Kind> kinds);
  // Adds a remedy. `about` is what it concerns ("layer <hex>", "image <hex>", "folder <name>"): later findings about the same
  // thing, or that follow from it, join it.
  Remedy& add(Finding finding, std::vector<Action> actions, std::string reason,
              const std::string& about = "");
  // A remedy without actions: what would be needed.
  Remedy& leave(Finding finding, std::string needed, const std::string& about = "");
  // Null: nothing is planned about it.
  Remedy* about(const std::string& what);

  // The image is there, or will be.
  bool has_image(const ImageId& image) const;
  std::set<ImageId> restored_images;
  std::set<ImageId> lost_images;  // no copy is known
  // Folders that this plan gives to somebody.
  std::set<std::string> adopted;

 private:
  std::map<std::string, size_t> remedies_;
};

// What a finding is about, by its subject or its path.
std::optional<ChainId> chain_of(const Finding& finding);
std::optional<ImageId> image_of(const Finding& finding);
// The component of the finding's path behind `folder` ("image/overlay2/layerdb/mounts"); empty: none.
std::string name_below(const Finding& finding, const std::string& folder);
// The last component.
std::string file_of(const Finding& finding);
// Somebody has it mounted now, or it cannot be known who needs it.
std::string reason_to_keep(const Planning& planning, const std::string& folder);
// "no copy is known of the layer …: give a place that has it (--from …); it was at …"
std::string needed_layer(Planning& planning, const ChainId& chain);
// What to do about a layer's folder that is a symlink.
std::string reason_for_link(const LayerFolder& folder);
// The layer on which a container's layers lie; none: it cannot be known.
std::optional<Learnt<ChainId>> mount_parent(Planning& planning, const std::string& container);
// What the folder's `lower` must be; empty: it must have none.
std::optional<std::string> wanted_lower(Planning& planning, const std::string& folder);
// The entry of l/ leads to the folder.
bool leads_to(const Survey& survey, const std::string& link, const std::string& folder);

// The steps of make_plan, in this order.
void plan_links(Planning& planning);       // plan_folders.cc
void plan_records(Planning& planning);     // plan_records.cc
void plan_missing(Planning& planning);     // plan_records.cc: layers that images and layers lack
void plan_contents(Planning& planning);    // plan_records.cc
void plan_suspects(Planning& planning);    // plan_records.cc: layers that were not on disk
void plan_configs(Planning& planning);     // plan_images.cc
void plan_references(Planning& planning);  // plan_references.cc
void plan_parents(Planning& planning);     // plan_images.cc
void plan_containers(Planning& planning);  // plan_containers.cc
void plan_transfers(Planning& planning);   // plan_images.cc: distribution records
void plan_unused(Planning& planning);      // plan_folders.cc: what nobody needs

}  // namespace strata::doctor
