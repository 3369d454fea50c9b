// SPDX-License-Identifier: Apache-2.0
#include "doctor/layer_content.h"

#include <unistd.h>

#include "base/queue.h"
#include "doctor/content_comparer.h"
#include "hash/sha256.h"

namespace strata::doctor {
namespace {

constexpr size_t kQueuedBlocks = 8;

}  // namespace

// Root's stores have what the tars say. In a store of another user all is the user's own.
Result<DiskRules> disk_rules(const driver::LayerFiles& layer, LayerForm form,
                             std::optional<uint32_t>& owner) {
  DiskRules rules;
  rules.is_whole_tree = form == LayerForm::kWholeTree;
  rules.privileged = ::geteuid() == 0;
  STRATA_TRY(struct stat split, stat_fd(layer.split_file->get()));
  STRATA_TRY(struct stat files, stat_fd(layer.files->get()));
  rules.judge_owners = split.st_uid == 0 || split.st_uid != files.st_uid;
  if (!rules.judge_owners) owner = split.st_uid;
  return rules;
}

Result<LayerContent> compare_layer(const driver::LayerFiles& layer, const DiffId& expected,
                                   BufferPool& buffers, const Pool& pool,
                                   const std::function<void(uint64_t)>& on_bytes, LayerForm form) {
  std::optional<uint32_t> owner;
  STRATA_TRY(DiskRules rules, disk_rules(layer, form, owner));
  BoundedQueue<Slice> to_hash(kQueuedBlocks);
  Sha256 sha256;
  Stage hasher([&]() -> Status {
    while (std::optional<Slice> block = to_hash.pop()) sha256.update(block->bytes);
    return {};
  });
  TarBlocks tar(buffers, [&](Slice block) { (void)to_hash.push(std::move(block)); });
  ContentComparer comparer(layer, {form, rules, &pool, on_bytes}, tar);
  Status compared = comparer.run();
  to_hash.close();
  STRATA_CHECK(hasher.join());
  STRATA_CHECK(std::move(compared));
  LayerContent content = comparer.take();
  content.is_exact = !tar.spoilt() && DiffId(sha256.finish()) == expected;
  content.owner = owner;
  return content;
}

}  // namespace strata::doctor
