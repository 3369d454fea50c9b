// SPDX-License-Identifier: Apache-2.0
// The route table: which words lead to which command.
//   strata load ...          flat
//   strata image load ...    the same, by group
// Threads: constants.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace strata::cli {

struct Route {
  std::string_view flat;     // empty: only within its group
  std::string_view group;    // empty: only flat
  std::string_view name;     // within the group
  std::string_view aliases;  // of `name`, divided by spaces
  std::string_view usage;    // what follows the name: "[OPTIONS] IMAGE"
  std::string_view summary;  // empty: not in any help, for programs only
  size_t min_arguments;
  size_t max_arguments;
  std::unique_ptr<Command> (*make)();
};

struct Group {
  std::string_view name;
  std::string_view summary;
};

inline constexpr size_t kAnyNumber = static_cast<size_t>(-1);

std::span<const Route> routes();
std::span<const Group> groups();
// Null if there is none. An empty group: the flat form.
const Route* find_route(std::string_view group, std::string_view name);
const Group* find_group(std::string_view name);

// One function for each file of a command.
std::unique_ptr<Command> make_build();
std::unique_ptr<Command> make_check();
std::unique_ptr<Command> make_commit();
std::unique_ptr<Command> make_container_inspect();
std::unique_ptr<Command> make_container_prune();
std::unique_ptr<Command> make_copy();
std::unique_ptr<Command> make_cp();
std::unique_ptr<Command> make_create();
std::unique_ptr<Command> make_df();
std::unique_ptr<Command> make_diff();
std::unique_ptr<Command> make_export();
std::unique_ptr<Command> make_history();
std::unique_ptr<Command> make_image_inspect();
std::unique_ptr<Command> make_images();
std::unique_ptr<Command> make_import();
std::unique_ptr<Command> make_info();
std::unique_ptr<Command> make_inspect();
std::unique_ptr<Command> make_kill();
std::unique_ptr<Command> make_layers();
std::unique_ptr<Command> make_load();
std::unique_ptr<Command> make_login();
std::unique_ptr<Command> make_logout();
std::unique_ptr<Command> make_logs();
std::unique_ptr<Command> make_manifest_inspect();
std::unique_ptr<Command> make_mount();
std::unique_ptr<Command> make_prune();
std::unique_ptr<Command> make_ps();
std::unique_ptr<Command> make_pull();
std::unique_ptr<Command> make_push();
std::unique_ptr<Command> make_recover();
std::unique_ptr<Command> make_remote_digest();
std::unique_ptr<Command> make_remote_inspect();
std::unique_ptr<Command> make_remote_rm();
std::unique_ptr<Command> make_repair();
std::unique_ptr<Command> make_rm();
std::unique_ptr<Command> make_rmi();
std::unique_ptr<Command> make_run();
std::unique_ptr<Command> make_save();
std::unique_ptr<Command> make_serve_stdio();
std::unique_ptr<Command> make_start();
std::unique_ptr<Command> make_stop();
std::unique_ptr<Command> make_tag();
std::unique_ptr<Command> make_tags();
std::unique_ptr<Command> make_umount();
std::unique_ptr<Command> make_version();
std::unique_ptr<Command> make_wait();

}  // namespace strata::cli
