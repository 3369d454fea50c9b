// SPDX-License-Identifier: Apache-2.0
#include "doctor/restore_layer.h"

#include <algorithm>

#include "doctor/layer_mender.h"
#include "doctor/tree_generation.h"
#include "driver/layer_unpacker.h"
#include "driver/mount.h"
#include "driver/split_file.h"
#include "driver/upper_recorder.h"
#include "store/work_folder.h"

namespace strata::doctor {
namespace {

// Folders first, then their files, then the folders' times; and once more for what hard links join.
constexpr int kRounds = 5;

// A copy of the layer: unpacked, and of that diffID.
struct Copy {
  std::string source;
  Fd folder;  // as a transaction's staged layer: holds `diff/`
  Fd diff;
  Fd metadata;  // `tar-split.json.gz`
};

class Restorer {
 public:
  Restorer(const DamagedLayer& layer, const RestoreContext& context, store::WorkFolder work)
      : layer_(layer),
        context_(context),
        work_(std::move(work)),
        form_(context.driver.name() == "vfs" ? LayerForm::kWholeTree : LayerForm::kOverlay) {}

  Result<RestoreReport> run(bool whole) {
    // What is there, and can be compared with what it should be?
    if (!whole) {
      STRATA_TRY(whole, open_what_is_there());
    }
    // Beyond this point either all of the layer comes from a copy, or its names are mended one by one.
    if (whole) {
      STRATA_CHECK(replace_all());
      STRATA_CHECK(open_files());
    }
    STRATA_CHECK(whole ? compare_again() : mend());
    return std::move(report_);
  }

 private:
  Status open_files() {
    STRATA_TRY(files_, context_.driver.open_files(layer_.cache));
    STRATA_TRY(split_, context_.layers.open_tar_split(layer_.chain));
    return {};
  }

  // True: all of it has to be replaced.
  Result<bool> open_what_is_there() {
    Result<Fd> files = context_.driver.open_files(layer_.cache);
    if (!files.ok() && files.error().code() == ErrorCode::kNotFound) return true;
    STRATA_TRY(files_, std::move(files));
    Result<Fd> split = context_.layers.open_tar_split(layer_.chain);
    if (split.ok()) {
      split_ = std::move(split).value();
      STRATA_CHECK(compare_again());
      const bool lost = !content_.is_exact && content_.faults.empty();
      if (content_.split_trouble.empty()) return lost;
    }
    STRATA_TRY(bool made, make_split_again());
    return !made;
  }

  Status compare_again() {
    STRATA_TRY(content_, compare_layer({&files_, &split_}, layer_.diff, context_.buffers,
                                       context_.pool, nullptr, form_));
    report_.left = content_.faults;
    return {};
  }

  Result<bool> make_split_again() {
    if (form_ == LayerForm::kWholeTree) return false;
    STRATA_CHECK(mkdir_at(work_.folder(), "record", 0700));
    STRATA_TRY(Fd metadata, open_dir_at(work_.folder(), "record"));
    STRATA_TRY(bool made,
               remake_split(files_, layer_.diff, metadata, context_.pool, context_.buffers));
    if (!made) return false;
    STRATA_CHECK(replace_split(metadata));
    report_.split_made_again = true;
    STRATA_CHECK(open_files());
    STRATA_CHECK(compare_again());
    return true;
  }

  // What was there is kept, and the new one is on disk before it has the name.
  Status replace_split(const Fd& metadata) {
    STRATA_TRY(Fd record, open_dir_at(context_.root, context_.layers.path_of(layer_.chain.hex())));
    STRATA_TRY(bool there, exists_at(record, driver::kSplitFileName));
    if (there) {
      STRATA_TRY(std::string room, free_name(driver::kSplitFileName));
      STRATA_CHECK(
          rename_at(record, driver::kSplitFileName, context_.set_aside, room, Existing::kKeep));
    }
    STRATA_TRY(Fd made, open_at(metadata, driver::kSplitFileName, O_RDONLY));
    STRATA_CHECK(sync(made.get()));
    STRATA_CHECK(rename_at(metadata, driver::kSplitFileName, record, driver::kSplitFileName,
                           Existing::kKeep));
    return sync(record.get());
  }

  Result<std::string> free_name(const std::string& name) {
    std::string free = name;
    for (int number = 1; true; ++number) {
      STRATA_TRY(bool taken, exists_at(context_.set_aside, free));
      if (!taken) return free;
      free = fmt::format("{}.{}", name, number);
    }
  }

  // ---- a copy ----

  Status get_copy() {
    if (copy_) return {};
    std::string asked;
    std::optional<Error> trouble;  // of one that cannot say whether it has it
    for (LayerSource* source : context_.sources) {
      asked += (asked.empty() ? "" : ", ") + source->name();
      Result<bool> has = source->has_layer(layer_.diff);
      if (!has.ok() && !trouble) trouble = has.error();
      if (has.ok() && *has)
        return unpack_copy(*source).context("layer {} from {}", layer_.diff, source->name());
    }
    if (trouble) return *trouble;
    return error(ErrorCode::kNotFound, "layer {}: no copy of it; {}; name one with --from",
                 layer_.diff, asked.empty() ? "nobody was asked" : "asked: " + asked);
  }

  Status unpack_copy(LayerSource& source) {
    Copy copy;
    copy.source = source.name();
    for (const char* name : {"layer", "layer/diff", "copy-record"})
      STRATA_CHECK(mkdir_at(work_.folder(), name, 0755));
    STRATA_TRY(copy.folder, open_dir_at(work_.folder(), "layer"));
    STRATA_TRY(copy.diff, open_dir_at(work_.folder(), "layer/diff"));
    STRATA_TRY(copy.metadata, open_dir_at(work_.folder(), "copy-record"));
    STRATA_TRY(std::unique_ptr<ByteSource> tar, source.open_layer(layer_.diff));
    STRATA_TRY(driver::UnpackedLayer unpacked,
               driver::unpack_layer(*tar, {&copy.folder, &copy.diff, &copy.metadata}, context_.pool,
                                    context_.buffers, nullptr));
    if (unpacked.diff_id != layer_.diff) {
      return error(ErrorCode::kCorrupt, "expected {}, found {}", layer_.diff, unpacked.diff_id);
    }
    STRATA_CHECK(sync_file_system(copy.diff.get()));
    copy_ = std::move(copy);
    report_.source = copy_->source;
    return {};
  }

  // ---- names, one by one ----

  Status mend() {
    const driver::LayerFiles files{&files_, &split_};
    const MendPlaces places{files, form_, work_.folder(), context_.set_aside};
    std::vector<FileFault> before;
    for (int round = 0; round < kRounds && has_mendable() && content_.faults != before; ++round) {
      before = content_.faults;
      STRATA_TRY(uint64_t found, mend_names(places, content_.faults, context_.pool));
      // What other names of the layer still have needs no copy.
      if (found == 0) STRATA_CHECK(take_from_copy(places));
      STRATA_CHECK(sync_file_system(files_.get()));
      STRATA_CHECK(compare_again());
    }
    return needs_copy() && no_copy_ ? Status(*no_copy_) : Status();
  }

  Status take_from_copy(const MendPlaces& places) {
    if (!needs_copy() || no_copy_) return {};
    Status got = get_copy();
    if (!got.ok() && got.error().code() == ErrorCode::kNotFound) {
      no_copy_ = got.error();  // the rest can be mended nevertheless
      return {};
    }
    STRATA_CHECK(std::move(got));
    STRATA_TRY([[maybe_unused]] uint64_t taken, take_files(places, content_.faults, copy_->diff));
    return {};
  }

  bool needs_copy() const {
    return std::any_of(content_.faults.begin(), content_.faults.end(),
                       [](const FileFault& fault) { return fault.needs_copy; });
  }
  // Names that are too many are not taken away here.
  bool has_mendable() const {
    return std::any_of(content_.faults.begin(), content_.faults.end(), [](const FileFault& fault) {
      return fault.kind != Kind::kFileExtra || fault.member > 0;
    });
  }

  // ---- all of it ----

  Status replace_all() {
    STRATA_CHECK(get_copy());
    report_.whole = true;
    Result<Fd> folder = context_.driver.open_folder(layer_.cache);
    const bool there = folder.ok();
    if (!there && folder.error().code() != ErrorCode::kNotFound) return std::move(folder).error();
    // Its link, and what lies on it, stay as they are; with vfs the folder is the files.
    bool only_files = there && form_ == LayerForm::kOverlay;
    if (only_files) {
      STRATA_TRY(only_files, exists_at(*folder, "link"));
    }
    STRATA_CHECK(only_files ? replace_files() : replace_folder(there));
    return replace_split(copy_->metadata);
  }

  Status replace_files() {
    STRATA_TRY(Fd folder, context_.driver.open_folder(layer_.cache));
    STRATA_TRY(bool there, exists_at(folder, "diff"));
    if (there) {
      STRATA_TRY(std::string room, free_name("diff"));
      STRATA_CHECK(rename_at(folder, "diff", context_.set_aside, room, Existing::kKeep));
    }
    STRATA_CHECK(rename_at(copy_->folder, "diff", folder, "diff", Existing::kKeep));
    return sync(folder.get());
  }

  Status replace_folder(bool there) {
    driver::Below below;
    if (layer_.parent) below.published = &*layer_.parent;
    STRATA_CHECK(context_.driver.inherit(copy_->folder, layer_.cache));
    STRATA_CHECK(context_.driver.prepare(copy_->folder, below));
    if (there) {
      STRATA_TRY(Fd old, context_.driver.open_folder(layer_.cache));
      STRATA_TRY(std::string path, driver::path_of(old));
      STRATA_TRY(std::string room, free_name("folder"));
      STRATA_CHECK(rename_at(Fd(), path, context_.set_aside, room, Existing::kKeep));
    }
    // Its link leads nowhere now; publish makes it anew.
    STRATA_CHECK(context_.driver.remove(layer_.cache));
    STRATA_CHECK(context_.driver.publish(work_.folder(), "layer", layer_.cache));
    return context_.driver.sync_names();
  }

  const DamagedLayer& layer_;
  const RestoreContext& context_;
  store::WorkFolder work_;
  const LayerForm form_;
  Fd files_, split_;
  LayerContent content_;
  std::optional<Copy> copy_;
  std::optional<Error> no_copy_;
  RestoreReport report_;
};

}  // namespace

Result<RestoreReport> restore_layer(const DamagedLayer& layer, bool whole,
                                    const RestoreContext& context) {
  STRATA_CHECK(ensure_dirs_at(context.root, "strata/staging", 0700));
  STRATA_TRY(store::WorkFolder work, store::WorkFolder::create(context.root));
  return Restorer(layer, context, std::move(work)).run(whole);
}

Result<bool> remake_split(const Fd& files, const DiffId& diff, const Fd& metadata, Pool& pool,
                          BufferPool& buffers) {
  STRATA_TRY(std::optional<TreeGeneration> generation, find_generation(files, diff, pool, buffers));
  if (!generation) return false;
  // What the tar does not tell is not there, or it would not be the layer's: so this changes nothing of the files.
  driver::RecordOptions record;
  record.style = generation->style;
  record.names = &generation->names;
  STRATA_TRY(driver::UnpackedLayer made,
             driver::record_upper(files, metadata, record, pool, buffers));
  return made.diff_id == diff;
}

}  // namespace strata::doctor
