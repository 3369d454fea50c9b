// SPDX-License-Identifier: Apache-2.0
// images: one row for each tag.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include "base/timer.h"
#include "cli/filters.h"
#include "cli/formatter.h"
#include "cli/image_rows.h"
#include "cli/names.h"
#include "cli/routes.h"
#include "store/list_images.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

using store::ImageRow;

constexpr std::string_view kTable =
    "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{if "
    ".CreatedSince}}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}";
constexpr std::string_view kTableWithDigests =
    "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{if "
    ".CreatedSince}}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}";

// Which images are listed, as dockerd decides it.
class Selection {
 public:
  static Result<Selection> create(const store::Store& store, const store::ImageList& images,
                                  const Filters& filters, bool all) {
    Selection selection(filters, all);
    STRATA_CHECK(
        filters.check_names({"before", "dangling", "label", "reference", "since", "until"}));
    STRATA_TRY(selection.dangling_, filters.yes_or_no("dangling"));
    STRATA_TRY(selection.before_, filters.until());
    for (const std::string& name : filters.values("before")) {
      STRATA_TRY(oci::Time time, created(store, images, name));
      if (!selection.before_ || time < *selection.before_) selection.before_ = time;
    }
    for (const std::string& name : filters.values("since")) {
      STRATA_TRY(oci::Time time, created(store, images, name));
      if (!selection.since_ || time > *selection.since_) selection.since_ = time;
    }
    return selection;
  }

  // Takes references away that no --filter reference wants.
  Result<bool> takes(ImageRow& image) const {
    if (dangling_ == true && image.has_children) return false;  // with --all, too
    if (before_ && !(image.config.created < *before_)) return false;
    if (since_ && !(image.config.created > *since_)) return false;
    if (!filters_.match_labels(image.config)) return false;
    STRATA_CHECK(drop_references(image));
    const bool by_reference = filters_.has("reference");
    if (image.references.empty()) {
      return (all_ || !image.has_children) && dangling_ != false && !by_reference;
    }
    bool tagged = !store::is_digest_key(image.references.front());
    return !(dangling_ == true && tagged);
  }

 private:
  Selection(const Filters& filters, bool all) : filters_(filters), all_(all) {}

  static Result<oci::Time> created(const store::Store& store, const store::ImageList& images,
                                   const std::string& name) {
    STRATA_TRY(store::Resolved found, store::resolve(store, name));
    for (const ImageRow& image : images.rows) {
      if (image.id == found.image) return image.config.created;
    }
    return error(ErrorCode::kNotFound, "No such image: {}", name);
  }

  Status drop_references(ImageRow& image) const {
    const std::vector<std::string>& patterns = filters_.values("reference");
    if (patterns.empty()) return {};
    std::vector<std::string> kept;
    for (std::string& reference : image.references) {
      bool wanted = false;
      for (const std::string& pattern : patterns) {
        STRATA_TRY(bool matched, match_reference(pattern, reference));
        wanted = wanted || matched;
      }
      if (wanted) kept.push_back(std::move(reference));
    }
    image.references = std::move(kept);
    return {};
  }

  const Filters& filters_;
  bool all_;
  std::optional<bool> dangling_;
  std::optional<oci::Time> before_;
  std::optional<oci::Time> since_;
};

struct SortKey {
  const ImageRow* image;
  std::string_view name;    // of its first reference; empty: none
  uint64_t name_start = 0;  // the first bytes by which names differ, in the order of the names
};

// Thousands of names often begin alike, and comparing them to their difference each time would be
// most of the sorting.
std::vector<SortKey> sort_keys(const std::vector<ImageRow>& images) {
  std::vector<SortKey> keys;
  keys.reserve(images.size());
  std::optional<std::string_view> alike;
  for (const ImageRow& image : images) {
    SortKey& key = keys.emplace_back(SortKey{&image, {}});
    if (image.references.empty()) continue;
    key.name = image.references[0];
    if (!alike) alike = key.name;
    auto differ = std::mismatch(alike->begin(), alike->end(), key.name.begin(), key.name.end());
    alike = alike->substr(0, static_cast<size_t>(differ.first - alike->begin()));
  }
  for (SortKey& key : keys) {
    if (key.name.empty()) continue;
    for (size_t at = alike->size(); at < alike->size() + sizeof key.name_start; ++at) {
      const unsigned char next =
          at < key.name.size() ? static_cast<unsigned char>(key.name[at]) : 0;
      key.name_start = key.name_start << 8 | next;
    }
  }
  return keys;
}

// Every worker keeps some hundred bytes of each image. glibc grows a thread's heap page by page, one
// mprotect each, which hold up the page faults of all others: 1,500 for 10,000 images, and as many
// steps back when the list is freed. Memory that is not touched costs nothing.
void grow_heaps_in_large_steps() {
  constexpr int kStepBytes = 8 << 20;
  constexpr int kKeepBytes = 256 << 20;
  ::mallopt(M_TOP_PAD, kStepBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeepBytes);
}

class Images final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "all", "Show all images (default hides intermediate images)", all_);
    options.flag(kNoShort, "digests", "Show digests", digests_);
    options.list('f', "filter", "filter", "Filter output based on conditions provided", filters_);
    options.check_last(Filters::check_form);
    options.text(kNoShort, "format", "string",
                 "Pretty-print images using a Go template, json or raw", format_);
    options.flag(kNoShort, "no-trunc", "Don't truncate output", no_trunc_);
    options.flag('q', "quiet", "Only show image IDs", quiet_);
    options.text(kNoShort, "sort", "string", "Sort by created, size or repository", sort_);
    options.check_last([](const std::string& value) {
      bool known = value == "created" || value == "size" || value == "repository";
      return known ? Status()
                   : Status(Error(ErrorCode::kInvalid, "must be created, size or repository"));
    });
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    grow_heaps_in_large_steps();
    STRATA_TRY(Filters filters, Filters::parse(filters_));
    for (const std::string& pattern : arguments) filters.add("reference", pattern);
    STRATA_TRY(store::ImageList selected, select(context, filters));
    // Never taken apart: the process ends after this, and 10,000 rows would be 100,000 calls of
    // free.
    static auto& kept = *new std::deque<store::ImageList>();
    const store::ImageList& images = kept.emplace_back(std::move(selected));
    Timer timer("format rows");
    const std::string format = chosen_format(context);
    const bool digests = digests_ || format.find("{{.Digest}}") != format.npos;
    const std::vector<const ImageRow*> order = sorted(images.rows);
    auto rows_of = [&](size_t i) { return image_rows(*order[i], {!no_trunc_, digests}); };
    return context.print(
        format_rows(format, order.size(), rows_of, image_headings(), context.pool()));
  }

 private:
  Result<store::ImageList> select(Context& context, const Filters& filters) const {
    STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
    store::ImageList images;
    if (!store) return images;
    Timer timer("list images");
    STRATA_TRY(images, store::list_images(*store, context.pool()));
    for (const std::string& problem : images.skipped) context.warn(problem);
    STRATA_TRY(Selection selection, Selection::create(*store, images, filters, all_));
    size_t taken = 0;
    for (size_t i = 0; i < images.rows.size(); ++i) {
      STRATA_TRY(bool wanted, selection.takes(images.rows[i]));
      if (!wanted) continue;
      if (taken != i) images.rows[taken] = std::move(images.rows[i]);
      ++taken;
    }
    images.rows.resize(taken);
    return images;
  }

  // Newest first, largest first, or by name; equals by name and ID, so that every run says the
  // same.
  std::vector<const ImageRow*> sorted(const std::vector<ImageRow>& images) const {
    const bool by_time = sort_ == "created";
    const bool by_size = sort_ == "size";
    auto before = [&](const SortKey& a, const SortKey& b) {
      if (by_time && a.image->config.created != b.image->config.created) {
        return a.image->config.created > b.image->config.created;
      }
      if (by_size && a.image->size_bytes != b.image->size_bytes) {
        return a.image->size_bytes > b.image->size_bytes;
      }
      if (a.name.empty() != b.name.empty()) return b.name.empty();
      if (a.name_start != b.name_start) return a.name_start < b.name_start;
      return a.name != b.name ? a.name < b.name : a.image->id < b.image->id;
    };
    std::vector<SortKey> keys = sort_keys(images);
    std::sort(keys.begin(), keys.end(), before);
    std::vector<const ImageRow*> order;
    order.reserve(keys.size());
    for (const SortKey& key : keys) order.push_back(key.image);
    return order;
  }

  std::string chosen_format(const Context& context) const {
    const bool quiet = quiet_ || context.global().quiet;
    if (format_ == kRawFormat) {
      return quiet ? "image_id: {{.ID}}" : std::string(raw_image_format(digests_));
    }
    if (!format_.empty() && format_ != "table") return format_;
    if (quiet) return "{{.ID}}";
    return std::string(digests_ ? kTableWithDigests : kTable);
  }

  bool all_ = false;
  bool digests_ = false;
  bool no_trunc_ = false;
  bool quiet_ = false;
  std::vector<std::string> filters_;
  std::string format_;
  std::string sort_ = "created";
};

}  // namespace

std::unique_ptr<Command> make_images() { return std::make_unique<Images>(); }

}  // namespace strata::cli
