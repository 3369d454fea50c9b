// SPDX-License-Identifier: Apache-2.0
#include "doctor/root_evidence.h"

#include <algorithm>
#include <set>

#include "doctor/layer_content.h"
#include "doctor/rebuild.h"
#include "driver/layer_reader.h"
#include "driver/split_file.h"
#include "driver/tree_size.h"
#include "hash/sha256.h"
#include "oci/image_config.h"
#include "oci/json.h"

namespace strata::doctor {
namespace {

constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kComparedBlocks = 10;

double seconds_of(const struct timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

bool is_prefix(const std::vector<DiffId>& shorter, const std::vector<DiffId>& longer) {
  return shorter.size() <= longer.size() && shorter.size() + 1 >= longer.size() &&
         std::equal(shorter.begin(), shorter.end(), longer.begin());
}

}  // namespace

Result<Fd> RootEvidence::open_files(const std::string& folder) const {
  const std::string path = folder_path(survey_, folder);
  return open_dir_at(root_, survey_.is_overlay() ? path + "/diff" : path);
}

Result<Fd> RootEvidence::open_split(const std::string& record) const {
  return open_at(root_, survey_.layer_folder() + "/" + record + "/tar-split.json.gz",
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

Result<DiffId> RootEvidence::read_diff(const std::string& record, const std::string& folder) const {
  STRATA_TRY(Fd files, open_files(folder));
  STRATA_TRY(Fd split, open_split(record));
  std::unique_ptr<ByteSource> tar = driver::open_layer_tar({&files, &split});
  Sha256 hash;
  std::vector<std::byte> block(kBlockBytes);
  while (true) {
    STRATA_CHECK(pool_.check_cancelled());
    STRATA_TRY(size_t count, tar->read(block));
    if (count == 0) return DiffId(hash.finish());
    hash.update(ByteSpan(block).first(count));
  }
}

std::optional<DiffId> RootEvidence::diff_of(const std::string& record, const std::string& folder) {
  auto [place, is_new] = diffs_.try_emplace({record, folder});
  if (is_new) {
    Result<DiffId> diff = read_diff(record, folder);
    if (answers(folder_path(survey_, folder), diff)) place->second = *diff;
  }
  return place->second;
}

Result<Fit> RootEvidence::compare(const std::string& record, const std::string& folder) const {
  STRATA_TRY(Fd files, open_files(folder));
  STRATA_TRY(Fd split, open_split(record));
  BufferPool buffers(kBlockBytes, kComparedBlocks);
  const LayerForm form = survey_.is_overlay() ? LayerForm::kOverlay : LayerForm::kWholeTree;
  STRATA_TRY(LayerContent content,
             compare_layer({&files, &split}, DiffId(), buffers, pool_, {}, form));
  const auto is_of_metadata = [](const FileFault& fault) {
    return fault.kind == Kind::kFileMetadata;
  };
  if (!content.split_trouble.empty() || !std::ranges::all_of(content.faults, is_of_metadata)) {
    return Fit::kNone;
  }
  return content.faults.empty() ? Fit::kAll : Fit::kNames;
}

Fit RootEvidence::fit_of(const std::string& record, const std::string& folder) {
  auto [place, is_new] = fits_.try_emplace({record, folder}, Fit::kNone);
  if (is_new) {
    Result<Fit> fit = compare(record, folder);
    if (answers(folder_path(survey_, folder), fit)) place->second = *fit;
  }
  return place->second;
}

std::optional<uint64_t> RootEvidence::size_of(const std::string& record,
                                              const std::string& folder) {
  if (!survey_.is_overlay()) {
    Result<Fd> split = open_split(record);
    Result<uint64_t> claimed = split.ok() ? driver::claimed_bytes_of(*split) : split.error();
    return answers(folder_path(survey_, folder), claimed) ? std::optional(*claimed) : std::nullopt;
  }
  Result<Fd> files = open_files(folder);
  if (!answers(folder_path(survey_, folder), files)) return std::nullopt;
  Result<uint64_t> size = driver::tree_size_bytes(*files);
  return answers(folder_path(survey_, folder), size) ? std::optional(*size) : std::nullopt;
}

std::vector<DiffId> RootEvidence::known_diffs() {
  std::vector<DiffId> diffs;
  const std::string records = survey_.image_folder() + "/distribution/v2metadata-by-diffid/sha256";
  Status listed = visit_dir_at(root_, records, [&](const DirEntry& entry) -> Status {
    Result<DiffId> diff = DiffId::parse_hex(entry.name);
    if (diff.ok()) diffs.push_back(*diff);
    return {};
  });
  (void)answers(records, listed);
  return diffs;
}

std::string RootEvidence::layer_copy(const DiffId& diff) {
  LayerSource* source = copies_.with_layer(diff, troubles_);
  return source != nullptr ? source->name() : "";
}

std::string RootEvidence::config_copy(const ImageId& image) {
  std::optional<Copies::Config> config = copies_.config(image, troubles_);
  return config ? config->from : "";
}

std::vector<std::string> RootEvidence::registry_blobs(const DiffId& diff) {
  std::vector<std::string> blobs;
  Result<std::vector<store::BlobSource>> sources = distribution_.sources_of(diff);
  if (!answers("distribution record of " + diff.to_string(), sources)) return blobs;
  for (const store::BlobSource& source : *sources) {
    blobs.push_back(fmt::format("{}@{}", source.repository, source.blob));
  }
  return blobs;
}

std::vector<std::string> RootEvidence::repositories_of(const std::vector<DiffId>& diffs) {
  std::set<std::string> common;
  for (size_t i = 0; i < diffs.size(); ++i) {
    std::set<std::string> here;
    Result<std::vector<store::BlobSource>> sources = distribution_.sources_of(diffs[i]);
    if (!answers("distribution record of " + diffs[i].to_string(), sources)) return {};
    for (const store::BlobSource& source : *sources) here.insert(source.repository);
    if (i == 0) {
      common = std::move(here);
    } else {
      std::erase_if(common, [&](const std::string& name) { return !here.contains(name); });
    }
  }
  return {common.begin(), common.end()};
}

std::vector<NamedImage> RootEvidence::remembered_names() {
  std::vector<NamedImage> all;
  for (const std::unique_ptr<LayerSource>& source : copies_.sources()) {
    Result<std::vector<std::pair<std::string, ImageId>>> names = source->names();
    if (!answers(source->name(), names)) continue;
    for (const auto& [key, image] : *names) all.push_back({key, image, source->name()});
  }
  return all;
}

std::optional<ImageId> RootEvidence::parent_of(const ImageId& image) {
  auto read = [&](const std::string& hex) {
    const std::string path = survey_.config_folder() + "/" + hex;
    Result<std::string> text = read_file_at(root_, path);
    return answers(path, text) ? oci::ImageConfig::parse(std::move(*text))
                               : Result<oci::ImageConfig>(text.error());
  };
  Result<oci::ImageConfig> child = read(image.hex());
  if (!child.ok() || child->history().empty()) return std::nullopt;
  std::optional<ImageId> found;
  for (const auto& [name, config] : survey_.configs) {
    if (name == image.hex() || !config.image || !config.trouble.empty()) continue;
    Result<oci::ImageConfig> parent = read(name);
    if (!parent.ok() || parent->id() != *config.image) continue;
    if (!oci::is_valid_parent(*parent, *child) ||
        !is_prefix(parent->diff_ids(), child->diff_ids())) {
      continue;
    }
    if (found) return std::nullopt;  // two that fit: neither is certain
    found = *config.image;
  }
  return found;
}

std::optional<std::string> RootEvidence::temporary_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = path.substr(0, slash);
  const std::string prefix = ".tmp-" + path.substr(slash + 1);
  std::string newest;
  double newest_time = 0;
  Status listed = visit_dir_at(root_, folder, [&](const DirEntry& entry) -> Status {
    if (!entry.name.starts_with(prefix)) return {};
    Result<struct stat> info = lstat_at(root_, folder + "/" + entry.name);
    if (!info.ok() || !S_ISREG(info->st_mode)) return {};
    if (newest.empty() || seconds_of(info->st_mtim) > newest_time) {
      newest = entry.name;
      newest_time = seconds_of(info->st_mtim);
    }
    return {};
  });
  if (!answers(folder, listed) || newest.empty()) return std::nullopt;
  Result<std::string> text = read_file_at(root_, folder + "/" + newest);
  return answers(folder + "/" + newest, text) ? std::optional(*text) : std::nullopt;
}

std::optional<double> RootEvidence::folder_made(const std::string& folder) {
  for (const std::string& name : {folder, folder + "-init"}) {
    const std::string path = folder_path(survey_, name) + "/link";
    Result<struct stat> info = lstat_at(root_, path);
    if (answers(path, info)) return seconds_of(info->st_mtim);
  }
  return std::nullopt;
}

std::optional<double> RootEvidence::container_made(const std::string& container) {
  const std::string path = "containers/" + container + "/config.v2.json";
  Result<std::string> text = read_file_at(root_, path);
  if (!answers(path, text)) return std::nullopt;
  Result<boost::json::value> parsed = oci::parse_json(*text, {}, oci::JsonEnd::kStream);
  if (!parsed.ok() || !parsed->is_object()) return std::nullopt;
  Result<std::string> created = oci::get_string(parsed->get_object(), "Container", "Created");
  Result<oci::Time> time =
      created.ok() ? oci::parse_time(*created) : Result<oci::Time>(created.error());
  if (!time.ok()) return std::nullopt;
  return static_cast<double>(time->seconds) + time->nanoseconds / 1e9;
}

std::optional<DiffId> RootEvidence::diff_of_blob(const std::string& blob_hex) {
  for (const DiffId& diff : known_diffs()) {
    Result<std::vector<store::BlobSource>> sources = distribution_.sources_of(diff);
    if (!answers("distribution record of " + diff.to_string(), sources)) continue;
    for (const store::BlobSource& source : *sources) {
      if (source.blob.hex() == blob_hex) return diff;
    }
  }
  return std::nullopt;
}

}  // namespace strata::doctor
