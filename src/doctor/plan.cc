// SPDX-License-Identifier: Apache-2.0
#include "doctor/plan.h"

#include <algorithm>

#include "doctor/planning.h"

namespace strata::doctor {
namespace {

constexpr size_t kShownBytes = 160;

// Short texts as they are; of long ones the length.
std::string shown(const std::string& content) {
  return content.size() <= kShownBytes ? content : fmt::format("{} bytes", content.size());
}

struct Describe {
  std::string operator()(const SetAside& a) const { return "set aside " + a.path; }
  std::string operator()(const WriteFile& a) const {
    return fmt::format("write {}: {}", a.path, shown(a.content));
  }
  std::string operator()(const MakeLink& a) const {
    return fmt::format("link {} -> {}", a.path, a.target);
  }
  std::string operator()(const MakeFolder& a) const { return "make folder " + a.path; }
  std::string operator()(const CloseFolder& a) const {
    return "change the mode of folder " + a.path;
  }
  std::string operator()(const MoveBack& a) const {
    return fmt::format("move {} back to {}", a.from, a.to);
  }
  std::string operator()(const RestoreLayer& a) const {
    if (a.names.empty()) return fmt::format("restore layer {} (diffID {})", a.chain, a.diff);
    return fmt::format(
        "restore {} of layer {}",
        a.names.size() == 1 ? a.names.front() : fmt::format("{} files", a.names.size()), a.chain);
  }
  std::string operator()(const RestoreConfig& a) const {
    return fmt::format("restore the config of image {}", a.image);
  }
  std::string operator()(const EndOperations&) const {
    return "end what stopped runs of strata had begun";
  }
  std::string operator()(const VerifyLayer& a) const {
    return fmt::format("read and verify layer {}", a.chain);
  }
};

std::optional<Digest> digest_in(const std::string& text) {
  Result<Digest> whole = Digest::parse(text);
  if (whole.ok()) return *whole;
  Result<Digest> hex = Digest::parse_hex(text);
  return hex.ok() ? std::optional(*hex) : std::nullopt;
}

// Of the subject, else of the component of the path behind "sha256/".
std::optional<Digest> digest_of(const Finding& finding) {
  if (std::optional<Digest> subject = digest_in(finding.subject)) return subject;
  const std::string mark = "/sha256/";
  const size_t at = finding.path.find(mark);
  if (at == std::string::npos) return std::nullopt;
  return digest_in(finding.path.substr(at + mark.size(), Digest::kHexDigits));
}

// Nobody but dockerd knows what was in them, and what it makes anew is empty: that is for the user to decide.
void leave_databases(Planning& p) {
  for (Finding& finding : p.take({Kind::kDatabaseDamaged})) {
    std::string lost = "its build cache (move all of buildkit/ away then)";
    if (finding.path.starts_with("network/")) lost = "the networks that users have made";
    if (finding.path.starts_with("volumes/"))
      lost = "drivers and labels of volumes, not their data";
    p.leave(
        std::move(finding),
        "the file from a backup; or move it away by hand: dockerd makes a new one, and forgets " +
            lost);
  }
}

// Whether something in the driver's home, a folder or its link, is nobody's any more when the thing has been set aside.
bool frees_others(const Survey& survey, const Finding& finding) {
  if (finding.kind == Kind::kFolderUnused) {
    const std::string folder = name_below(finding, survey.home());
    return std::ranges::any_of(
        survey.links, [&](const auto& link) { return leads_to(survey, link.first, folder); });
  }
  if (finding.kind == Kind::kRecordUnused) return true;  // it is sound, so its files are there
  if (finding.kind == Kind::kRemovalUnfinished) {
    auto record = survey.layers.find(name_below(finding, survey.layer_folder()));
    return record != survey.layers.end() && survey.folders.contains(said(record->second.cache));
  }
  auto mount = survey.mounts.find(finding.subject);
  return finding.kind == Kind::kMountOrphaned && mount != survey.mounts.end() &&
         (survey.folders.contains(said(mount->second.mount_id)) ||
          survey.folders.contains(said(mount->second.init_id)));
}

// Whether the next look at the root, when this has been done, can find something to do that this one could not.
bool shows_more(const Survey& survey, const Remedy& remedy, bool something_is_left) {
  const Finding& cause = remedy.findings.front();
  return std::ranges::any_of(remedy.actions, [&](const Action& action) {
    if (std::holds_alternative<MakeFolder>(action)) return cause.kind == Kind::kFolderUnreadable;
    if (std::holds_alternative<SetAside>(action)) return frees_others(survey, cause);
    const auto* layer = std::get_if<RestoreLayer>(&action);
    if (layer == nullptr) return false;
    // The size of its record is measured when the files are there; and others waited for the layer.
    auto record = survey.layers.find(layer->chain.hex());
    const bool has_size = record != survey.layers.end() && record->second.size.there();
    return !has_size || something_is_left;
  });
}

}  // namespace

std::string describe(const Action& action) { return std::visit(Describe(), action); }

std::vector<Finding> Planning::take(std::initializer_list<Kind> kinds) {
  auto wanted = [&](const Finding& f) { return std::ranges::find(kinds, f.kind) != kinds.end(); };
  std::vector<Finding> taken;
  std::ranges::copy_if(open, std::back_inserter(taken), wanted);
  std::erase_if(open, wanted);
  return taken;
}

Remedy& Planning::add(Finding finding, std::vector<Action> actions, std::string reason,
                      const std::string& about) {
  // What follows from several things waits for the one that is not mended.
  const Remedy* known = this->about(about);
  if (!about.empty() && (known == nullptr || known->heals())) {
    remedies_.insert_or_assign(about, plan.remedies.size());
  }
  plan.remedies.push_back({{std::move(finding)}, std::move(actions), std::move(reason), false});
  return plan.remedies.back();
}

Remedy& Planning::leave(Finding finding, std::string needed, const std::string& about) {
  return add(std::move(finding), {}, std::move(needed), about);
}

Remedy* Planning::about(const std::string& what) {
  auto found = remedies_.find(what);
  return found == remedies_.end() ? nullptr : &plan.remedies[found->second];
}

bool Planning::has_image(const ImageId& image) const {
  if (restored_images.contains(image)) return true;
  auto config = survey.configs.find(image.hex());
  return config != survey.configs.end() && config->second.found == image.digest() &&
         config->second.trouble.empty();
}

std::optional<ChainId> chain_of(const Finding& finding) {
  std::optional<Digest> digest = digest_of(finding);
  return digest ? std::optional(ChainId(*digest)) : std::nullopt;
}

std::optional<ImageId> image_of(const Finding& finding) {
  std::optional<Digest> digest = digest_of(finding);
  return digest ? std::optional(ImageId(*digest)) : std::nullopt;
}

std::string name_below(const Finding& finding, const std::string& folder) {
  if (!finding.path.starts_with(folder + "/")) return "";
  const std::string rest = finding.path.substr(folder.size() + 1);
  return rest.substr(0, rest.find('/'));
}

std::string file_of(const Finding& finding) {
  return finding.path.substr(finding.path.rfind('/') + 1);
}

std::string reason_to_keep(const Planning& planning, const std::string& folder) {
  if (planning.survey.mounted.contains(folder)) return "it is mounted now: unmount it first";
  if (!planning.survey.emptied.empty()) {
    return fmt::format("{} is empty, so nobody knows who needs it",
                       planning.survey.emptied.begin()->first);
  }
  if (!planning.survey.unreadable.empty()) {
    return fmt::format("{} cannot be read, so nobody knows who needs it",
                       *planning.survey.unreadable.begin());
  }
  if (!planning.survey.uses_known) {
    return "it cannot be read what the build cache, mounts or running operations need";
  }
  return "";
}

std::string needed_layer(Planning& planning, const ChainId& chain) {
  const Learnt<Lineage>* known = planning.rebuilt.lineage(chain);
  if (known == nullptr) {
    return fmt::format("no copy is known, and the diffID of layer {} neither", chain);
  }
  std::string text = fmt::format(
      "no copy is known of the layer with diffID {}: give a place that has it (--from ARCHIVE, "
      "--from root:FOLDER, --from docker://REGISTRY/NAME:TAG)",
      known->value.diff);
  std::vector<std::string> blobs = planning.evidence.registry_blobs(known->value.diff);
  if (!blobs.empty()) text += fmt::format("; it was at {}", fmt::join(blobs, ", "));
  return text;
}

Plan make_plan(const Survey& survey, std::vector<Finding> findings, Evidence& evidence,
               const PlanOptions& options) {
  Planning planning(survey, std::move(findings), evidence, options);
  plan_links(planning);
  plan_records(planning);
  plan_configs(planning);     // which images there will be
  plan_references(planning);  // which of them have names
  plan_missing(planning);
  plan_contents(planning);
  plan_parents(planning);
  plan_containers(planning);
  plan_transfers(planning);
  plan_unused(planning);
  leave_databases(planning);
  for (Finding& finding : std::exchange(planning.open, {})) {
    planning.leave(std::move(finding), "this is not something that repair knows how to mend");
  }
  Plan& plan = planning.plan;
  const bool something_is_left =
      std::ranges::any_of(plan.remedies, [](const Remedy& remedy) { return !remedy.heals(); });
  plan.more_may_follow = std::ranges::any_of(plan.remedies, [&](const Remedy& remedy) {
    return shows_more(survey, remedy, something_is_left);
  });
  return std::move(plan);
}

}  // namespace strata::doctor
