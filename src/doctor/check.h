// SPDX-License-Identifier: Apache-2.0
// check: what is wrong with a data root. Reads only, takes no lock that anybody waits for, works beside a running dockerd.
// Threads: one call at a time per pool.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "doctor/finding.h"
#include "doctor/place.h"
#include "doctor/survey.h"

namespace strata::doctor {

struct CheckOptions {
  std::string root;
  std::string driver = {};  // empty: the root's own
  bool content = false;     // read every file of every layer
  std::vector<std::string> lost =
      {};              // emptied folders (survey.h) whose contents are gone for good
  bool alone = false;  // the caller itself holds the root as a dockerd does: nobody else writes
  // Called from one thread at a time: bytes of content read so far, and in all.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> on_progress = {};
};

struct CheckReport {
  std::vector<Finding> findings = {};  // by severity, worst first, then by path
  size_t images = 0, layers = 0, containers = 0;
  uint64_t content_bytes = 0;  // read and compared
  std::string driver = {};     // overlay2, vfs
  bool beside_daemon = false;  // a dockerd was running on the root
  size_t in_use =
      0;  // what looks unused, and a running dockerd may have made for what it is just doing
  std::vector<std::string> not_judged =
      {};  // folders of others: buildkit, containerd, volumes, plugins ...
};

// Whatever is seen to be wrong is looked at again before it is reported, so that what another process was just writing is not a finding.
// Errors: only what keeps it from working at all (no root, no permission, a foreign driver, cancelled, kNoSpace: no more open files or
// memory). What the disk does not give is a finding.
Result<CheckReport> check(const CheckOptions& options, Pool& pool);

// The judges, one room of the root each; repair asks them too. Findings in no order.
std::vector<Finding> judge_references(const Survey& survey);
std::vector<Finding> judge_images(const Survey& survey);
std::vector<Finding> judge_records(const Survey& survey);     // layerdb/sha256
std::vector<Finding> judge_folders(const Survey& survey);     // the driver's home and l/
std::vector<Finding> judge_containers(const Survey& survey);  // containers and layerdb/mounts
std::vector<Finding> judge_distribution(const Survey& survey);
// Docker's own folders: who may look into them, or change them. This and the next look at the root once more.
std::vector<Finding> judge_modes(const Fd& root, const Survey& survey, Troubles& troubles);
std::vector<Finding> find_leftovers(const Fd& root, const Survey& survey, Troubles& troubles);

}  // namespace strata::doctor
