// SPDX-License-Identifier: Apache-2.0
// Reads in the order in which a reference leads on (references, containers, configs, records, folders): what is added to the
// root meanwhile is then there when it is looked for.
// Source: FORMATS sections 1, 2 and 8.
#include "doctor/survey.h"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/lock.h"
#include "doctor/place.h"
#include "doctor/survey_uses.h"
#include "driver/driver.h"
#include "oci/config_summary.h"
#include "oci/json.h"
#include "store/references.h"

namespace strata::doctor {
namespace {

constexpr int kFolderFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;

void read_split(const Place& folder, LayerRecord& record) {
  const std::string kName = "tar-split.json.gz";
  constexpr std::string_view kGzip = "\x1f\x8b\x08";
  Result<struct stat> info = folder.stat(kName);
  if (!info.ok()) {
    const bool missing = info.error().code() == ErrorCode::kNotFound;
    record.split_trouble = missing ? "missing" : info.error().message();
    return;
  }
  if (!S_ISREG(info->st_mode)) {
    record.split_trouble = kind_of(info->st_mode);
    return;
  }
  record.split_bytes = static_cast<uint64_t>(info->st_size);
  std::array<char, kGzip.size()> head{};
  Result<Fd> file = folder.open(kName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  Result<size_t> count = file.ok()
                             ? pread_full(file->get(), std::as_writable_bytes(std::span(head)), 0)
                             : Result<size_t>(file.error());
  if (!count.ok()) {
    folder.note(kName, count.error());
    record.split_trouble = count.error().message();
  } else if (*count == 0) {
    record.split_trouble = "0 bytes";
  } else if (std::string_view(head.data(), *count) != kGzip) {
    record.split_trouble = "no gzip";
  }
  record.has_split = record.split_trouble.empty();
}

LayerRecord read_layer(const Place& folder, const std::string& name) {
  LayerRecord record;
  record.name = name;
  if (Result<ChainId> chain = ChainId::parse_hex(name); chain.ok()) record.chain = *chain;
  record.diff = folder.small_file("diff");
  record.cache = folder.small_file("cache-id");
  record.size = folder.small_file("size");
  record.parent = folder.small_file("parent");
  read_split(folder, record);
  return record;
}

MountRecord read_mount(const Place& folder, const std::string& name) {
  return {name, folder.small_file("mount-id"), folder.small_file("init-id"),
          folder.small_file("parent"), ""};
}

// A lower of 128 entries is 3,700 bytes.
constexpr size_t kLowerBytesMax = 16384;

LayerFolder read_folder(const Place& folder, const std::string& name) {
  LayerFolder found;
  found.name = name;
  found.link = folder.small_file("link");
  found.lower = folder.small_file("lower", kLowerBytesMax);
  found.has_diff = folder.has_folder("diff");
  found.has_work = folder.has_folder("work");
  found.has_merged = folder.has_folder("merged");
  found.is_committed = folder.has("committed");
  return found;
}

LayerFolder read_vfs_folder(const Place&, const std::string& name) {
  LayerFolder found;
  found.name = name;
  found.has_diff = true;  // the folder is the tree
  return found;
}

MetadataRecord read_metadata(const Place& folder, const std::string& name) {
  return {name, folder.small_file("parent"), folder.small_file("lastUpdated"),
          folder.small_file("builtLocally"), ""};
}

ConfigRecord read_config(const Place& folder, const std::string& name) {
  ConfigRecord config;
  config.name = name;
  if (Result<ImageId> image = ImageId::parse_hex(name); image.ok()) config.image = *image;
  SmallFile file = folder.small_file(name, kSmallFileBytes);
  if (!file.there()) {
    config.trouble = file.trouble;
    return config;
  }
  config.bytes = file.text.size();
  config.found = Digest::of(file.text);
  Result<oci::ConfigSummary> summary = oci::summarize_config(file.text);
  if (summary.ok()) {
    config.diffs = std::move(summary->diff_ids);
  } else {
    config.trouble = summary.error().message();
  }
  return config;
}

Status parse_state(const boost::json::object& config, ContainerRecord& container) {
  STRATA_TRY(const boost::json::object* state,
             oci::get_object(config, "Container", "State", "container.State"));
  if (state == nullptr) return {};
  STRATA_TRY(container.running, oci::get_bool(*state, "State", "Running"));
  STRATA_TRY(bool dead, oci::get_bool(*state, "State", "Dead"));
  STRATA_TRY(bool going, oci::get_bool(*state, "State", "RemovalInProgress"));
  container.is_going = dead || going;
  return {};
}

// What dockerd needs to take it for a container.
Status parse_container(std::string_view text, ContainerRecord& container) {
  STRATA_TRY(boost::json::value parsed, oci::parse_json(text, {}, oci::JsonEnd::kStream));
  const boost::json::object* config = parsed.if_object();
  if (config == nullptr) return error(ErrorCode::kInvalid, "no JSON object");
  STRATA_TRY(std::string id, oci::get_string(*config, "Container", "ID"));
  if (id != container.name) return error(ErrorCode::kInvalid, "its ID is \"{}\"", id.substr(0, 64));
  STRATA_TRY(container.title, oci::get_string(*config, "Container", "Name"));
  if (container.title.starts_with('/')) container.title.erase(0, 1);
  STRATA_TRY(container.image, oci::get_string(*config, "Container", "Image"));
  STRATA_TRY(container.driver, oci::get_string(*config, "Container", "Driver"));
  STRATA_TRY(const boost::json::object* run,
             oci::get_object(*config, "Container", "Config", "container.Config"));
  if (run != nullptr) {
    STRATA_TRY(container.image_name, oci::get_string(*run, "Config", "Image"));
  }
  return parse_state(*config, container);
}

ContainerRecord read_container(const Place& folder, const std::string& name) {
  ContainerRecord container;
  container.name = name;
  container.config = folder.small_file("config.v2.json", kSmallFileBytes);
  if (container.config.there()) {
    Status parsed = parse_container(container.config.text, container);
    if (!parsed.ok()) container.trouble = parsed.error().message();
    if (parsed.ok()) container.config.text.clear();
  } else {
    container.trouble = container.config.trouble.empty() ? "missing" : container.config.trouble;
  }
  container.host_config = folder.small_file("hostconfig.json", kSmallFileBytes);
  if (container.host_config.there()) {
    Result<boost::json::value> parsed =
        oci::parse_json(container.host_config.text, {}, oci::JsonEnd::kStream);
    if (!parsed.ok()) container.host_trouble = parsed.error().message();
    if (parsed.ok() && !parsed->is_object()) container.host_trouble = "no JSON object";
    container.host_config.text.clear();
  } else {
    container.host_trouble = container.host_config.trouble;  // a missing one is fine
  }
  return container;
}

class Reader {
 public:
  Reader(const Fd& root, Survey& survey, Pool& pool, Troubles& troubles)
      : root_(root), survey_(survey), pool_(pool), troubles_(troubles) {}

  // Every folder below `path`, each by `read`; what vanishes meanwhile is left out.
  template <typename Row>
  Status folders(const std::string& path, std::map<std::string, Row>& into,
                 Row (*read)(const Place& folder, const std::string& name),
                 const std::function<bool(const DirEntry&)>& wanted = {}) {
    return rows<Row>(path, into, wanted, [&](const Place& parent, const std::string& name) {
      Result<Fd> folder = parent.open(name, kFolderFlags);
      if (folder.ok()) {
        return std::optional<Row>(read(Place(*folder, path + "/" + name, troubles_), name));
      }
      Row row;
      row.trouble = "not a folder";
      Result<struct stat> info = parent.stat(name);
      if (!info.ok() && !is_trouble(info.error())) return std::optional<Row>();
      if (!info.ok() || S_ISDIR(info->st_mode)) row.trouble = folder.error().message();
      set_name(row, name);
      return std::optional<Row>(std::move(row));
    });
  }

  // Every file below `path`.
  template <typename Row>
  Status files(const std::string& path, std::map<std::string, Row>& into,
               Row (*read)(const Place& folder, const std::string& name)) {
    return rows<Row>(path, into, {}, [&](const Place& parent, const std::string& name) {
      Row row = read(parent, name);
      return parent.has(name) ? std::optional<Row>(std::move(row)) : std::nullopt;
    });
  }

 private:
  template <typename Row>
  Status rows(const std::string& path, std::map<std::string, Row>& into,
              const std::function<bool(const DirEntry&)>& wanted,
              const std::function<std::optional<Row>(const Place&, const std::string&)>& read) {
    std::vector<std::string> names;
    STRATA_CHECK(list(path, wanted, names));
    if (names.empty()) return {};
    Result<Fd> folder = open_at(root_, path, O_PATH | O_DIRECTORY);
    if (!folder.ok()) return cannot_list(path, folder.error());
    const Place place(*folder, path, troubles_);
    std::vector<std::optional<Row>> found(names.size());
    Status all_read = pool_.parallel_for(names.size(), [&](size_t i) -> Status {
      found[i] = read(place, names[i]);
      return pool_.check_cancelled();
    });
    STRATA_CHECK(std::move(all_read));
    if (std::optional<Error> fatal = troubles_.fatal()) return *fatal;
    for (size_t i = 0; i < names.size(); ++i) {
      if (found[i]) into.emplace(std::move(names[i]), std::move(*found[i]));
    }
    return {};
  }

  Status list(const std::string& path, const std::function<bool(const DirEntry&)>& wanted,
              std::vector<std::string>& names) {
    Status listed = visit_dir_at(root_, path, [&](const DirEntry& entry) -> Status {
      if (!wanted || wanted(entry)) names.push_back(entry.name);
      return {};
    });
    return listed.ok() ? Status() : cannot_list(path, listed.error());
  }

  Status cannot_list(const std::string& path, const Error& error) {
    const ErrorCode code = error.code();
    if (code == ErrorCode::kNotFound) return {};
    if (code == ErrorCode::kPermission || code == ErrorCode::kNoSpace) return error;
    troubles_.note(path, error);
    survey_.unreadable.insert(path);
    return {};
  }

  static void set_name(MountRecord& row, const std::string& name) { row.container = name; }
  static void set_name(LayerRecord& row, const std::string& name) {
    row.name = name;
    if (Result<ChainId> chain = ChainId::parse_hex(name); chain.ok()) row.chain = *chain;
  }
  template <typename Row>
  static void set_name(Row& row, const std::string& name) {
    row.name = name;
  }

  const Fd& root_;
  Survey& survey_;
  Pool& pool_;
  Troubles& troubles_;
};

// l/<name> of overlay2.
struct Link {
  std::string target;
};
Link read_link(const Place& folder, const std::string& name) { return {folder.target(name)}; }

// dockerd follows a symlink in place of a layer's folder.
void follow_links(const Fd& root, Survey& survey) {
  for (auto& [name, folder] : survey.folders) {
    if (folder.trouble.empty()) continue;
    const std::string path = survey.home() + "/" + name;
    Result<std::string> target = readlink_at(root, path);
    if (!target.ok()) continue;
    folder.target = std::move(*target);
    folder.trouble = "a symlink to " + folder.target;
    folder.leads_to_files = open_at(root, path + "/diff", O_PATH | O_DIRECTORY).ok();
  }
}

Status read_home(Reader& reader, Survey& survey) {
  if (!survey.is_overlay()) {
    return reader.folders(survey.home(), survey.folders, read_vfs_folder);
  }
  auto is_layer = [](const DirEntry& entry) {
    return entry.name != "l" && entry.type != DT_BLK;  // DT_BLK: backingFsBlockDev, of quotas
  };
  std::map<std::string, Link> links;
  STRATA_CHECK(reader.files(survey.home() + "/l", links, read_link));
  for (auto& [name, link] : links) survey.links.emplace(name, std::move(link.target));
  return reader.folders(survey.home(), survey.folders, read_folder, is_layer);
}

// A record of where a blob was: only what is wrong with it.
struct Trouble {
  std::string name, text;
};
Trouble look_at_diff(const Place& folder, const std::string& name) {
  SmallFile file = folder.small_file(name);
  if (!file.there()) return {name, file.trouble};
  if (DiffId::parse(file.text).ok()) return {};
  return {name, file.text.empty() ? "0 bytes" : "no digest"};
}
Trouble look_at_sources(const Place& folder, const std::string& name) {
  SmallFile file = folder.small_file(name, kSmallFileBytes);
  if (!file.there()) return {name, file.trouble};
  Result<boost::json::value> parsed = oci::parse_json(file.text);
  if (parsed.ok() && parsed->is_array()) return {};
  return {name, parsed.ok() ? "no list" : file.text.empty() ? "0 bytes" : parsed.error().message()};
}

Status read_distribution(Reader& reader, Survey& survey) {
  const std::string folder = survey.image_folder() + "/distribution/";
  using Look = Trouble (*)(const Place&, const std::string&);
  constexpr std::pair<const char*, Look> kPlaces[] = {
      {"diffid-by-digest/sha256", look_at_diff},
      {"v2metadata-by-diffid/sha256", look_at_sources},
  };
  for (const auto& [place, look] : kPlaces) {
    std::map<std::string, Trouble> seen;
    STRATA_CHECK(reader.files(folder + place, seen, look));
    for (auto& [name, trouble] : seen) {
      if (trouble.text.empty() || name.starts_with(".tmp-")) continue;
      survey.bad_distribution.emplace(folder + place + "/" + name, std::move(trouble.text));
    }
  }
  return {};
}

// Records of layers without those that an operation holds, or waits to remove: no image need have
// these any more.
size_t count_lasting_layers(const Survey& survey) {
  std::set<std::string> held;
  for (const ChainId& top : survey.leased) {
    auto layer = survey.layers.find(top.hex());
    while (layer != survey.layers.end() && held.insert(layer->first).second) {
      Result<ChainId> parent = ChainId::parse(trimmed(layer->second.parent.text));
      layer = parent.ok() ? survey.layers.find(parent->hex()) : survey.layers.end();
    }
  }
  return survey.layers.size() - held.size();
}

// Whether somebody needs what is in a folder that has nothing in it.
void find_emptied(Survey& survey) {
  const auto told = [&](const std::string& folder, bool empty, size_t users, std::string_view who) {
    if (!empty || users == 0 || survey.unreadable.contains(folder)) return;
    survey.emptied.emplace(folder, fmt::format("{} {}", users, who));
  };
  const auto layers =
      static_cast<size_t>(std::ranges::count_if(survey.folders, [](const auto& folder) {
        return CacheId::parse(folder.first).ok() && Digest::parse_hex(folder.first).ok();
      }));
  told("containers", survey.containers.empty(), survey.mounts.size(),
       "containers whose layers are in layerdb/mounts");
  told(survey.config_folder(), survey.configs.empty(), count_lasting_layers(survey),
       "layers that images have, or had");
  told(survey.layer_folder(), survey.layers.empty(), layers,
       fmt::format("folders in {}/ that hold files of layers", survey.home()));
  told(survey.home(), survey.folders.empty(), survey.layers.size() + survey.mounts.size(),
       "records of layers and containers whose files were there");
}

// strata/ is made when it is needed; what else has the name is in the way.
Status look_at_our_folder(const Fd& root, Survey& survey) {
  Result<struct stat> info = lstat_at(root, "strata");
  if (!info.ok()) return info.error().code() == ErrorCode::kNotFound ? Status() : info.error();
  if (!S_ISDIR(info->st_mode)) survey.unreadable.insert("strata");
  return {};
}

Status read_all(const Fd& root, Survey& survey, Pool& pool) {
  Troubles troubles;
  const std::string names = survey.image_folder() + "/repositories.json";
  survey.repositories = read_small_file(root, names, store::ReferenceFile::kFileBytesMax);
  if (survey.repositories.failure) troubles.note(names, *survey.repositories.failure);
  Reader reader(root, survey, pool, troubles);
  auto no_file = [](const DirEntry& entry) { return entry.type != DT_REG; };
  STRATA_CHECK(reader.folders("containers", survey.containers, read_container, no_file));
  STRATA_CHECK(reader.folders(survey.metadata_folder(), survey.metadata, read_metadata, no_file));
  STRATA_CHECK(reader.files(survey.config_folder(), survey.configs, read_config));
  STRATA_CHECK(reader.folders(survey.mount_folder(), survey.mounts, read_mount, no_file));
  STRATA_CHECK(reader.folders(survey.layer_folder(), survey.layers, read_layer));
  STRATA_CHECK(read_home(reader, survey));
  follow_links(root, survey);
  STRATA_CHECK(read_distribution(reader, survey));
  STRATA_CHECK(look_at_our_folder(root, survey));
  read_uses(root, survey, troubles);
  find_emptied(survey);
  if (std::optional<Error> fatal = troubles.fatal()) return *fatal;
  if (std::optional<Error> denied = troubles.denied()) return *denied;
  survey.troubles = troubles.take();
  return {};
}

// The driver whose images the root has; overlay2 goes before vfs, as for dockerd.
Result<std::string> find_driver(const Fd& root, const std::string& path) {
  std::string unknown;
  bool overlay = false, vfs = false;
  Status listed = visit_dir_at(root, "image", [&](const DirEntry& entry) -> Status {
    overlay |= entry.name == "overlay2";
    vfs |= entry.name == "vfs";
    if (!driver::is_known_driver(entry.name) && !entry.name.starts_with('.')) unknown = entry.name;
    return {};
  });
  if (!listed.ok() && is_trouble(listed.error())) return listed.error();
  if (overlay) return std::string("overlay2");
  if (vfs) return std::string("vfs");
  if (!unknown.empty()) {
    return error(ErrorCode::kUnsupported,
                 "{} keeps its images under the storage driver \"{}\"; strata has overlay2 and vfs",
                 path, unknown);
  }
  for (const char* home : {"overlay2", "vfs"}) {
    Result<struct stat> info = lstat_at(root, home);
    if (info.ok() && S_ISDIR(info->st_mode)) return std::string(home);
    if (!info.ok() && is_trouble(info.error())) return std::move(info).error();
  }
  return error(ErrorCode::kNotFound, "{} is no data root: it has neither image/ nor overlay2/",
               path);
}

// What a user may not read says nothing of the root; to be told as that, and not as damage.
Error explained(Error failure, const std::string& root) {
  if (failure.code() != ErrorCode::kPermission) return failure;
  return error(ErrorCode::kPermission, "{}: {}: run strata as root, or as somebody who may read it",
               root, failure.message());
}

}  // namespace

Result<Survey> survey_root(const std::string& root_path, const std::string& driver, Pool& pool) {
  Result<Fd> root = open_path(root_path, O_RDONLY | O_DIRECTORY);
  if (!root.ok() && root.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "no data root at {}: the folder does not exist", root_path);
  }
  if (!root.ok()) return std::move(root).error();
  Survey survey;
  Result<std::string> real = told_path(root->get());
  survey.root_path = real.ok() ? *real : root_path;
  if (!driver.empty() && !driver::is_known_driver(driver)) {
    return error(ErrorCode::kUnsupported, "no storage driver \"{}\": strata has overlay2 and vfs",
                 driver);
  }
  survey.driver = driver;
  if (driver.empty()) {
    Result<std::string> found = find_driver(*root, survey.root_path);
    if (!found.ok()) return explained(found.error(), survey.root_path);
    survey.driver = *found;
  }
  Status read = read_all(*root, survey, pool);
  if (!read.ok()) return explained(read.error(), survey.root_path);
  return survey;
}

}  // namespace strata::doctor
