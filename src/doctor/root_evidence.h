// SPDX-License-Identifier: Apache-2.0
// The evidence of a real root and of the places that --from names.
// Threads: one at a time.
#pragma once

#include <map>
#include <utility>

#include "base/fs_at.h"
#include "doctor/copies.h"
#include "doctor/evidence.h"
#include "doctor/survey.h"
#include "store/distribution.h"

namespace strata::doctor {

class RootEvidence final : public Evidence {
 public:
  // All are borrowed. `troubles`: what could not be read, so that an answer is not certain.
  RootEvidence(const Fd& root, const Survey& survey, const Copies& copies, const Pool& pool,
               Troubles& troubles)
      : root_(root),
        survey_(survey),
        copies_(copies),
        pool_(pool),
        troubles_(troubles),
        distribution_(root, survey.image_folder() + "/distribution") {}

  std::optional<DiffId> diff_of(const std::string& record, const std::string& folder) override;
  Fit fit_of(const std::string& record, const std::string& folder) override;
  std::optional<uint64_t> size_of(const std::string& record, const std::string& folder) override;
  std::vector<DiffId> known_diffs() override;
  std::string layer_copy(const DiffId& diff) override;
  std::string config_copy(const ImageId& image) override;
  std::vector<std::string> registry_blobs(const DiffId& diff) override;
  std::vector<std::string> repositories_of(const std::vector<DiffId>& diffs) override;
  std::vector<NamedImage> remembered_names() override;
  std::optional<ImageId> parent_of(const ImageId& image) override;
  std::optional<std::string> temporary_of(const std::string& path) override;
  std::optional<double> folder_made(const std::string& folder) override;
  std::optional<double> container_made(const std::string& container) override;
  std::optional<DiffId> diff_of_blob(const std::string& blob_hex) override;

 private:
  Result<DiffId> read_diff(const std::string& record, const std::string& folder) const;
  Result<Fit> compare(const std::string& record, const std::string& folder) const;
  Result<Fd> open_files(const std::string& folder) const;
  Result<Fd> open_split(const std::string& record) const;
  // Notes why there is no answer.
  template <typename T>
  bool answers(const std::string& path, const Result<T>& result) {
    if (!result.ok()) troubles_.note(path, result.error());
    return result.ok();
  }

  const Fd& root_;
  const Survey& survey_;
  const Copies& copies_;
  const Pool& pool_;
  Troubles& troubles_;
  const store::DistributionDb distribution_;
  using Pair = std::pair<std::string, std::string>;  // a record and a folder
  std::map<Pair, std::optional<DiffId>> diffs_;
  std::map<Pair, Fit> fits_;
};

}  // namespace strata::doctor
