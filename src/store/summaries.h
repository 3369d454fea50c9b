// SPDX-License-Identifier: Apache-2.0
// What lists need of the configs of many images, kept from one listing to the next: opening and
// reading 10,000 small files is most of the time that a list takes, and a config that is named by
// its digest never changes.
// Shape:   strata/summaries; grammar in summaries.cc. Replaced as a whole, not synced; whatever is
//          wrong with it, it counts as empty. docs/store.md, "Summaries".
// Trust:   the file speaks for configs that nobody reads any more, so it counts only when whoever
//          could have written it could have written the configs as well, or is us: it belongs to
//          the owner of the root's folder or to our effective user, and nobody else may write it.
// Threads: values. Other processes may replace the file at any time; the last one wins.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs_at.h"
#include "hash/digest.h"
#include "oci/config_summary.h"

namespace strata::store {

class Summaries {
 public:
  // One image as it is kept. Borrowed.
  struct Entry {
    const ImageId* image;
    const oci::ConfigSummary* config;
    const std::vector<ChainId>* chains;  // of config->diff_ids
  };

  Summaries() = default;  // none
  // Those of the root; none when there is no file, or one that cannot be used.
  static Summaries read(const Fd& root);
  // None when `bytes` are not what encode() made.
  static Summaries decode(std::string bytes);
  // `entries` are sorted by image. Errors: kUnsupported, when they would not fit.
  static Result<std::string> encode(std::span<const Entry> entries);
  // Replaces the root's file. The folder strata/ is made where the root's folder is ours, and
  // nothing is written beside a running dockerd. Errors: any of the system; nothing has changed
  // then.
  static Status write(const Fd& root, std::span<const Entry> entries);
  // What killed writers left. One that lives fails, which does no harm.
  static Status remove_unfinished(const Fd& root);

  size_t size() const { return images_; }
  // Looks up images in the order of their IDs. The file stays where it is meanwhile.
  class Walk {
   public:
    Walk(const Summaries& file, const ImageId& first);
    // False when the image is not among them; then nothing is changed. `image` is no lower than the
    // one before.
    bool find(const ImageId& image, oci::ConfigSummary& config, std::vector<ChainId>& chains);

   private:
    const Summaries& file_;
    size_t next_ = 0;
  };
  // All chainIDs of all of them, each once.
  std::vector<ChainId> chains() const;

 private:
  class Checker;
  template <typename Record>
  Record record(size_t section, size_t index) const;
  std::string_view text(uint32_t index) const;
  ImageId image(size_t index) const;
  void fill(size_t index, oci::ConfigSummary& config, std::vector<ChainId>& chains) const;

  std::string bytes_;
  size_t images_ = 0, layers_ = 0, labels_ = 0, texts_ = 0;
  // Where the sections begin in bytes_.
  size_t layers_at_ = 0, labels_at_ = 0, ends_at_ = 0, texts_at_ = 0;
};

}  // namespace strata::store
