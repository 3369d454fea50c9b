// SPDX-License-Identifier: Apache-2.0
#include "cli/way_out.h"

#include "store/full_disk.h"

namespace strata::cli {

Error with_way_out(Error failure, const store::Store& store, Remover remover) {
  if (!store::is_full_disk(failure, store.root())) return failure;
  const std::string_view pulls =
      remover == Remover::kOne
          ? "\"strata image prune\" begins with what interrupted pulls have left, and "
          : "";
  return error(ErrorCode::kNoSpace,
               "{}: the disk of {} is full, and removing writes some KB of records first. Make "
               "room: {}\"strata repair --purge --yes\" removes what repairs have kept{}; else "
               "logs of containers, or something else on that disk",
               failure.message(), store.root_path(), pulls,
               remover == Remover::kOne ? "; neither takes any" : ", which takes none");
}

}  // namespace strata::cli
