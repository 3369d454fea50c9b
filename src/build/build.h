// SPDX-License-Identifier: Apache-2.0
// build: a Dockerfile becomes images.
//
//   Dockerfile ──► stages that the target needs ──► each by a thread, when those it takes from are done:
//     FROM         the image, its config
//     instruction  in the cache? else: config changed | files copied | program run
//                  ──► layer, config, parent link: published at once, which is the next build's cache
//   ──► the target's image gets its names
//
// Source:  docker's classic builder; the Dockerfile reference for what that does not know.
// Threads: one build at a time per BuildContext.
// Crash:   steps that were published stay, as docker's do; nothing else does. Mounts live in a
//          mount namespace of the process' own (enter_private_mounts) and end with it.
#pragma once

#include <vector>

#include "base/pool.h"
#include "build/build_log.h"
#include "build/build_request.h"
#include "build/context.h"
#include "store/transaction.h"

namespace strata::build {

struct BuildReport {
  ImageId image;
  std::vector<store::MovedReference> moved;
  std::vector<std::string> warnings;
  std::vector<std::string> unused_args;  // --build-arg that nothing declared
};

// A program of a RUN that failed; its exit code is that of the build.
struct FailedCommand {
  int exit_code = 0;
};

// Errors: those of the parser, of the context, and of steps, with the lines of the Dockerfile in
// front; `failed` (may be null) tells when it was a program that failed.
Result<BuildReport> build(store::Store& store, BuildContext& context, const BuildRequest& request,
                          BuildLog& log, Pool& pool, FailedCommand* failed);

}  // namespace strata::build
