// SPDX-License-Identifier: Apache-2.0
// Volumes of docker's "local" driver, and the mount points of containers.
// Shape:   <root>/volumes/<name>/_data. Options and labels, which volumes/metadata.db has, are none of
//          ours: a dockerd takes a folder that is there for a volume without any.
//          MountPoints of config.v2.json, by target.
// Source:  FORMATS section 1.1; container config.v2.json; `docker run -v` and `--mount`.
// Threads: functions without state.
// Crash:   a volume appears by rename, with what it begins with.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "runtime/host_config.h"

namespace strata::runtime {

struct MountPoint {
  std::string source;  // absolute path on the host; of a volume empty until it is known
  std::string destination;
  bool writable = true;
  std::string name;    // of a volume
  std::string driver;  // "local" for a volume
  std::string type;    // bind, volume, tmpfs
  std::string mode;    // what followed the second colon of -v
  std::string propagation;
  MountSpec spec;
  bool anonymous = false;
  bool must_exist = false;  // --mount: the source is not made

  static Result<MountPoint> parse(const boost::json::object& from);
  boost::json::object to_json() const;
};

// Go's path.Clean of an absolute path.
std::string cleaned_path(std::string_view path);

// `-v SOURCE:TARGET[:MODE]`. Errors: kInvalid, docker's texts.
Result<MountPoint> parse_bind(const std::string& text);
// A `--mount`, or what a container's hostconfig.json has of it. Errors: the same.
Result<MountPoint> mount_point_of(const MountSpec& spec);
// A volume without a name at `target` (-v TARGET, or VOLUME of the image).
MountPoint anonymous_volume(const std::string& target);

// The mount points of a new container, sorted by target: of its -v and --mount options, and of the
// volumes that `config_volumes` names where none of those is.
// Errors: kInvalid, `Duplicate mount point: /a` and those above.
Result<std::vector<MountPoint>> plan_mount_points(const HostConfig& host,
                                                  const std::vector<std::string>& config_volumes);

// The volume's folder, which is made where it is missing; then `fill` is called with it. Returns the
// absolute path of its `_data`. `staging` is a folder of the caller's on the same file system.
Result<std::string> open_volume(const Fd& root, const std::string& root_path,
                                const std::string& name, const Fd& staging,
                                const std::function<Status(const Fd& data)>& fill);
// Absent is fine.
Status remove_volume(const Fd& root, const std::string& name);

}  // namespace strata::runtime
