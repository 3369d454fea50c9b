// SPDX-License-Identifier: Apache-2.0
// Where `copy` brings manifests and blobs to: a repository, or an OCI layout in a folder or a tar.
// Threads: put() by any thread at once; the rest by one.
// Crash:   nothing is named before all of it is there: the manifest comes last, an archive gets its
//          name last, index.json is replaced by rename. Whole blobs may be left without a name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "registry/copy_source.h"

namespace strata::registry {

class CopyTarget {
 public:
  virtual ~CopyTarget() = default;

  // First of all: makes the place ready. `blobs`: what put() will be called for, in any order, as
  // far as it is known. Errors: kConflict (a folder that holds other things).
  virtual Status prepare(const std::vector<oci::Descriptor>& blobs) = 0;
  // Brings a blob, verified. Returns what became of it: "Copied", "Already exists", "Mounted from
  // x". Errors: kCorrupt (it is not what its descriptor says), those of the stream, kIo, kNoSpace.
  virtual Result<std::string> put(const oci::Descriptor& blob, const BlobOpener& open) = 0;
  // Brings a blob that is made while it is read. One at a time, not known to prepare().
  virtual Result<UploadedBlob> put_new(const BlobOpener& open) = 0;
  // Those below an index before it; the last one is what the target's name stands for.
  virtual Status put_manifest(const RemoteManifest& manifest, bool is_last) = 0;
  // Publishes. Without it nothing is.
  virtual Status finish() = 0;
};

// `source`: the repository where the blobs are, to mount them from if it is of the same registry;
// null if there is none. `client` is borrowed.
Result<std::unique_ptr<CopyTarget>> make_repository_target(Client& client,
                                                           const oci::Reference& name,
                                                           const oci::Reference* source);
// What an entry of index.json is called.
struct LayoutName {
  std::string tag;        // may be empty
  std::string full = {};  // containerd's annotation, "docker.io/library/x:1"; empty: none

  void set_on(oci::Descriptor& entry) const;
  // Whether the entry has this name; of one without a full name, or if this has none, the tag counts.
  bool is_of(const oci::Descriptor& entry) const;
};

// Each has an entry for each name; without names one that has none.
// Adds to the layout that is in the folder, or makes one. An entry that had such a name loses it.
std::unique_ptr<CopyTarget> make_layout_folder_target(const std::string& path,
                                                      std::vector<LayoutName> names);
// Replaces the file when all is written. Errors: kUnsupported (a pipe).
Result<std::unique_ptr<CopyTarget>> make_layout_archive_target(const std::string& path,
                                                               std::vector<LayoutName> names);

// The entry of index.json, without a name.
oci::Descriptor layout_entry(const RemoteManifest& manifest);
inline constexpr std::string_view kLayoutFile = "oci-layout";
inline constexpr std::string_view kLayoutText = R"({"imageLayoutVersion": "1.0.0"})";

}  // namespace strata::registry
