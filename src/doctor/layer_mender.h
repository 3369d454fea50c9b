// SPDX-License-Identifier: Apache-2.0
// Mends of a layer's names what its tar-split tells: folders, symlinks, hard links, devices, whiteouts, empty files, opaque marks, and of
// every name mode, owner, time and xattrs. Content is taken from another copy of the layer, which lies unpacked beside it.
// Threads: one.
// Crash:   each name is as it was, as it should be, or not there; what was there lies in `set_aside`. It can be done again.
#pragma once

#include <functional>
#include <vector>

#include "doctor/layer_content.h"

namespace strata::doctor {

struct MendPlaces {
  const driver::LayerFiles& layer;
  LayerForm form = LayerForm::kOverlay;
  const Fd& staging;    // on the layer's file system: for temporary files
  const Fd& set_aside;  // gets what is replaced, under its path; on the same file system
};

// Mends what of `faults` (those that compare_layer has just found) does not need a copy. The time of a folder changes when something in
// it is made anew, so a layer is compared again afterwards. Returns how many missing files were found under other names, to which the
// layer has hard links. Errors: kIo, kNoSpace, kCorrupt (the tar-split).
Result<uint64_t> mend_names(const MendPlaces& places, const std::vector<FileFault>& faults,
                            const Pool& pool);

// Puts the files that need a copy in place of those of the layer. `copy`: the same layer's files, unpacked and verified, on the same
// file system; what is taken is gone there. Returns how many.
Result<uint64_t> take_files(const MendPlaces& places, const std::vector<FileFault>& faults,
                            const Fd& copy);

}  // namespace strata::doctor
