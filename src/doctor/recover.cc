// SPDX-License-Identifier: Apache-2.0
#include "doctor/recover.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "archive/archive_writer.h"
#include "archive/contents.h"
#include "base/interrupt.h"
#include "doctor/copies.h"
#include "doctor/place.h"
#include "doctor/rebuild.h"
#include "doctor/recover_names.h"
#include "doctor/root_evidence.h"
#include "doctor/salvage_layer.h"
#include "oci/json.h"

namespace strata::doctor {
namespace {

class Recovery {
 public:
  Recovery(const store::Store& store, const RecoverOptions& options, LayerSource& own, Pool& pool)
      : store_(store),
        options_(options),
        pool_(pool),
        buffers_(archive::kBlockBytes, archive::kBlocks),
        context_{store, {&own}, pool, buffers_} {
    for (LayerSource* source : options.sources) context_.sources.push_back(source);
  }

  // Which images are meant, and what is known of each.
  Status choose(const ImageNames& names) {
    for (const std::string& word : options_.words) {
      Result<std::vector<FoundImage>> found = names.find(word);
      STRATA_CHECK(unless_all_ends(found));
      if (!found.ok()) {
        report_.failures.push_back(found.error().message());
        continue;
      }
      for (const FoundImage& image : *found) STRATA_CHECK(add_image(word, image));
    }
    if (!chosen_.empty()) return {};
    return error(ErrorCode::kNotFound, "{}", fmt::join(report_.failures, "; "));
  }

  // Each layer once: as it was, from a copy, or as far as it goes.
  Status salvage_layers() {
    std::vector<std::map<ChainId, SalvagedLayer>::iterator> all;
    for (const Chosen& chosen : chosen_) {
      const std::vector<ChainId> chains = chosen.config->chain_ids();
      for (size_t i = 0; i < chains.size(); ++i) {
        auto [place, is_new] = layers_.try_emplace(chains[i]);
        if (!is_new) continue;
        place->second.was = chosen.config->diff_ids()[i];
        all.push_back(place);
      }
    }
    STRATA_CHECK(work_out_folders());
    return run_in_lanes(pool_.jobs(), all.size(), [&](size_t i) -> Status {
      STRATA_TRY(all[i]->second, salvage_layer(all[i]->first, all[i]->second.was, context_)
                                     .context("layer {}", all[i]->second.was));
      return {};
    });
  }

  // Configs that say what the layers are now. Where nothing has changed they stay, byte for byte.
  Status settle_images() {
    for (Chosen& chosen : chosen_) {
      std::vector<DiffId> diffs;
      for (const ChainId& chain : chosen.config->chain_ids()) {
        const SalvagedLayer& layer = layers_.at(chain);
        diffs.push_back(layer.is);
        by_diff_[layer.is] = &layer;
        note_layer(layer, chosen.report);
      }
      if (diffs != chosen.config->diff_ids()) STRATA_CHECK(rewrite_config(chosen, diffs));
      chosen.report.is = chosen.config->id();
    }
    return {};
  }

  Status write() {
    archive::SavePlan plan;
    for (const Chosen& chosen : chosen_) plan.images.push_back(save_image(chosen));
    STRATA_TRY(archive::Layout layout, make_layout(plan));
    const tar::HeaderStyle style = layout.style();
    STRATA_TRY(OutputFile out, OutputFile::create(options_.output));
    archive::WriteContext context{store_, pool_, buffers_};
    context.give_layer = [this](const archive::SaveLayer& layer, ByteSink& to) {
      return by_diff_.at(layer.record.diff)->write(to);
    };
    if (out.seekable()) {
      STRATA_CHECK(archive::write_archive_file(layout.take_entries(), style, out.fd(), context));
    } else {
      WaitingSink sink(out.fd());
      STRATA_CHECK(archive::write_archive_stream(layout.take_entries(), style, sink, context));
    }
    return out.publish();
  }

  RecoverReport take_report() {
    for (Chosen& chosen : chosen_) report_.images.push_back(std::move(chosen.report));
    return std::move(report_);
  }

 private:
  // Where the files are of layers whose records do not say it: mostly, what lies on them does.
  Status work_out_folders() {
    bool all_known = true;
    for (const auto& [chain, layer] : layers_) {
      Result<std::optional<std::string>> cache =
          read_file_if_exists_at(store_.root(), store_.layers().path_of(chain.hex()) + "/cache-id");
      STRATA_CHECK(unless_all_ends(cache));
      all_known &= cache.ok() && *cache && CacheId::parse(trimmed(**cache)).ok();
    }
    if (all_known) return {};
    Result<Survey> survey = survey_root(options_.root, options_.driver, pool_);
    STRATA_CHECK(unless_all_ends(survey));
    if (!survey.ok()) return {};
    STRATA_TRY(const Copies copies, Copies::open(options_.root, options_.driver, {}, pool_));
    Troubles troubles;
    RootEvidence evidence(store_.root(), *survey, copies, pool_, troubles);
    const Rebuild rebuilt(*survey, evidence);
    if (std::optional<Error> fatal = troubles.fatal()) return *fatal;
    for (const auto& [chain, layer] : layers_) {
      const Learnt<std::string>* folder = rebuilt.folder(chain);
      if (folder != nullptr) context_.folders.emplace(chain, folder->value);
    }
    return {};
  }

  struct Chosen {
    RecoveredImage report;
    std::vector<oci::Reference> tags;
    std::optional<oci::ImageConfig> config;
  };

  Status add_image(const std::string& word, const FoundImage& found) {
    auto known = std::find_if(chosen_.begin(), chosen_.end(), [&](const Chosen& chosen) {
      return chosen.report.was == found.image;
    });
    if (known == chosen_.end()) {
      Chosen chosen;
      chosen.report.word = word;
      chosen.report.was = found.image;
      Status had = read_config(chosen);
      STRATA_CHECK(unless_all_ends(had));
      if (!had.ok()) {
        report_.failures.push_back(fmt::format("{}: {}", word, had.error().message()));
        return {};
      }
      known = chosen_.insert(chosen_.end(), std::move(chosen));
    }
    if (!found.evidence.empty()) {
      known->report.sources.push_back(fmt::format(
          "the name {} from {}", found.tag ? found.tag->familiar_string() : word, found.evidence));
    }
    if (!found.tag ||
        std::find(known->tags.begin(), known->tags.end(), *found.tag) != known->tags.end())
      return {};
    known->report.tags.push_back(found.tag->familiar_string());
    known->tags.push_back(*found.tag);
    return {};
  }

  Status read_config(Chosen& chosen) {
    const ImageId& image = chosen.report.was;
    Result<std::string> raw = store_.images().read_config(image);
    STRATA_CHECK(unless_all_ends(raw));
    const std::string trouble = raw.ok() ? "" : raw.error().message();
    for (LayerSource* source : context_.sources) {
      if (raw.ok()) break;
      Result<std::optional<std::string>> copy = source->find_config(image);
      STRATA_CHECK(unless_all_ends(copy));
      if (!copy.ok() || !*copy) continue;
      raw = std::move(**copy);
      chosen.report.sources.push_back("the config from " + source->name());
    }
    // A changed one that can still be read tells of the layers.
    if (!raw.ok()) {
      raw = read_file_at(store_.root(), store_.images().content_path(image.hex()),
                         archive::Contents::kMaxJsonBytes);
      STRATA_CHECK(unless_all_ends(raw));
      if (!raw.ok()) return error(ErrorCode::kNotFound, "{}", trouble);
      chosen.report.losses.push_back({std::nullopt, std::nullopt, {"config", "changed", trouble}});
    }
    Result<oci::ImageConfig> config = oci::ImageConfig::parse(std::move(raw).value());
    if (!config.ok())
      return error(ErrorCode::kCorrupt, "{}", trouble.empty() ? config.error().message() : trouble);
    if (config->diff_ids().empty())
      return error(ErrorCode::kInvalid, "image {}: empty export - not implemented", image);
    chosen.config = std::move(config).value();
    return {};
  }

  static void note_layer(const SalvagedLayer& layer, RecoveredImage& report) {
    if (!layer.source.empty())
      report.sources.push_back(fmt::format("layer {} from {}", layer.was, layer.source));
    for (const TarLoss& loss : layer.losses) {
      report.losses.push_back({layer.was, layer.is, loss});
    }
  }

  Status rewrite_config(Chosen& chosen, const std::vector<DiffId>& diffs) {
    boost::json::object config = chosen.config->json();
    boost::json::array texts;
    for (const DiffId& diff : diffs) texts.emplace_back(diff.to_string());
    config.at("rootfs").as_object()["diff_ids"] = std::move(texts);
    STRATA_TRY(chosen.config, oci::ImageConfig::parse(oci::go_json(config)));
    return {};
  }

  archive::SaveImage save_image(const Chosen& chosen) const {
    archive::SaveImage image{*chosen.config, chosen.tags, {}, std::nullopt, false};
    const std::vector<ChainId> chains = chosen.config->chain_ids();
    for (size_t i = 0; i < chains.size(); ++i) {
      const DiffId& diff = chosen.config->diff_ids()[i];
      store::Layer record{chains[i], diff, std::nullopt, CacheId(), 0};
      image.layers.push_back({std::move(record), by_diff_.at(diff)->tar_bytes, false});
    }
    // As save does: only a parent that is in the archive, and as it was.
    Result<std::optional<ImageId>> parent = store_.images().parent(chosen.report.was);
    const bool is_whole = chosen.report.is == chosen.report.was;
    if (is_whole && parent.ok() && *parent) {
      const bool within = std::any_of(chosen_.begin(), chosen_.end(), [&](const Chosen& other) {
        return other.report.is == **parent;
      });
      if (within) image.parent = **parent;
    }
    return image;
  }

  Result<archive::Layout> make_layout(const archive::SavePlan& plan) const {
    switch (options_.format) {
      case archive::ArchiveFormat::kDocker:
        return archive::docker_layout(plan);
      case archive::ArchiveFormat::kDockerLegacy:
        return archive::docker_legacy_layout(plan);
      case archive::ArchiveFormat::kOci:
        break;
    }
    return archive::oci_layout(plan);
  }

  const store::Store& store_;
  const RecoverOptions& options_;
  Pool& pool_;
  BufferPool buffers_;
  SalvageContext context_;
  std::vector<Chosen> chosen_;
  std::map<ChainId, SalvagedLayer> layers_;  // by what the configs said
  std::map<DiffId, const SalvagedLayer*> by_diff_;
  RecoverReport report_;
};

}  // namespace

bool RecoverReport::all_as_it_was() const {
  return failures.empty() &&
         std::all_of(images.begin(), images.end(),
                     [](const RecoveredImage& image) { return image.is == image.was; });
}

Result<RecoverReport> recover(const RecoverOptions& options, Pool& pool) {
  STRATA_TRY(store::Store store,
             store::Store::open({.root = options.root, .driver = options.driver}));
  STRATA_TRY(std::unique_ptr<LayerSource> own,
             open_root_source(options.root, options.driver, {}, pool));
  Recovery recovery(store, options, *own, pool);

  // Which images: by names as far as they can be read.
  STRATA_TRY(ImageNames names, ImageNames::read(store));
  STRATA_CHECK(recovery.choose(names));
  // Beyond this point the set of images is fixed.

  STRATA_CHECK(recovery.salvage_layers());
  STRATA_CHECK(recovery.settle_images());
  // Beyond this point every byte of the archive is, too.

  STRATA_CHECK(recovery.write());
  return recovery.take_report();
}

}  // namespace strata::doctor
