// SPDX-License-Identifier: Apache-2.0
//   distribution/diffid-by-digest/sha256/<blob>         "sha256:" 64HEX, the diffID; no newline
//   distribution/v2metadata-by-diffid/sha256/<diffid>
//   [{"Digest":…,"SourceRepository":…,"HMAC":…},…]
//                                                       compact, no newline, newest last, at most
//                                                       50
// Files 0644, folders 0755 below distribution/ 0700. Source: FORMATS section 9.6.
#include "store/distribution.h"

#include <algorithm>

#include "oci/json.h"
#include "store/our_files.h"

namespace strata::store {
namespace {

constexpr size_t kMaxSources = 50;
constexpr std::string_view kLockName = "records";

std::string to_json(const std::vector<BlobSource>& sources) {
  boost::json::array array;
  for (const BlobSource& source : sources) {
    array.push_back(boost::json::object{{"Digest", source.blob.to_string()},
                                        {"SourceRepository", source.repository},
                                        {"HMAC", source.hmac}});
  }
  return oci::go_json(array);
}

Result<BlobSource> parse_source(const boost::json::value& value) {
  const boost::json::object* object = value.if_object();
  if (object == nullptr) return error(ErrorCode::kCorrupt, "expected an object");
  BlobSource source;
  STRATA_TRY(std::string blob, oci::get_string(*object, "V2Metadata", "Digest"));
  STRATA_TRY(source.blob, Digest::parse(blob));
  STRATA_TRY(source.repository, oci::get_string(*object, "V2Metadata", "SourceRepository"));
  STRATA_TRY(source.hmac, oci::get_string(*object, "V2Metadata", "HMAC"));
  return source;
}

// Held while a record is read and replaced, so that of two pulls none loses what the other adds.
Result<FileLock> lock_records(const Fd& root) {
  STRATA_CHECK(ensure_dir_at(root, "strata", 0700));
  return lock_in_root(root, kLockName, FileLock::Mode::kExclusive);
}

// Not synced: a record that is lost is found out again.
Status replace_record(const Fd& root, const std::string& path, std::string_view content) {
  return replace_under_lock(root, kLockName, path, content, 0644, Durability::kQuick);
}

}  // namespace

Result<std::optional<DiffId>> DistributionDb::diff_of(const Digest& blob) const {
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(root_, folder_ + "/diffid-by-digest/sha256/" + blob.hex()));
  Result<DiffId> diff = DiffId::parse(text.value_or(""));
  if (!diff.ok()) return std::optional<DiffId>();
  return std::optional<DiffId>(*diff);
}

Result<std::vector<BlobSource>> DistributionDb::sources_of(const DiffId& diff) const {
  std::vector<BlobSource> sources;
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(root_, folder_ + "/v2metadata-by-diffid/sha256/" + diff.hex()));
  Result<boost::json::value> parsed = oci::parse_json(text.value_or("[]"));
  if (!parsed.ok() || !parsed->is_array()) return sources;
  for (const boost::json::value& value : parsed->get_array()) {
    Result<BlobSource> source = parse_source(value);
    if (source.ok()) sources.push_back(std::move(source).value());
  }
  return sources;
}

Status DistributionDb::add(const DiffId& diff, const BlobSource& source) const {
  std::string by_digest = folder_ + "/diffid-by-digest/sha256";
  std::string by_diff = folder_ + "/v2metadata-by-diffid/sha256";
  STRATA_CHECK(ensure_dirs_at(root_, folder_, 0700));
  STRATA_CHECK(ensure_dirs_at(root_, by_digest, 0755));
  STRATA_CHECK(ensure_dirs_at(root_, by_diff, 0755));
  STRATA_TRY(FileLock held, lock_records(root_));
  STRATA_TRY(std::vector<BlobSource> sources, sources_of(diff));
  std::erase(sources, source);
  sources.push_back(source);
  if (sources.size() > kMaxSources) sources.erase(sources.begin(), sources.end() - kMaxSources);
  STRATA_CHECK(replace_record(root_, by_diff + "/" + diff.hex(), to_json(sources)));
  return replace_record(root_, by_digest + "/" + source.blob.hex(), diff.to_string());
}

Status DistributionDb::remove(const DiffId& diff, const BlobSource& source) const {
  STRATA_TRY(FileLock held, lock_records(root_));
  STRATA_TRY(std::vector<BlobSource> sources, sources_of(diff));
  if (std::erase(sources, source) == 0) return {};
  return replace_record(root_, folder_ + "/v2metadata-by-diffid/sha256/" + diff.hex(),
                        to_json(sources));
}

}  // namespace strata::store
