// SPDX-License-Identifier: Apache-2.0
// What a build is asked to do: the options of `build`, read and checked.
// Threads: values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/cache_place.h"
#include "build/content_sum.h"
#include "oci/platform.h"
#include "runtime/run_spec.h"

namespace strata::build {

// --secret id=x,src=FILE or id=x,env=NAME.
struct SecretSource {
  std::string file;
  std::string variable;
};

// --build-context NAME=PLACE.
struct NamedContext {
  std::string name;
  std::string place;
};

struct BuildRequest {
  std::vector<std::string> tags;  // keys of references
  std::string target;
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;
  std::optional<oci::Platform> platform;  // none: that of this machine
  // Whose words and sums stand in the history, by which dockerds find what was built: those of
  // docker up to 24, or of later ones.
  SumForm form = SumForm::kDocker20;
  bool no_cache = false;
  std::vector<std::string> no_cache_stages;  // --no-cache-filter
  // Images whose steps count as cached too, and caches that builds have exported (--cache-from);
  // fetched where they are not here. What cannot be had is passed over with a warning.
  std::vector<CachePlace> cache_from;
  std::vector<CacheTarget> cache_to;
  bool squash = false;                   // one layer in place of those of the last stage
  bool pull = false;                     // ask for newer base images
  std::optional<int64_t> time;           // SOURCE_DATE_EPOCH: seconds; of image and files
  std::string network;                   // default (that of the host), host or none
  std::vector<std::string> extra_hosts;  // "name:address"
  std::vector<runtime::Ulimit> ulimits;
  uint64_t shm_size_bytes = 64u << 20;
  bool allow_insecure = false;  // RUN --security=insecure
  std::map<std::string, SecretSource> secrets;
  std::map<std::string, std::string> ssh;  // ID: socket of an agent
  std::vector<NamedContext> contexts;
  std::string runtime;  // OCI runtime; empty: what is there

  // Brings an image here that a FROM or --from names. Called without --pull only for names that the
  // store does not have. Errors are those of a pull.
  using Fetch = std::function<Status(const std::string& name, const oci::Platform& platform)>;
  Fetch fetch;
  OpenClient open_client;
};

}  // namespace strata::build
