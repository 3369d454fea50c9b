// SPDX-License-Identifier: Apache-2.0
// Containers as rows of `ps`.
// Source:  docker's client, formatter of containers; FORMATS section 10.
// Threads: values.
#pragma once

#include <optional>
#include <vector>

#include "cli/value.h"
#include "oci/config_summary.h"
#include "runtime/container_record.h"
#include "runtime/container_status.h"
#include "runtime/host_config.h"
#include "runtime/volumes.h"

namespace strata::cli {

struct ContainerRow {
  runtime::ContainerRecord record;
  runtime::ContainerStatus status;
  std::string network;
  std::vector<runtime::MountPoint> mounts;
  std::string image;    // as the user named it, or its ID where the name means another one now
  std::string command;  // Path and Args
  bool truncate = true;
  uint64_t size_bytes = 0;  // of what it wrote
  uint64_t image_bytes = 0;
};

// Every container of the root that can be read, newest first. `sizes`: with both sizes, which takes
// reading the trees.
Result<std::vector<ContainerRow>> list_container_rows(const store::Store& store, bool sizes);

// For Filters::match_labels.
oci::ConfigSummary labels_of(const runtime::ContainerRecord& record);

Value container_row(ContainerRow row);
Value container_headings();

// The template of `--format raw`: a block of lines for each row.
std::string raw_container_format(bool sizes);

}  // namespace strata::cli
