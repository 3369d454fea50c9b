// SPDX-License-Identifier: Apache-2.0
#include "driver/member_places.h"

#include "driver/path_below.h"

namespace strata::driver {

Result<MemberPlace> MemberPlaces::find(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  if (!folder_.valid() || folder != folder_path_) STRATA_CHECK(enter(folder));
  MemberPlace place{&folder_, path.substr(slash + 1), real_path_, through_symlink_};
  if (!place.path.empty()) place.path += "/";
  place.path += place.name;
  return place;
}

Status MemberPlaces::enter(const std::string& folder) {
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  const std::string path = folder.empty() ? "." : folder;
  folder_ = Fd();
  folder_path_ = folder;
  real_path_ = folder;
  Result<Fd> straight = open_in_root(files_, path, kFlags, 0, Symlinks::kRefuse);
  through_symlink_ = !straight.ok();
  if (straight.ok()) {
    folder_ = std::move(straight).value();
    return {};
  }
  STRATA_TRY(Fd behind, open_in_root(files_, path, kFlags));
  STRATA_TRY(real_path_, path_below(files_, behind).context("{}", folder));
  folder_ = std::move(behind);
  return {};
}

}  // namespace strata::driver
