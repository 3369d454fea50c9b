// SPDX-License-Identifier: Apache-2.0
#include "doctor/repair.h"

#include <algorithm>
#include <map>
#include <set>

#include "doctor/apply.h"
#include "doctor/place.h"
#include "doctor/root_evidence.h"
#include "doctor/root_lock.h"
#include "store/full_disk.h"
#include "store/our_files.h"

namespace strata::doctor {
namespace {

// What one round mends can show what was behind it. Each round mends something, so there are few.
constexpr int kRoundsMax = 12;
// What cannot be read is tried once more before it counts.
constexpr int kAttempts = 2;

// Takes something away, and puts nothing in its place.
bool takes_away(const Survey& survey, const Remedy& remedy) {
  const bool only_away = std::ranges::all_of(remedy.actions, [](const Action& action) {
    return std::holds_alternative<SetAside>(action);
  });
  const bool names = std::ranges::any_of(remedy.actions, [&](const Action& action) {
    const auto* file = std::get_if<WriteFile>(&action);
    return file != nullptr && file->path == survey.image_folder() + "/repositories.json";
  });
  return remedy.heals() && (only_away || names);
}

class Repair {
 public:
  Repair(const RepairOptions& options, const Fd& root, const Copies& copies, Pool& pool)
      : options_(options), root_(root), copies_(copies), pool_(pool), lost_(root) {}

  // What is wrong now, and what mends it. `content`: in the files of layers too.
  Result<Plan> plan(bool content) {
    CheckOptions check_options{.root = options_.root, .driver = options_.driver};
    check_options.alone = !options_.dry_run;
    check_options.content = content;
    check_options.lost = options_.lost;
    check_options.on_progress = options_.on_progress;
    STRATA_TRY(CheckReport checked, check(check_options, pool_));
    report_.beside_daemon = checked.beside_daemon;
    std::map<std::string, std::string> unread;
    Plan made;
    for (int attempt = 1; attempt <= kAttempts; ++attempt) {
      STRATA_TRY(survey_, survey_root(options_.root, options_.driver, pool_));
      for (const std::string& folder : options_.lost) survey_.emptied.erase(folder);
      Troubles troubles;
      RootEvidence evidence(root_, survey_, copies_, pool_, troubles);
      made = make_plan(survey_, checked.findings, evidence, {.keep_unused = gave_up_images_});
      STRATA_CHECK(pool_.check_cancelled());
      if (std::optional<Error> fatal = troubles.fatal()) return *fatal;
      unread = survey_.troubles;
      unread.merge(troubles.take());
      if (unread.empty()) break;
    }
    if (!unread.empty()) hold_back(made, unread);
    leave_impossible(made);
    gave_up_images_ |= made.gives_up_images;
    return made;
  }

  // Where something could not be read, nobody knows whether it needs what seems to be of no use, or is the copy that seems to be nowhere.
  void hold_back(Plan& plan, const std::map<std::string, std::string>& unread) const {
    const auto& [path, trouble] = *unread.begin();
    const std::string text = fmt::format("{} cannot be read: {}", path, trouble);
    for (Remedy& remedy : plan.remedies) {
      if (takes_away(survey_, remedy)) {
        remedy.reason = fmt::format("nothing is taken away as long as {}", text);
        remedy.actions.clear();
      } else if (!remedy.heals()) {
        remedy.reason += "; and " + text;
      }
    }
  }

  // A dry run shall promise nothing that cannot be done.
  void leave_impossible(Plan& plan) {
    const Applier applier(root_, survey_, lost_, copies_, pool_);
    for (Remedy& remedy : plan.remedies) {
      std::string obstacle;
      for (size_t i = 0; i < remedy.actions.size() && obstacle.empty(); ++i) {
        obstacle = applier.obstacle(remedy.actions[i]);
      }
      if (obstacle.empty()) continue;
      remedy.reason = std::move(obstacle);
      remedy.actions.clear();
    }
  }

  // Does what was not done before; what failed is tried again as long as others succeed. False: nothing could be done.
  Result<bool> apply(const Plan& plan) {
    Applier applier(root_, survey_, lost_, copies_, pool_);
    bool any = false;
    failed_.clear();
    for (const Remedy& remedy : plan.remedies) {
      if (!remedy.heals() || done_.contains(key_of(remedy))) continue;
      Status applied = applier.apply(remedy);
      if (applied.ok()) {
        any = true;
        done_.insert(key_of(remedy));
        report_.mended.push_back(remedy);
      } else if (ends_all(applied.error())) {
        return std::move(applied).error();
      } else {
        failed_.emplace(key_of(remedy), applied.error().message());
      }
    }
    if (any) STRATA_CHECK(sync_file_system(root_.get()));
    return any;
  }

  // What the last plan could not mend, or tried to in vain.
  void leave(const Plan& plan) {
    report_.more_may_follow = options_.dry_run && plan.more_may_follow;
    for (const Remedy& remedy : plan.remedies) {
      if (options_.dry_run && remedy.heals()) {
        report_.planned.push_back(remedy);
        continue;
      }
      Remedy left = remedy;
      auto failure = failed_.find(key_of(remedy));
      if (failure != failed_.end()) left.reason = failure->second;
      report_.failed |= failure != failed_.end();
      if (done_.contains(key_of(remedy)))
        left.reason = "it was mended so, and is not: " + left.reason;
      report_.left.push_back(std::move(left));
    }
  }

  RepairReport take_report() {
    report_.kept = lost_.folder();
    return std::move(report_);
  }

 private:
  // Two remedies with the same key do the same.
  static std::string key_of(const Remedy& remedy) {
    std::string text;
    for (const Action& action : remedy.actions) {
      text += describe(action) + "\n";
      if (const auto* file = std::get_if<WriteFile>(&action)) text += file->content + "\n";
    }
    return text;
  }

  const RepairOptions& options_;
  const Fd& root_;
  const Copies& copies_;
  Pool& pool_;
  LostFound lost_;
  Survey survey_;
  RepairReport report_;
  std::set<std::string> done_;
  std::map<std::string, std::string> failed_;  // why, by the actions
  bool gave_up_images_ = false;
};

Result<Fd> open_root(const std::string& path) {
  Result<Fd> root = open_path(path, O_RDONLY | O_DIRECTORY);
  if (!root.ok() && root.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "no data root at {}: the folder does not exist", path);
  }
  return root;
}

Result<RepairReport> run(const RepairOptions& options, const Fd& root, Pool& pool) {
  STRATA_TRY(Copies copies, Copies::open(options.root, options.driver, options.from, pool));
  Repair work(options, root, copies, pool);
  if (options.dry_run) {
    STRATA_TRY(Plan plan, work.plan(options.content));
    work.leave(plan);
    return work.take_report();
  }
  // From here on nobody else changes the root; so what is planned is planned now.
  STRATA_TRY(FileLock alone, lock_root(root, options.root));
  Status removed = store::remove_unfinished_replacement(root, kNewName);
  // kInvalid: strata/ is no folder, which is one of the things to be mended.
  if (!removed.ok() && removed.error().code() != ErrorCode::kInvalid) return removed.error();
  STRATA_TRY(Plan plan, work.plan(options.content));
  bool contents_current = true;
  for (int round = 0; round < kRoundsMax; ++round) {
    STRATA_TRY(bool any, work.apply(plan));
    if (!any && contents_current) break;
    // Contents take long, and layers that were mended have some, too: at last they are all compared once more.
    contents_current = !options.content || !any;
    STRATA_TRY(plan, work.plan(options.content && !any));
  }
  work.leave(plan);
  return work.take_report();
}

// A full disk is not one that repair can make room on: it needs some to begin with.
Error explained(Error failure, const Fd& root, const std::string& path) {
  if (!store::is_full_disk(failure, root)) return failure;
  return error(
      ErrorCode::kNoSpace,
      "{}: {}: the disk is full, and repair needs a few MB for its records and for what it "
      "writes anew. Make room first: something else on that disk, or what earlier repairs "
      "have kept (strata repair --purge), or logs of containers",
      path, failure.message());
}

}  // namespace

Result<RepairReport> repair(const RepairOptions& options, Pool& pool) {
  STRATA_TRY(Fd root, open_root(options.root));
  Result<RepairReport> report = run(options, root, pool);
  return report.ok() ? std::move(report) : explained(report.error(), root, options.root);
}

}  // namespace strata::doctor
