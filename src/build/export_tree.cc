// SPDX-License-Identifier: Apache-2.0
#include "build/export_tree.h"

#include <fcntl.h>

#include "base/interrupt.h"
#include "build/copy_files.h"
#include "build/source_files.h"
#include "runtime/export.h"

namespace strata::build {

Status export_tar(const store::Store& store, const ImageId& image, const std::string& path,
                  int standard_output, Pool& pool) {
  if (path == "-") {
    WaitingSink sink(standard_output);
    return runtime::export_image(store, image.to_string(), sink, pool);
  }
  STRATA_TRY(OutputFile file, OutputFile::create(path));
  WaitingSink sink(file.fd());
  STRATA_CHECK(runtime::export_image(store, image.to_string(), sink, pool));
  return file.publish();
}

Status export_folder(store::Store& store, const ImageId& image, const std::string& path,
                     Pool& pool) {
  STRATA_CHECK(ensure_dirs_at(Fd(), path, 0755));
  STRATA_TRY(const Fd folder, open_path(path, O_RDONLY | O_DIRECTORY));
  STRATA_TRY(std::string raw, store.images().read_config(image));
  StageImage stage;
  STRATA_TRY(stage.config, oci::ImageConfig::parse(std::move(raw)));
  stage.chains = stage.config->chain_ids();
  STRATA_TRY(SourceFiles files, SourceFiles::of_image(store, stage));
  Copy all;
  all.sources = {"."};
  all.destination = "/";
  CopyOrigin origin;
  origin.tree = &files.tree();
  STRATA_TRY(const CopyPlan plan, plan_copy(all, origin, pool));
  return copy_files(plan, "/", {&folder, nullptr}, pool);
}

}  // namespace strata::build
