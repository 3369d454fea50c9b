// SPDX-License-Identifier: Apache-2.0
#include "doctor/salvage_layer.h"

#include <memory>

#include "doctor/place.h"
#include "doctor/tree_generation.h"
#include "driver/layer_reader.h"
#include "driver/split_file.h"
#include "hash/sha256.h"
#include "tar/writer.h"

namespace strata::doctor {
namespace {

// Descriptors of a layer that its `write` keeps.
struct Opened {
  Fd files, split;
  driver::LayerFiles layer() const { return {&files, &split}; }
};

class Salvager {
 public:
  Salvager(const ChainId& chain, const DiffId& diff, const SalvageContext& context)
      : chain_(chain), diff_(diff), context_(context) {
    made_.was = made_.is = diff;
  }

  Result<SalvagedLayer> run() {
    STRATA_CHECK(open_split());
    STRATA_TRY(bool found, take_recorded());
    if (!found) {
      STRATA_TRY(found, take_unnamed());
    }
    if (!found) STRATA_CHECK(open_worked_out());
    if (!found) {
      STRATA_TRY(found, take_copy());
    }
    if (!found && opened_->files.valid()) {
      STRATA_TRY(found, take_generation());
    }
    // Beyond this point it is not as it was.
    if (!found && opened_->files.valid() && opened_->split.valid()) {
      STRATA_TRY(found, take_what_is_left());
    }
    if (!found && opened_->files.valid()) {
      STRATA_TRY(found, take_tree({}));
      lose("every header is a new one: the record of the layer's tar is lost" + take_trouble());
    }
    if (!found) take_nothing();
    if (made_.is != made_.was && !trouble_.empty()) lose("not all could be read" + take_trouble());
    return std::move(made_);
  }

 private:
  Status open_split() {
    Result<Fd> split = context_.store.layers().open_tar_split(chain_);
    STRATA_CHECK(note(split));
    if (split.ok()) opened_->split = std::move(split).value();
    return {};
  }

  // Errors: what ends all. What else cannot be read is remembered: the layer may be sound.
  template <typename T>
  Status note(const Result<T>& result) {
    if (result.ok()) return {};
    if (result.error().code() == ErrorCode::kIo) trouble_ = result.error().message();
    return unless_all_ends(result);
  }

  void lose(std::string reason) { made_.losses.push_back({".", "changed", std::move(reason)}); }

  std::string take_trouble() { return trouble_.empty() ? "" : ": " + std::exchange(trouble_, ""); }

  // Under the folder that the record names, whatever else of it is damaged.
  Result<bool> take_recorded() {
    const store::LayerDb& layers = context_.store.layers();
    Result<std::string> text =
        read_file_at(context_.store.root(), layers.path_of(chain_.hex()) + "/cache-id");
    STRATA_CHECK(note(text));
    if (!text.ok()) return false;
    while (text->ends_with('\n')) text->pop_back();
    Result<CacheId> cache = CacheId::parse(*text);
    if (!cache.ok()) return false;
    Result<Fd> files = context_.store.driver().open_files(*cache);
    STRATA_CHECK(note(files));
    if (!files.ok()) return false;
    opened_->files = std::move(files).value();
    return is_exact(*opened_);
  }

  Result<bool> is_exact(const Opened& opened) {
    if (!opened.split.valid()) return false;
    Status verified = driver::verify_layer(opened.layer(), diff_, context_.buffers, context_.pool);
    STRATA_CHECK(note(verified));
    if (!verified.ok()) return false;
    STRATA_TRY(made_.tar_bytes, driver::tar_bytes_of(opened.split));
    made_.write = [opened = opened_, diff = diff_, &context = context_](ByteSink& to) {
      return driver::read_layer(opened->layer(), diff, to, context.buffers, context.pool);
    };
    return true;
  }

  // The record does not say any more which folder is the layer's: one that no record names, with the right files.
  Result<bool> take_unnamed() {
    if (opened_->files.valid() || !opened_->split.valid()) return false;
    STRATA_TRY(std::vector<store::Layer> named, context_.store.layers().list());
    Result<std::vector<CacheId>> folders = context_.store.driver().list();
    STRATA_CHECK(note(folders));
    if (!folders.ok()) return false;
    for (const CacheId& cache : *folders) {
      const bool is_named = std::any_of(named.begin(), named.end(), [&](const store::Layer& layer) {
        return layer.cache == cache;
      });
      if (is_named) continue;
      Result<Fd> files = context_.store.driver().open_files(cache);
      STRATA_CHECK(note(files));
      if (!files.ok()) continue;
      opened_->files = std::move(files).value();
      STRATA_TRY(bool exact, is_exact(*opened_));
      if (exact) made_.source = "folder " + cache.name();
      if (exact) return true;
    }
    opened_->files = Fd();
    return false;
  }

  // Not proven to be as it was, but better than nothing.
  Status open_worked_out() {
    auto folder = context_.folders.find(chain_);
    if (opened_->files.valid() || folder == context_.folders.end()) return {};
    STRATA_TRY(CacheId cache, CacheId::parse(folder->second));
    Result<Fd> files = context_.store.driver().open_files(cache);
    STRATA_CHECK(note(files));
    if (!files.ok()) return {};
    opened_->files = std::move(files).value();
    made_.source = "folder " + folder->second;
    return {};
  }

  Result<bool> take_copy() {
    for (LayerSource* source : context_.sources) {
      Result<bool> has = source->has_layer(diff_);
      STRATA_CHECK(note(has));
      if (!has.ok() || !*has) continue;
      NoSink nothing;
      HashingSink hashing(nothing);
      Status copied = copy_from(*source, hashing);
      STRATA_CHECK(note(copied));
      if (!copied.ok() || DiffId(hashing.digest()) != diff_) continue;
      made_.tar_bytes = hashing.size_bytes();
      made_.source = source->name();
      made_.write = [source, this_diff = diff_](ByteSink& to) -> Status {
        HashingSink again(to);
        STRATA_TRY(std::unique_ptr<ByteSource> tar, source->open_layer(this_diff));
        STRATA_TRY([[maybe_unused]] uint64_t bytes, copy_stream(*tar, again));
        if (DiffId(again.digest()) == this_diff) return {};
        return error(ErrorCode::kCorrupt, "{}: layer {} is another one now", source->name(),
                     this_diff);
      };
      return true;
    }
    return false;
  }

  Status copy_from(LayerSource& source, ByteSink& to) {
    STRATA_TRY(std::unique_ptr<ByteSource> tar, source.open_layer(diff_));
    STRATA_TRY([[maybe_unused]] uint64_t bytes, copy_stream(*tar, to));
    return {};
  }

  Result<bool> take_generation() {
    if (context_.store.driver().name() == "vfs")
      return false;  // the layers below are in its folder, too
    STRATA_TRY(std::optional<TreeGeneration> generation,
               find_generation(opened_->files, diff_, context_.pool, context_.buffers));
    if (!generation) return false;
    return take_tree(std::move(*generation));
  }

  Result<bool> take_tree(TreeGeneration generation) {
    if (context_.store.driver().name() == "vfs") return false;
    auto kept = std::make_shared<TreeGeneration>(std::move(generation));
    made_.write = [opened = opened_, kept, &context = context_](ByteSink& to) {
      const driver::LayerStack tree({&opened->files}, driver::LayerStack::Whiteouts::kShow);
      return driver::write_tree_tar(tree, kept->options(), to, context.pool, context.buffers);
    };
    return measure();
  }

  // What `write` gives. False: it cannot be had.
  Result<bool> measure() {
    NoSink nothing;
    HashingSink hashing(nothing);
    Status written = made_.write(hashing);
    STRATA_CHECK(note(written));
    STRATA_CHECK(context_.pool.check_cancelled());
    made_.tar_bytes = hashing.size_bytes();
    made_.is = DiffId(hashing.digest());
    return written.ok();
  }

  Result<bool> take_what_is_left() {
    auto unreadable = std::make_shared<Unreadable>();
    while (true) {
      NoSink nothing;
      HashingSink hashing(nothing);
      Result<Salvage> salvage =
          write_salvaged_tar(opened_->layer(), *unreadable, hashing, context_.pool);
      STRATA_CHECK(note(salvage));
      if (!salvage.ok()) trouble_ = salvage.error().message();
      if (!salvage.ok()) return false;
      if (salvage->again) continue;
      made_.losses = std::move(salvage->losses);
      made_.tar_bytes = hashing.size_bytes();
      made_.is = DiffId(hashing.digest());
      break;
    }
    if (made_.losses.empty() && made_.is != made_.was) lose("what lay between its files is lost");
    made_.write = [opened = opened_, unreadable, known = *unreadable,
                   &context = context_](ByteSink& to) -> Status {
      STRATA_TRY(Salvage salvage,
                 write_salvaged_tar(opened->layer(), *unreadable, to, context.pool));
      if (!salvage.again) return {};
      for (const auto& [member, why] : *unreadable) {
        if (known.contains(member)) continue;
        return error(ErrorCode::kIo, "a file that could be read cannot be read any more: {}", why);
      }
      return {};
    };
    return true;
  }

  void take_nothing() {
    made_.losses.push_back({".", "left out", "the layer's files are gone" + take_trouble()});
    made_.tar_bytes = tar::kEndOfArchive.size();
    made_.is = DiffId(Digest::of(ByteSpan(tar::kEndOfArchive)));
    made_.write = [](ByteSink& to) { return to.write(tar::kEndOfArchive); };
  }

  const ChainId chain_;
  const DiffId diff_;
  const SalvageContext& context_;
  const std::shared_ptr<Opened> opened_ = std::make_shared<Opened>();
  SalvagedLayer made_;
  std::string trouble_;  // why something could not be read
};

}  // namespace

Result<SalvagedLayer> salvage_layer(const ChainId& chain, const DiffId& diff,
                                    const SalvageContext& context) {
  return Salvager(chain, diff, context).run();
}

}  // namespace strata::doctor
