// SPDX-License-Identifier: Apache-2.0
#include "cli/confine_to.h"

#include "base/confine.h"

namespace strata::cli {

void confine_to(const Context& context, const store::Store& store, Network network) {
  // People move folders of a root to other disks and leave links.
  std::vector<Fd> folders;
  for (const std::string_view name :
       {std::string_view("."), std::string_view("image"), store.driver().name(),
        std::string_view("strata"), std::string_view("containers"), std::string_view("volumes")}) {
    Result<Fd> folder = open_at(store.root(), std::string(name), O_PATH | O_DIRECTORY);
    if (folder.ok()) folders.push_back(std::move(*folder));
  }
  Confinement how{.folders = {}, .read_elsewhere = true, .network = network == Network::kNeeded};
  for (const Fd& folder : folders) how.folders.push_back(folder.get());
  if (context.new_root() != nullptr) how.empty_folders_below = context.new_root()->above().get();
  confine_thread(how);
}

}  // namespace strata::cli
