// SPDX-License-Identifier: Apache-2.0
#include "cli/image_rows.h"

#include <array>
#include <map>
#include <optional>

#include "cli/formatter.h"
#include "cli/names.h"
#include "cli/time_text.h"
#include "cli/units.h"
#include "store/references.h"

namespace strata::cli {
namespace {

using store::ImageRow;

// Views are of the image's references.
struct Row {
  const ImageRow* image;
  std::string_view repository;
  std::string_view tag;
  std::string_view digest;
  bool truncate = true;
  std::optional<ImageUse> use;
};

std::string size_or_unknown(const Row& row, uint64_t ImageUse::*member) {
  return row.use ? human_size(static_cast<double>(*row.use.*member)) : "N/A";
}

const std::array<Column<Row>, 11> kColumnTable{{
    {"Containers", "CONTAINERS",
     [](const Row& row) { return row.use ? std::to_string(row.use->containers) : "N/A"; }},
    {"CreatedAt", "CREATED AT",
     [](const Row& row) { return local_time_string(row.image->config.created.seconds); }},
    {"CreatedSince", "CREATED",
     [](const Row& row) {
       const oci::Time& created = row.image->config.created;
       return created.is_zero() ? std::string() : ago(created);
     }},
    {"Digest", "DIGEST", [](const Row& row) { return std::string(row.digest); }},
    {"ID", "IMAGE ID", [](const Row& row) { return id_text(row.image->id, row.truncate); }},
    {"Repository", "REPOSITORY", [](const Row& row) { return std::string(row.repository); }},
    {"SharedSize", "SHARED SIZE",
     [](const Row& row) { return size_or_unknown(row, &ImageUse::shared_bytes); }},
    {"Size", "SIZE",
     [](const Row& row) { return human_size(static_cast<double>(row.image->size_bytes), 3); }},
    {"Tag", "TAG", [](const Row& row) { return std::string(row.tag); }},
    {"UniqueSize", "UNIQUE SIZE",
     [](const Row& row) { return size_or_unknown(row, &ImageUse::unique_bytes); }},
    {"VirtualSize", "SIZE",
     [](const Row& row) { return human_size(static_cast<double>(row.image->size_bytes)); }},
}};
const std::span<const Column<Row>> kColumns(kColumnTable);

Value as_value(Row row) {
  return Value::record(
      std::make_shared<RowRecord<Row>>("*formatter.imageContext", kColumns, std::move(row)));
}

}  // namespace

std::vector<Value> image_rows(const ImageRow& image, const ImageRowOptions& options) {
  if (image.references.size() == 1 && !store::is_digest_key(image.references[0])) {
    const std::string& only = image.references[0];  // nearly every image, and no maps for it
    return {as_value({&image, store::repository_of(only), tag_of(only), kNoName, options.truncate,
                      std::nullopt})};
  }
  std::map<std::string_view, std::vector<std::string_view>> tags, digests;
  for (const std::string& reference : image.references) {
    auto& kind = store::is_digest_key(reference) ? digests : tags;
    kind[store::repository_of(reference)].push_back(tag_of(reference));
  }
  std::vector<Value> rows;
  auto add = [&](std::string_view repository, std::string_view tag, std::string_view digest) {
    rows.push_back(as_value({&image, repository, tag, digest, options.truncate, std::nullopt}));
  };
  for (const auto& [repository, list] : tags) {
    auto found = digests.extract(repository);
    for (std::string_view tag : list) {
      if (found.empty() || !options.digests) {
        add(repository, tag, kNoName);
        continue;
      }
      for (std::string_view digest : found.mapped()) add(repository, tag, digest);
    }
  }
  for (const auto& [repository, list] : digests) {
    if (!options.digests) add(repository, kNoName, "");
    for (std::string_view digest : list) {
      if (options.digests) add(repository, kNoName, digest);
    }
  }
  if (rows.empty()) add(kNoName, kNoName, kNoName);
  return rows;
}

Value used_image_row(const ImageRow& image, const ImageUse& use, bool truncate) {
  Row row{&image, kNoName, kNoName, "", truncate, use};
  if (!image.references.empty() && !store::is_digest_key(image.references[0])) {
    row.repository = store::repository_of(image.references[0]);
    row.tag = tag_of(image.references[0]);
  }
  return as_value(std::move(row));
}

Value image_headings() { return headings_of(kColumns); }

std::string_view raw_image_format(bool digests) {
  if (digests) {
    return "repository: {{.Repository}}\ntag: {{.Tag}}\ndigest: {{.Digest}}\nimage_id: {{.ID}}\n"
           "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
  }
  return "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\n"
         "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
}

}  // namespace strata::cli
