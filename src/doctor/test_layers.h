// SPDX-License-Identifier: Apache-2.0
// Layers that tests of the doctor damage.
#pragma once

#include <string>

#include "driver/layer_test_fixture.h"

namespace strata::doctor {

// One member of each kind.
inline std::string small_layer() {
  return driver::TarText()
      .folder("d/")
      .file("d/a", "hello")
      .file("d/empty", "")
      .other(tar::kSymlink, "d/s", "a")
      .other(tar::kHardLink, "d/z", "d/a")
      .other(tar::kFifo, "p")
      .file("deep/in/file", "x")
      .file("d/.wh.gone", "")
      .folder("o/")
      .file("o/.wh..wh..opq", "")
      .end();
}

}  // namespace strata::doctor
