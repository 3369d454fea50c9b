// SPDX-License-Identifier: Apache-2.0
// What a user reads of images that have come into the store.
// Threads: one at a time.
#pragma once

#include "archive/load.h"
#include "cli/command.h"

namespace strata::cli {

// The warnings, and docker's lines: "Loaded image: NAME" or "Loaded image ID: sha256:…" of each
// image, with "Loaded" or whatever `done` is; and which images have lost their name to one of them.
void print_load_report(Context& context, const archive::LoadReport& report, std::string_view done);

}  // namespace strata::cli
