// SPDX-License-Identifier: Apache-2.0
#include "base/nameless_file.h"

#include <cstdlib>
#include <random>

namespace strata {

Result<Fd> nameless_file(const Fd& folder) {
  Result<Fd> file = open_at(folder, ".", O_RDWR | O_TMPFILE, 0600);
  if (file.ok()) return file;
  std::random_device random;
  const std::string name = fmt::format(".strata-{:08x}{:08x}", random(), random());
  STRATA_TRY(Fd named, open_at(folder, name, O_RDWR | O_CREAT | O_EXCL, 0600));
  STRATA_CHECK(unlink_at(folder, name));
  return named;
}

Result<Fd> temporary_file() {
  const char* chosen = std::getenv("TMPDIR");
  const std::string path = chosen == nullptr || *chosen == '\0' ? "/var/tmp" : chosen;
  STRATA_TRY(Fd folder, open_path(path, O_RDONLY | O_DIRECTORY));
  return nameless_file(folder).context("{}", path);
}

}  // namespace strata
