// SPDX-License-Identifier: Apache-2.0
#include "driver/driver.h"

#include <unistd.h>

#include "driver/overlay2.h"
#include "driver/vfs.h"

namespace strata::driver {

std::string_view opaque_xattr() {
  return ::geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
}

bool is_damage(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kCorrupt ||
         error.code() == ErrorCode::kInvalid;
}

bool is_known_driver(std::string_view name) { return name == "overlay2" || name == "vfs"; }

Status check_driver(std::string_view name) {
  if (is_known_driver(name)) return {};
  return error(ErrorCode::kUnsupported,
               "storage driver \"{}\" is not supported: expected overlay2 or vfs", name);
}

Result<std::unique_ptr<Driver>> make_driver(std::string_view name, const Fd& root,
                                            const std::string& root_path) {
  STRATA_CHECK(check_driver(name));
  std::unique_ptr<Driver> driver;
  if (name == "overlay2") driver = std::make_unique<Overlay2>(root, root_path);
  if (name == "vfs") driver = std::make_unique<Vfs>(root);
  return driver;
}

}  // namespace strata::driver
