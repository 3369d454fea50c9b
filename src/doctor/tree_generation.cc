// SPDX-License-Identifier: Apache-2.0
#include "doctor/tree_generation.h"

#include <vector>

#include "hash/sha256.h"

namespace strata::doctor {

driver::TreeTarOptions TreeGeneration::options() const {
  driver::TreeTarOptions options;
  options.rules.style = style;
  options.rules.names = &names;
  return options;
}

Result<std::optional<TreeGeneration>> find_generation(const Fd& files, const DiffId& diff,
                                                      Pool& pool, BufferPool& buffers) {
  std::vector<TreeGeneration> generations = {{tar::HeaderStyle::kDocker28, {}},
                                             {tar::HeaderStyle::kDocker20, {}}};
  // Before 20.10.27 the daemon looked the owners up on its host: it was this one, or one like it.
  Result<Fd> etc = open_path("/etc", O_PATH | O_DIRECTORY);
  if (etc.ok()) {
    STRATA_TRY(driver::OwnerNames names, driver::read_owner_names(*etc));
    generations.push_back({tar::HeaderStyle::kDocker20, std::move(names)});
  }
  const driver::LayerStack tree({&files}, driver::LayerStack::Whiteouts::kShow);
  for (TreeGeneration& generation : generations) {
    STRATA_CHECK(pool.check_cancelled());
    NoSink nothing;
    HashingSink hashing(nothing);
    Status written = driver::write_tree_tar(tree, generation.options(), hashing, pool, buffers);
    if (written.ok() && DiffId(hashing.digest()) == diff)
      return std::optional(std::move(generation));
  }
  STRATA_CHECK(pool.check_cancelled());
  return std::optional<TreeGeneration>();
}

}  // namespace strata::doctor
