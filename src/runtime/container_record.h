// SPDX-License-Identifier: Apache-2.0
// The record of one container, as docker keeps it, and how users name containers.
// Shape:   containers/<id>/config.v2.json; members of use: ID Name Created Image Config Path Args
//          Driver State{Running Paused Pid ExitCode}; the others are kept in `json`.
//          layerdb/mounts/<id>/{mount-id,init-id,parent}: store::LayerMount.
// Source:  FORMATS section 8.
// Threads: any. Other processes: a record is replaced by rename.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "oci/container_config.h"
#include "oci/go_time.h"
#include "store/store.h"

namespace strata::runtime {

struct ContainerRecord {
  std::string id;
  std::string name;  // without the leading "/"
  oci::Time created;
  ImageId image;
  std::string driver;  // "overlay2"; empty in old records
  oci::ContainerConfig config;
  bool running = false;  // as recorded: it may have died with its daemon
  bool paused = false;
  int64_t pid = 0;
  boost::json::object json;  // all of it
};

// Errors: kNotFound (docker's "No such container: x"), kCorrupt.
Result<ContainerRecord> read_container(const store::Store& store, const std::string& id);

// As docker: the whole ID, then the name, then the beginning of an ID.
// Errors: kNotFound, "No such container: x"; kConflict, "Multiple IDs found with provided prefix: x".
Result<ContainerRecord> find_container(const store::Store& store, std::string_view text);

// The writable layer. Errors: kNotFound.
Result<store::LayerMount> find_mount(const store::Store& store, const std::string& container_id);

}  // namespace strata::runtime
