// SPDX-License-Identifier: Apache-2.0
// Survey: what lies in a data root, read once and as it is. It judges nothing and believes nothing: names are texts until
// they parse, files may be missing, folders, or unreadable.
// Shape:   FORMATS section 1 (root), 2 (overlay2), 8 (containers). vfs has no links, lowers and works.
// Threads: made by a pool; a value afterwards.
// Other processes: may write meanwhile, a dockerd too. So what looks wrong is looked at a second time (check.h).
#pragma once

#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs_at.h"
#include "base/pool.h"
#include "hash/digest.h"

namespace strata::doctor {

// A file of a few bytes.
struct SmallFile {
  enum class State { kMissing, kRead, kUnreadable };
  State state = State::kMissing;
  std::string text;     // kRead: all of it; larger files than the limit are kUnreadable
  std::string trouble;  // kUnreadable: why, "a directory" or the system's words
  std::optional<Error> failure = {};  // kUnreadable: the system's words, if it was the system

  bool there() const { return state == State::kRead; }
};

// layerdb/sha256/<name>
struct LayerRecord {
  std::string name;
  std::optional<ChainId> chain;  // none: the name is no chainID (a removal, or something foreign)
  SmallFile diff, cache, size, parent;
  bool has_split = false;     // tar-split.json.gz is a plain file that begins as gzip does
  uint64_t split_bytes = 0;   // of that file
  std::string split_trouble;  // why not: "missing", "0 bytes", "no gzip", "a directory" ...
  std::string trouble;        // no folder at all: what it is; then nothing else is known
};

// layerdb/mounts/<container>
struct MountRecord {
  std::string container;
  SmallFile mount_id, init_id, parent;
  std::string trouble;  // as above
};

// <driver>/<name>: the files of a layer, or of a container's layer.
struct LayerFolder {
  std::string name;
  SmallFile link, lower;
  bool has_diff = false, has_work = false, is_committed = false, has_merged = false;
  std::string trouble;          // as above
  std::string target;           // it is a symlink to this
  bool leads_to_files = false;  // and there is a layer's folder
};

// imagedb/content/sha256/<name>. The text is not kept: only what the graph needs of it.
struct ConfigRecord {
  std::string name;
  std::optional<ImageId> image;  // none: the name is no digest
  std::optional<Digest> found;   // of the bytes; none: unreadable
  uint64_t bytes = 0;
  std::string trouble;        // not readable, or why it is no config
  std::vector<DiffId> diffs;  // rootfs.diff_ids, base first, when it could be parsed
};

// imagedb/metadata/sha256/<name>
struct MetadataRecord {
  std::string name;
  SmallFile parent, last_updated, built_locally;
  std::string trouble;  // as above
};

// containers/<name>
struct ContainerRecord {
  std::string name;
  SmallFile config;          // config.v2.json; the text is dropped when it could be parsed
  SmallFile host_config;     // hostconfig.json; the same
  std::string trouble;       // why it is no container
  std::string host_trouble;  // hostconfig.json is there, and dockerd cannot take it
  std::string image;         // "Image", an image ID
  std::string image_name;    // "Config.Image"
  std::string title;         // "Name" without "/"
  std::string driver;        // "Driver"; empty: not said
  bool running = false;
  bool is_going = false;  // dockerd was removing it ("Dead", "RemovalInProgress")
};

struct Survey {
  std::string root_path;
  std::string driver;  // overlay2, vfs
  SmallFile repositories;
  std::map<std::string, LayerRecord> layers;  // by name, as all of these
  std::map<std::string, MountRecord> mounts;
  std::map<std::string, LayerFolder> folders;
  std::map<std::string, std::string> links;  // l/<name> -> target; empty: no symlink
  std::map<std::string, ConfigRecord> configs;
  std::map<std::string, MetadataRecord> metadata;
  std::map<std::string, ContainerRecord> containers;
  std::map<std::string, std::string> bad_distribution;  // path of a record that says nothing -> why
  std::set<std::string>
      unreadable;  // folders that could not be listed: nothing is said about what is in them
  // Folders of docker's own that are missing or have nothing in them -> who needs what was there. Then nothing is proof that something
  // is needed by nobody.
  std::map<std::string, std::string> emptied;
  std::map<std::string, std::string> troubles;  // all that could not be read -> the system's words

  // Who else may need a layer. Each is a place of the proof that nobody does.
  std::set<ChainId> build_cache;  // buildkit/snapshots.db
  // By living operations of strata; or its next one removes them, when nobody reads them any more.
  std::set<ChainId> leased;
  std::set<std::string>
      mounted;             // folders of the driver's home that are mounted now, by any process
  bool uses_known = true;  // false: one of these three could not be read

  // Who may be writing now.
  bool daemon_runs = false;
  std::optional<time_t> daemon_since;  // when it was started, if that can be found out
  bool operations_live = false;        // of strata

  std::string image_folder() const { return "image/" + driver; }
  std::string layer_folder() const { return image_folder() + "/layerdb/sha256"; }
  std::string mount_folder() const { return image_folder() + "/layerdb/mounts"; }
  std::string config_folder() const { return image_folder() + "/imagedb/content/sha256"; }
  std::string metadata_folder() const { return image_folder() + "/imagedb/metadata/sha256"; }
  std::string home() const { return driver == "vfs" ? "vfs/dir" : driver; }
  bool is_overlay() const { return driver != "vfs"; }
};

// One small file below an open folder, whatever it is: no symlink is followed, no fifo or device is opened.
SmallFile read_small_file(const Fd& folder, const std::string& name, size_t limit_bytes = 4096);

// Reads a root. `driver` empty: the one whose folder below image/ is there. Takes no lock and writes nothing.
// Errors: kNotFound (no root, or none of docker's), kPermission, kUnsupported (a driver that strata does not have), kNoSpace (no more
// open files, no memory: what is there cannot be told), kIo of the root itself. What else cannot be read stands in `troubles`.
Result<Survey> survey_root(const std::string& root, const std::string& driver, Pool& pool);

// --- the graph, in memory ---

// The record as a layer, when each file of it is sound and gives the chainID that is its name.
struct SoundLayer {
  ChainId chain;
  DiffId diff;
  std::optional<ChainId> parent;
  std::string folder;  // cache-id
  uint64_t size_bytes = 0;
};
std::optional<SoundLayer> sound_layer(const LayerRecord& record);
// What dockerd makes of a file of layerdb: without the white space around it.
std::string_view trimmed(std::string_view text);
// Of "<id>-init", the name of a container's first layer, the ID; anything else as it is.
std::string_view without_init(std::string_view folder);

// The chainIDs of an image, base first.
std::vector<ChainId> chains_of(const std::vector<DiffId>& diffs);

}  // namespace strata::doctor
