// SPDX-License-Identifier: Apache-2.0
// JSON, and the documents made of it. Oracles: text that we write is read as the same value;
// compact_json takes what parse_json takes; the quick summary of a config agrees with the full one;
// documents written and read again are the same.
#include "base/fuzz_oracle.h"
#include "oci/archive_manifest.h"
#include "oci/config_summary.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "oci/manifest.h"

namespace {

using strata::fuzz::check;
namespace oci = strata::oci;

void fuzz_values(std::string_view text) {
  auto value = oci::parse_json(text);
  auto compact = oci::compact_json(text);
  check(value.ok() == compact.ok(), "parse_json and compact_json disagree on what is JSON");
  if (!value.ok()) return;
  const std::string written = oci::go_json(value.value());
  auto again = oci::parse_json(written);
  check(again.ok(), "our own JSON is refused");
  check(oci::go_json(again.value()) == written, "JSON changes when written twice");
  auto from_compact = oci::parse_json(compact.value());
  check(from_compact.ok() && oci::go_json(from_compact.value()) == written,
        "compact_json means something else");
  auto indented = oci::parse_json(oci::go_json_indented(value.value(), "", "    "));
  check(indented.ok() && oci::go_json(indented.value()) == written,
        "indented JSON means something else");
}

void fuzz_config(std::string_view text) {
  auto config = oci::ImageConfig::parse(std::string(text));
  auto summary = oci::summarize_config(text);
  if (!config.ok()) return;
  check(config.value().raw() == text, "a config's bytes are not kept");
  check(summary.ok(), "a config without a summary");
  check(summary.value().diff_ids == config.value().diff_ids(), "diff_ids of the summary differ");
  check(summary.value().created == config.value().created(), "created of the summary differs");
  check(summary.value().os == config.value().os(), "os of the summary differs");
  check(config.value().chain_ids().size() == config.value().diff_ids().size(), "lost chainIDs");
}

void fuzz_documents(std::string_view text) {
  if (auto items = oci::parse_archive_manifest(text); items.ok()) {
    auto again = oci::parse_archive_manifest(oci::archive_manifest_text(items.value()));
    check(again.ok() && again.value() == items.value(), "manifest.json changes when written");
  }
  if (auto tags = oci::parse_archive_repositories(text); tags.ok()) {
    auto again = oci::parse_archive_repositories(oci::archive_repositories_text(tags.value()));
    check(again.ok() && again.value() == tags.value(), "repositories changes when written");
  }
  if (auto manifest = oci::parse_manifest(text); manifest.ok()) {
    const std::string written = oci::manifest_text(manifest.value());
    auto again = oci::parse_manifest(written);
    check(again.ok() && oci::manifest_text(again.value()) == written, "a manifest changes");
  }
  if (auto index = oci::parse_index(text); index.ok()) {
    const std::string written = oci::index_text(index.value());
    auto again = oci::parse_index(written);
    check(again.ok() && oci::index_text(again.value()) == written, "an index changes");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = strata::fuzz::input_text(data, size);
  fuzz_values(text);
  fuzz_config(text);
  fuzz_documents(text);
  return 0;
}
