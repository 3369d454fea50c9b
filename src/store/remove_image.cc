// SPDX-License-Identifier: Apache-2.0
#include "store/remove_image.h"

#include <algorithm>
#include <set>

#include "store/parts.h"
#include "store/recover.h"
#include "store/remove_layers.h"
#include "store/resolve.h"
#include "store/work_folder.h"

namespace strata::store {
namespace {

// To a recovery, what is being removed looks like what a dead process had published: it withdraws
// all of it that nobody uses. Before repositories.json is replaced that is nothing that had a name.
Result<Journal> journal_of(const Store& store, const RemovalPlan& plan) {
  Journal journal;
  std::set<ChainId> seen;
  for (auto step = plan.steps().rbegin(); step != plan.steps().rend(); ++step) {
    if (!step->untagged.empty()) continue;
    journal.images.push_back(step->image);
    for (const ChainId& chain : step->chains) {
      if (!seen.insert(chain).second) continue;
      STRATA_TRY(std::optional<Layer> layer, store.layers().find(chain));
      if (layer) journal.layers.push_back({chain, layer->cache, ""});
    }
  }
  return journal;
}

bool deletes(const RemovalPlan& plan) {
  return std::any_of(plan.steps().begin(), plan.steps().end(),
                     [](const RemovalStep& step) { return step.untagged.empty(); });
}

// Releases the layers of the deleted images; the result is what really went.
Result<std::set<ChainId>> release(Store& store, const RemovalPlan& plan) {
  std::vector<ChainId> tops;
  for (const RemovalStep& step : plan.steps()) {
    // All of them: a damaged layer does not say which one is below it.
    tops.insert(tops.end(), step.chains.rbegin(), step.chains.rend());
  }
  STRATA_TRY(auto released, release_layers(store, tops));
  std::set<ChainId> gone;
  for (const std::vector<ChainId>& chains : released) gone.insert(chains.begin(), chains.end());
  return gone;
}

Status remove_configs(const Store& store, const RemovalPlan& plan) {
  for (const RemovalStep& step : plan.steps()) {
    if (step.untagged.empty()) STRATA_CHECK(store.images().remove(step.image));
  }
  return {};
}

}  // namespace

std::vector<RemovalEvent> removal_events(const RemovalPlan& plan, std::set<ChainId> gone) {
  using Kind = RemovalEvent::Kind;
  std::vector<RemovalEvent> events;  // last first
  for (auto step = plan.steps().rbegin(); step != plan.steps().rend(); ++step) {
    if (!step->untagged.empty()) {
      events.push_back({Kind::kUntagged, step->untagged});
      continue;
    }
    for (const ChainId& chain : step->chains) {
      if (gone.erase(chain) > 0) events.push_back({Kind::kDeleted, chain.to_string()});
    }
    events.push_back({Kind::kDeleted, step->image.to_string()});
  }
  std::reverse(events.begin(), events.end());
  return events;
}

Result<std::vector<RemovalEvent>> carry_out(Store& store, const RemovalPlan& plan,
                                            FileLock references_lock) {
  if (plan.steps().empty()) return std::vector<RemovalEvent>();
  if (!deletes(plan)) {
    STRATA_CHECK(store.reference_file().write(plan.references()));
    return removal_events(plan, {});
  }
  STRATA_TRY(WorkFolder work, WorkFolder::create(store.root()));
  STRATA_TRY(Journal journal, journal_of(store, plan));
  STRATA_CHECK(work.write_journal(journal));
  STRATA_CHECK(work.sync_journal());
  store.parts().step("rmi-journal");
  // Beyond this point the images have lost their names: a recovery goes on from here.
  Status written = store.reference_file().write(plan.references());
  if (!written.ok()) {
    // It may have been replaced all the same (the sync after it failed): then the removal has to
    // come to its end, else nothing happened. Recovery looks which, under the lock.
    { FileLock released = std::move(references_lock); }
    (void)roll_back(store.parts(), work);
    return std::move(written).error();
  }
  store.parts().step("rmi-references");
  STRATA_CHECK(remove_configs(store, plan));
  store.parts().step("rmi-configs");
  { FileLock released = std::move(references_lock); }
  STRATA_TRY(std::set<ChainId> gone, release(store, plan));
  store.parts().step("rmi-layers");
  STRATA_CHECK(work.finish());
  return removal_events(plan, std::move(gone));
}

Result<std::vector<RemovalEvent>> remove_image(Store& store, std::string_view name,
                                               const RemoveOptions& options) {
  if (store.access() != Access::kWrite) {
    return error(ErrorCode::kPermission, "{}: opened for reading only", store.root_path());
  }
  STRATA_TRY(FileLock lock, store.reference_file().lock());
  STRATA_TRY(Resolved found, resolve(store, name));
  STRATA_TRY(RemovalPlan plan, RemovalPlan::begin(store));
  STRATA_CHECK(plan.remove(found.image, name, options));
  return carry_out(store, plan, std::move(lock));
}

}  // namespace strata::store
