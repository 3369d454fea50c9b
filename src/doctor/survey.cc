// SPDX-License-Identifier: Apache-2.0
// Reads in the order in which a reference leads on (references, containers, configs, records, folders): what is added to the
// root meanwhile is then there when it is looked for.
// Source: FORMATS sections 1, 2 and 8.
#include "doctor/survey.h"

#include <dirent.h>

#include <array>
#include <functional>

#include "base/lock.h"
#include "doctor/survey_uses.h"
#include "driver/driver.h"
#include "oci/config_summary.h"
#include "oci/json.h"
#include "store/references.h"

namespace strata::doctor {
namespace {

constexpr int kFolderFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;

std::string kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symlink";
  if (S_ISFIFO(mode)) return "a fifo";
  if (S_ISSOCK(mode)) return "a socket";
  return S_ISREG(mode) ? "a plain file" : "a device";
}

SmallFile unreadable(std::string trouble) {
  return {SmallFile::State::kUnreadable, "", std::move(trouble)};
}

bool is_folder(const Fd& dir, const std::string& name) {
  Result<struct stat> info = lstat_at(dir, name);
  return info.ok() && S_ISDIR(info->st_mode);
}

void read_split(const Fd& folder, LayerRecord& record) {
  constexpr std::string_view kName = "tar-split.json.gz";
  constexpr std::string_view kGzip = "\x1f\x8b\x08";
  Result<struct stat> info = lstat_at(folder, std::string(kName));
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
  Result<Fd> file = open_at(folder, std::string(kName), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  Result<size_t> count = file.ok()
                             ? pread_full(file->get(), std::as_writable_bytes(std::span(head)), 0)
                             : Result<size_t>(file.error());
  if (!count.ok()) {
    record.split_trouble = count.error().message();
  } else if (*count == 0) {
    record.split_trouble = "0 bytes";
  } else if (std::string_view(head.data(), *count) != kGzip) {
    record.split_trouble = "no gzip";
  }
  record.has_split = record.split_trouble.empty();
}

LayerRecord read_layer(const Fd& folder, const std::string& name) {
  LayerRecord record;
  record.name = name;
  if (Result<ChainId> chain = ChainId::parse_hex(name); chain.ok()) record.chain = *chain;
  record.diff = read_small_file(folder, "diff");
  record.cache = read_small_file(folder, "cache-id");
  record.size = read_small_file(folder, "size");
  record.parent = read_small_file(folder, "parent");
  read_split(folder, record);
  return record;
}

MountRecord read_mount(const Fd& folder, const std::string& name) {
  return {name, read_small_file(folder, "mount-id"), read_small_file(folder, "init-id"),
          read_small_file(folder, "parent"), ""};
}

// A lower of 128 entries is 3,700 bytes.
constexpr size_t kLowerBytesMax = 16384;

LayerFolder read_folder(const Fd& folder, const std::string& name) {
  LayerFolder found;
  found.name = name;
  found.link = read_small_file(folder, "link");
  found.lower = read_small_file(folder, "lower", kLowerBytesMax);
  found.has_diff = is_folder(folder, "diff");
  found.has_work = is_folder(folder, "work");
  found.has_merged = is_folder(folder, "merged");
  found.is_committed = lstat_at(folder, "committed").ok();
  return found;
}

LayerFolder read_vfs_folder(const Fd&, const std::string& name) {
  LayerFolder found;
  found.name = name;
  found.has_diff = true;  // the folder is the tree
  return found;
}

MetadataRecord read_metadata(const Fd& folder, const std::string& name) {
  return {name, read_small_file(folder, "parent"), read_small_file(folder, "lastUpdated"),
          read_small_file(folder, "builtLocally"), ""};
}

ConfigRecord read_config(const Fd& folder, const std::string& name) {
  ConfigRecord config;
  config.name = name;
  if (Result<ImageId> image = ImageId::parse_hex(name); image.ok()) config.image = *image;
  SmallFile file = read_small_file(folder, name, kSmallFileBytes);
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

ContainerRecord read_container(const Fd& folder, const std::string& name) {
  ContainerRecord container;
  container.name = name;
  container.config = read_small_file(folder, "config.v2.json", kSmallFileBytes);
  if (container.config.there()) {
    Status parsed = parse_container(container.config.text, container);
    if (!parsed.ok()) container.trouble = parsed.error().message();
    if (parsed.ok()) container.config.text.clear();
  } else {
    container.trouble = container.config.trouble.empty() ? "missing" : container.config.trouble;
  }
  container.host_config = read_small_file(folder, "hostconfig.json", kSmallFileBytes);
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
  Reader(const Fd& root, Survey& survey, Pool& pool) : root_(root), survey_(survey), pool_(pool) {}

  // Every folder below `path`, each by `read`; what vanishes meanwhile is left out.
  template <typename Row>
  Status folders(const std::string& path, std::map<std::string, Row>& into,
                 Row (*read)(const Fd& folder, const std::string& name),
                 const std::function<bool(const DirEntry&)>& wanted = {}) {
    return rows<Row>(path, into, wanted, [&](const Fd& parent, const std::string& name) {
      Result<Fd> folder = open_at(parent, name, kFolderFlags);
      if (folder.ok()) return std::optional<Row>(read(*folder, name));
      Row row;
      row.trouble = "not a folder";
      Result<struct stat> info = lstat_at(parent, name);
      if (!info.ok()) return std::optional<Row>();
      if (S_ISDIR(info->st_mode)) row.trouble = folder.error().message();
      set_name(row, name);
      return std::optional<Row>(std::move(row));
    });
  }

  // Every file below `path`.
  template <typename Row>
  Status files(const std::string& path, std::map<std::string, Row>& into,
               Row (*read)(const Fd& folder, const std::string& name)) {
    return rows<Row>(path, into, {}, [&](const Fd& parent, const std::string& name) {
      Row row = read(parent, name);
      return lstat_at(parent, name).ok() ? std::optional<Row>(std::move(row)) : std::nullopt;
    });
  }

 private:
  template <typename Row>
  Status rows(const std::string& path, std::map<std::string, Row>& into,
              const std::function<bool(const DirEntry&)>& wanted,
              const std::function<std::optional<Row>(const Fd&, const std::string&)>& read) {
    std::vector<std::string> names;
    STRATA_CHECK(list(path, wanted, names));
    if (names.empty()) return {};
    Result<Fd> folder = open_at(root_, path, O_PATH | O_DIRECTORY);
    if (!folder.ok()) return {};  // gone since
    std::vector<std::optional<Row>> found(names.size());
    Status all_read = pool_.parallel_for(names.size(), [&](size_t i) -> Status {
      found[i] = read(*folder, names[i]);
      return pool_.check_cancelled();
    });
    STRATA_CHECK(std::move(all_read));
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
    if (listed.ok() || listed.error().code() == ErrorCode::kNotFound) return {};
    if (listed.error().code() == ErrorCode::kPermission) return listed;
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
};

// l/<name> of overlay2.
struct Link {
  std::string target;
};
Link read_link(const Fd& folder, const std::string& name) {
  Result<std::string> target = readlink_at(folder, name);
  return {target.ok() ? std::move(*target) : ""};
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
Trouble look_at_diff(const Fd& folder, const std::string& name) {
  SmallFile file = read_small_file(folder, name);
  if (!file.there()) return {name, file.trouble};
  if (DiffId::parse(file.text).ok()) return {};
  return {name, file.text.empty() ? "0 bytes" : "no digest"};
}
Trouble look_at_sources(const Fd& folder, const std::string& name) {
  SmallFile file = read_small_file(folder, name, kSmallFileBytes);
  if (!file.there()) return {name, file.trouble};
  Result<boost::json::value> parsed = oci::parse_json(file.text);
  if (parsed.ok() && parsed->is_array()) return {};
  return {name, parsed.ok() ? "no list" : file.text.empty() ? "0 bytes" : parsed.error().message()};
}

Status read_distribution(Reader& reader, Survey& survey) {
  const std::string folder = survey.image_folder() + "/distribution/";
  using Look = Trouble (*)(const Fd&, const std::string&);
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

Status read_all(const Fd& root, Survey& survey, Pool& pool) {
  survey.repositories = read_small_file(root, survey.image_folder() + "/repositories.json",
                                        store::ReferenceFile::kFileBytesMax);
  Reader reader(root, survey, pool);
  auto no_file = [](const DirEntry& entry) { return entry.type != DT_REG; };
  STRATA_CHECK(reader.folders("containers", survey.containers, read_container, no_file));
  STRATA_CHECK(reader.folders(survey.metadata_folder(), survey.metadata, read_metadata, no_file));
  STRATA_CHECK(reader.files(survey.config_folder(), survey.configs, read_config));
  STRATA_CHECK(reader.folders(survey.mount_folder(), survey.mounts, read_mount, no_file));
  STRATA_CHECK(reader.folders(survey.layer_folder(), survey.layers, read_layer));
  STRATA_CHECK(read_home(reader, survey));
  STRATA_CHECK(read_distribution(reader, survey));
  return read_uses(root, survey);
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
  if (!listed.ok() && listed.error().code() == ErrorCode::kPermission) return listed.error();
  if (overlay) return std::string("overlay2");
  if (vfs) return std::string("vfs");
  if (!unknown.empty()) {
    return error(ErrorCode::kUnsupported,
                 "{} keeps its images under the storage driver \"{}\"; strata has overlay2 and vfs",
                 path, unknown);
  }
  if (is_folder(root, "overlay2")) return std::string("overlay2");
  if (is_folder(root, "vfs")) return std::string("vfs");
  return error(ErrorCode::kNotFound, "{} is no data root: it has neither image/ nor overlay2/",
               path);
}

}  // namespace

SmallFile read_small_file(const Fd& folder, const std::string& name, size_t limit_bytes) {
  Result<struct stat> info = lstat_at(folder, name);
  if (!info.ok() && info.error().code() == ErrorCode::kNotFound) return {};
  if (!info.ok()) return unreadable(info.error().message());
  // Looked at before it is opened: to open a device can do something.
  if (!S_ISREG(info->st_mode)) return unreadable(kind_of(info->st_mode));
  Result<Fd> file = open_at(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return {};
  if (!file.ok()) return unreadable(file.error().message());
  info = stat_fd(file->get());
  if (!info.ok() || !S_ISREG(info->st_mode)) return unreadable("exchanged while it was opened");
  const auto size_bytes = static_cast<uint64_t>(info->st_size);
  if (size_bytes > limit_bytes) {
    return unreadable(fmt::format("{} bytes; at most {} are expected", size_bytes, limit_bytes));
  }
  std::string text(size_bytes, '\0');
  Result<size_t> count = pread_full(file->get(), std::as_writable_bytes(std::span(text)), 0);
  if (!count.ok()) return unreadable(count.error().message());
  text.resize(*count);
  return {SmallFile::State::kRead, std::move(text), ""};
}

Result<Survey> survey_root(const std::string& root_path, const std::string& driver, Pool& pool) {
  Result<Fd> root = open_path(root_path, O_RDONLY | O_DIRECTORY);
  if (!root.ok() && root.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "no data root at {}: the folder does not exist", root_path);
  }
  if (!root.ok()) return std::move(root).error();
  Survey survey;
  Result<std::string> real = readlink_at(Fd(), fmt::format("/proc/self/fd/{}", root->get()));
  survey.root_path = real.ok() ? *real : root_path;
  if (!driver.empty() && !driver::is_known_driver(driver)) {
    return error(ErrorCode::kUnsupported, "no storage driver \"{}\": strata has overlay2 and vfs",
                 driver);
  }
  survey.driver = driver;
  if (driver.empty()) {
    STRATA_TRY(survey.driver, find_driver(*root, survey.root_path));
  }
  STRATA_CHECK(read_all(*root, survey, pool));
  return survey;
}

}  // namespace strata::doctor
