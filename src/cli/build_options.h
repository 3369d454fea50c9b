// SPDX-License-Identifier: Apache-2.0
// The options of `build`.
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "build/build_request.h"
#include "build/context.h"
#include "cli/build_output.h"
#include "cli/options.h"
#include "hash/digest.h"

namespace strata::cli {

class BuildOptions {
 public:
  void declare(Options& options);

  // Errors: kInvalid, docker's texts for what is not well formed.
  Result<build::BuildRequest> request() const;
  build::ContextOptions context(const std::string& place, const Fd* root) const;
  bool quiet() const { return quiet_; }
  bool check() const { return check_; }
  const std::string& dockerfile() const { return file_; }  // of -f; may be empty
  const std::string& target() const { return target_; }
  Result<std::vector<BuildOutput>> outputs() const;
  // --iidfile and --metadata-file.
  Status write_files(const ImageId& image, const std::vector<std::string>& tags) const;

 private:
  void declare_cache(Options& options);

  std::vector<std::string> tags_;
  std::string file_;
  std::string target_;
  std::vector<std::string> build_args_;
  std::vector<std::string> labels_;
  std::string platform_;
  bool no_cache_ = false;
  std::vector<std::string> no_cache_stages_;
  bool pull_ = false;
  bool squash_ = false;
  bool quiet_ = false;
  std::vector<std::string> cache_from_;
  std::vector<std::string> cache_to_;
  std::string docker_cache_ = "20.10";
  bool check_ = false;
  std::string id_file_;
  std::string metadata_file_;
  std::vector<std::string> outputs_;
  std::string network_ = "default";
  std::string timestamp_;
  std::vector<std::string> contexts_;
  std::vector<std::string> extra_hosts_;
  std::vector<std::string> allowed_;
  std::vector<std::string> secrets_;
  std::vector<std::string> ssh_;
  std::vector<std::string> ulimits_;
  std::string shm_size_;
  std::string runtime_;
};

}  // namespace strata::cli
