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

#include "doctor/finding.h"
#include "doctor/survey.h"

namespace strata::doctor {

// Moves it below strata/lost+found/<time>/, under the same path.
struct SetAside {
  std::string path;
};
// Writes a small file by rename. What was there is set aside before.
struct WriteFile {
  std::string path;
  std::string content;
  mode_t mode = 0644;
};
struct MakeLink {
  std::string path;
  std::string target;
};
struct MakeFolder {
  std::string path;
  mode_t mode = 0700;
};
// Brings back names of a layer from another copy of it (layer_source.h): all of it where `names` is empty.
struct RestoreLayer {
  ChainId chain;
  DiffId diff;
  std::vector<std::string> names;
};
// Brings back a config from another copy of it.
struct RestoreConfig {
  std::string image_hex;
};
using Action = std::variant<SetAside, WriteFile, MakeLink, MakeFolder, RestoreLayer, RestoreConfig>;

// "write image/…/cache-id: ff48d1…", for the dry run.
std::string describe(const Action& action);

struct Remedy {
  Finding finding;
  std::vector<Action> actions;  // in this order
  std::string
      reason;  // where the new content was learnt from; or, without actions, what would be needed
  bool healed() const { return !actions.empty(); }
};

struct Plan {
  std::vector<Remedy> remedies;  // in the order in which they are done
};

}  // namespace strata::doctor
