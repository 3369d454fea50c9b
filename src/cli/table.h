// SPDX-License-Identifier: Apache-2.0
// Columns of text as docker aligns them: each as wide as its widest cell and three spaces, ten at
// least; the last cell of a line stands as it is.
// Shape:   lines end in "\n", cells of a line are divided by "\t".
// Source:  Go's text/tabwriter, as docker sets it up (10, 1, 3, ' ', 0). Threads: pure function.
#pragma once

#include <string>
#include <string_view>

namespace strata::cli {

std::string align_table(std::string_view cells);

}  // namespace strata::cli
