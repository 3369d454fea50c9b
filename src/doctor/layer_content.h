// SPDX-License-Identifier: Apache-2.0
// Compares the files of a layer with its tar-split, name by name, and says of each what differs. Unlike driver/layer_reader.h it
// does not stop at the first, looks at metadata too, and finds files that are too many.
// Source:  FORMATS sections 2.2, 4 and 5: how each kind of member lies in a layer's folder.
// Threads: any, on different layers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/pool.h"
#include "doctor/finding.h"
#include "doctor/member_check.h"
#include "driver/layer_reader.h"

namespace strata::doctor {

// One name of a layer that is not as it was.
struct FileFault {
  std::string name;      // as the tar has it, cleaned: "usr/bin/x"
  Kind kind{};           // kFileMissing, kFileChanged, kFileExtra, kFileMetadata
  std::string expected;  // "mode 0755", "4096 bytes, CRC-64 …"
  std::string found;
  bool needs_copy = false;  // content is gone; what else there is to say stands in the tar-split
  uint64_t member =
      0;  // of the tar, from 1; 0: of none: the name is too many, or a folder has another opaque mark
  bool operator==(const FileFault&) const = default;
};

struct LayerContent {
  std::vector<FileFault> faults;  // sorted by name; the first kFaultsMax of them
  uint64_t faults_total = 0;
  std::string split_trouble;  // why the tar-split could not be read to its end
  // The tar has the expected diffID: the layer can be saved. False where files differ that are part of it.
  bool is_exact = false;
  // Why no docker could save it from the day on which it was unpacked, although all files are as they were: docker records some
  // members so that their bytes cannot be given back (FORMATS section 4, "Consequences"). Empty: nothing of the kind.
  std::string never_exact;
  // The user to whom all of the store belongs, if that is not root; then owners are not judged.
  std::optional<uint32_t> owner;
  uint64_t bytes = 0;  // of content that was read
};
inline constexpr size_t kFaultsMax = 10'000;

// kWholeTree: vfs, whose folders also hold the files of the layers below; so nothing can be too many there.
enum class LayerForm { kOverlay, kWholeTree };

// How the store that the layer is in makes files. `owner`: as in LayerContent. Errors: kIo.
Result<DiskRules> disk_rules(const driver::LayerFiles& layer, LayerForm form,
                             std::optional<uint32_t>& owner);

// `on_bytes` (may be null) is told how many bytes were read since it was called last. Holds at most 10 blocks of `buffers`, and
// gets on with one.
// Errors: kIo and the like of the folder as a whole, kPermission, kCancelled; a file that cannot be read (EIO) is a fault.
Result<LayerContent> compare_layer(const driver::LayerFiles& layer, const DiffId& expected,
                                   BufferPool& buffers, const Pool& pool,
                                   const std::function<void(uint64_t)>& on_bytes,
                                   LayerForm form = LayerForm::kOverlay);

}  // namespace strata::doctor
