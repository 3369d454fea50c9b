// SPDX-License-Identifier: Apache-2.0
// What repair is going to do: for each finding the least change that heals it, as a list of actions that can be shown, and done.
// Threads: values.
// Crash:   each action is one rename (or can be done again), and they are in an order in which any beginning of the list leaves the
//          root no worse than it was. A repair that was killed is ended by the next one, which plans anew from what it finds.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/finding.h"
#include "doctor/survey.h"

namespace strata::doctor {

// Moves it below strata/lost+found/<time>/, under the same path.
struct SetAside {
  std::string path;
};
// Writes a small file by rename. What was there is kept in lost+found before.
struct WriteFile {
  std::string path;
  std::string content;
  mode_t mode = 0644;
};
// A symlink, by rename over what is there (which is kept).
struct MakeLink {
  std::string path;
  std::string target;
};
struct MakeFolder {
  std::string path;
  mode_t mode = 0700;
};
// Takes from a folder's mode what lets others in (closed_mode).
struct CloseFolder {
  std::string path;
};
// Gives something its name back: a layer that was about to be removed, though it is needed.
struct MoveBack {
  std::string from;
  std::string to;
};
// Mends the files and the tar-split of a layer with what they still say, and with another copy of it (restore_layer.h). Its record and
// folder are where they were, or are made.
struct RestoreLayer {
  ChainId chain;
  DiffId diff;
  std::optional<ChainId> parent;
  std::string parent_folder;  // in the driver's home; empty: a base layer
  std::string folder;
  std::vector<std::string> names;  // that are known to be damaged; empty: all of it may be
};
// Brings back a config from another copy of it.
struct RestoreConfig {
  ImageId image;
};
// Ends, or undoes, what killed processes of strata had begun (store/recover.h).
struct EndOperations {};
// Reads a layer that may not have reached the disk, and trusts it from now on if it is whole.
struct VerifyLayer {
  ChainId chain;
};
using Action = std::variant<SetAside, WriteFile, MakeLink, MakeFolder, CloseFolder, MoveBack,
                            RestoreLayer, RestoreConfig, EndOperations, VerifyLayer>;

// "write image/…/cache-id: ff48d1…", for the dry run.
std::string describe(const Action& action);

struct Remedy {
  std::vector<Finding> findings;  // what it heals: the cause first, then what followed from it
  std::vector<Action> actions;    // in this order
  // Where the new content was learnt from, and what is lost by it; or, without actions, what would be needed.
  std::string reason;
  // It is tried with what is there, and may need a copy that is not known: whether it heals is only seen when it is done.
  bool unsure = false;
  bool heals() const { return !actions.empty(); }
};

struct Plan {
  std::vector<Remedy> remedies;  // in the order in which they are done
  // Images whose config is not to be had: their layers are kept for a while, though nobody needs them now.
  bool gives_up_images = false;
  // When it has been done, there can be more to do: something that could not be seen before, or that waited.
  bool more_may_follow = false;
};

struct PlanOptions {
  bool keep_unused = false;  // an earlier plan of this repair gave up images
};

// Looks for the remedy of each finding. Changes nothing; `evidence` may read much.
Plan make_plan(const Survey& survey, std::vector<Finding> findings, Evidence& evidence,
               const PlanOptions& options);

}  // namespace strata::doctor
