// SPDX-License-Identifier: Apache-2.0
// LayerStack: the files of layers that lie on each other, as overlayfs shows them, but without a
// mount: it needs no privilege and leaves nothing behind.
//
// A name shows from the highest layer that has it. Folders of that name below it are joined with
// it, down to a layer where it is opaque, a whiteout or no folder.
// Source:  Documentation/filesystems/overlayfs.rst of Linux, "Upper and Lower", "whiteouts and
//          opaque directories".
// Threads: any thread may call any method.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"

namespace strata::driver {

class LayerStack {
 public:
  // kShow: whiteouts are names like others, which makes sense of one layer alone.
  enum class Whiteouts { kHide, kShow };
  // `layers`, at least one, the highest first: borrowed, and outlive this.
  explicit LayerStack(std::vector<const Fd*> layers, Whiteouts whiteouts)
      : layers_(std::move(layers)), whiteouts_(whiteouts) {}

  // Those of Driver::open_stack, without the first `skip`.
  explicit LayerStack(const std::vector<Fd>& layers, size_t skip = 0)
      : whiteouts_(Whiteouts::kHide) {
    for (size_t i = skip; i < layers.size(); ++i) layers_.push_back(&layers[i]);
  }

  // A folder as it shows: in which layers, the highest first, and open in each of them.
  struct Folder {
    std::vector<size_t> layers;
    std::vector<std::shared_ptr<const Fd>> fds;
    // What is below the last of these layers does not show: opaque, a whiteout or no folder.
    bool hides_below = false;
  };
  // What shows under a name, and in which folder it lies.
  struct Found {
    std::shared_ptr<const Fd> folder;
    struct stat info;
  };

  Result<Folder> root() const;
  // The folder at `path`; none when there is none. Symlinks are no folders.
  Result<std::optional<Folder>> open(const std::string& path) const;
  // The folder `name` in `parent`, where find() has found a folder.
  Result<Folder> child(const Folder& parent, const std::string& name) const;
  // Opens the parts of a folder that was had before. Errors: kNotFound.
  Status reopen(Folder& folder, const std::string& path) const;

  Result<std::optional<Found>> find(const Folder& folder, const std::string& name) const;
  // Every name that shows, once, in no order, and in which of the folder's parts it lies.
  Status list(const Folder& folder,
              const std::function<void(const std::string& name, size_t part)>& visit) const;

 private:
  Result<bool> is_hidden(const Fd& folder, const DirEntry& entry) const;

  std::vector<const Fd*> layers_;
  Whiteouts whiteouts_;
};

// What overlayfs takes for "there is nothing".
bool is_whiteout_device(const struct stat& info);
// True for a folder that hides what layers below have under its name.
bool is_opaque_folder(const Fd& folder);

}  // namespace strata::driver
