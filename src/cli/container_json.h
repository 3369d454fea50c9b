// SPDX-License-Identifier: Apache-2.0
// All that inspect says of a container, as docker's struct types.ContainerJSON.
// Source:  the output of docker 20.10, field by field.
// Threads: any.
#pragma once

#include "cli/value.h"
#include "runtime/container_record.h"

namespace strata::cli {

// `size`: with SizeRw and SizeRootFs, which takes reading the tree.
// Errors: kNotFound, kCorrupt.
Result<Value> container_value(const store::Store& store, const runtime::ContainerRecord& record,
                              bool size);

}  // namespace strata::cli
