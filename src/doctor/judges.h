// SPDX-License-Identifier: Apache-2.0
// The judges of check.h on a graph that is built once. Inside of this folder.
#pragma once

#include "doctor/graph.h"

namespace strata::doctor {

std::vector<Finding> judge_references(const Graph& graph);
std::vector<Finding> judge_images(const Graph& graph);
std::vector<Finding> judge_records(const Graph& graph);
std::vector<Finding> judge_folders(const Graph& graph);
std::vector<Finding> judge_containers(const Graph& graph);

}  // namespace strata::doctor
