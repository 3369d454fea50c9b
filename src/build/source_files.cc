// SPDX-License-Identifier: Apache-2.0
#include "build/source_files.h"

#include "driver/mount.h"

namespace strata::build {

SourceFiles SourceFiles::of_context(BuildContext& context) {
  SourceFiles files;
  files.context_ = &context;
  return files;
}

Result<SourceFiles> SourceFiles::of_image(store::Store& store, const StageImage& image) {
  SourceFiles files;
  STRATA_TRY(store::Transaction txn, store.begin());
  files.txn_ = std::make_unique<store::Transaction>(std::move(txn));
  STRATA_TRY(SourceMount mount, SourceMount::mount(store, *files.txn_, image));
  files.mount_ = std::make_unique<SourceMount>(std::move(mount));
  STRATA_TRY(Fd top, open_path(files.mount_->path(), O_PATH | O_DIRECTORY));
  files.tree_ = std::make_unique<SourceTree>(std::move(top), SourceTree::Kind::kStage);
  return files;
}

Result<std::string> SourceFiles::path() { return driver::path_of(tree().top()); }

}  // namespace strata::build
