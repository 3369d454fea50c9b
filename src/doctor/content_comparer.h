// SPDX-License-Identifier: Apache-2.0
// ContentComparer: goes through the tar-split of a layer once, in order, and through its files with it. The inside of
// layer_content.h.
//
// Where a file's content would follow its header, the file is read instead. A later member of a name has the last word (FaultList). What the layer has names for is remembered in a NameSet, by which the walk at
// the end finds what is too many.
// Threads: run() by one; `hash` is called by the same.
#pragma once

#include <functional>

#include "doctor/fault_list.h"
#include "doctor/member_check.h"
#include "doctor/name_set.h"
#include "doctor/split_members.h"
#include "doctor/tar_blocks.h"
#include "hash/crc64.h"

namespace strata::doctor {

class ContentComparer final : private SplitEvents {
 public:
  struct Options {
    LayerForm form = LayerForm::kOverlay;
    DiskRules rules;
    const Pool* pool = nullptr;
    std::function<void(uint64_t)> on_bytes;
  };
  ContentComparer(const driver::LayerFiles& layer, Options options, TarBlocks& tar);

  // To the end of the tar-split, and of the folder. Errors: those of compare_layer.
  Status run();
  // What it found, but for the diffID.
  LayerContent take();

 private:
  // The member that the parser is at.
  struct Current {
    uint64_t number = 0;
    bool has_content = false;  // that must be somewhere
    std::string path;          // as the tar has it, cleaned
    driver::MemberPlace place;
    bool is_file = false;  // a regular file that lies where it should, of the right size
    bool differs = false;  // payload in the tar-split is not what the file has
    Fd opened;             // a regular file
  };

  Status on_segment(ByteSpan bytes) override;
  Status on_member(const tar::Member& member) override;
  Status on_payload(ByteSpan bytes, uint64_t file_offset) override;
  Status on_member_end() override;
  Status on_content(const tar::SplitEntry& entry, uint64_t bytes, bool expanded) override;
  Status on_headless(const tar::SplitEntry& entry, uint64_t bytes) override;

  Status compare_content(const tar::SplitEntry& entry, uint64_t bytes);
  Result<bool> find_place(const std::string& path, driver::MemberPlace& place,
                          const std::string& expected);
  Status check_named(const tar::Member& member);
  Status check_link(const tar::Member& member, const struct stat& info);
  Status check_whiteout(const tar::Member& member);
  Status check_metadata(const tar::Member& member, const struct stat& info);
  Result<bool> open_file();
  Status check_nothing_there(const std::string& path);
  void note(const std::string& path, uint8_t flags);
  void note_parents(const std::string& path);
  void fault(Kind kind, const std::string& expected, const std::string& found, ino_t inode = 0);
  void fault_of_content(Kind kind, const std::string& expected, const std::string& found);
  Status cannot_read(const Error& error);
  Status walk_folder();
  Status walk_one(const std::string& path, std::vector<std::string>& waiting);
  Result<bool> is_known(const std::string& path, const Fd& folder, const DirEntry& entry);
  Status check_mark(const std::string& path, const Fd& folder);

  const driver::LayerFiles layer_;
  const Options options_;
  TarBlocks& tar_;
  driver::MemberPlaces places_;
  NameSet names_;
  FaultList faults_;
  struct AddedXattrs {
    FileFault fault;
    ino_t inode;
  };
  std::vector<AddedXattrs> added_xattrs_;
  bool written_through_mount_ = false;
  std::string noted_parent_;
  Current current_;
  LayerContent content_;
  bool content_lost_ = false;  // the tar cannot be made of the files any more
  uint64_t members_ = 0;       // so far
};

}  // namespace strata::doctor
