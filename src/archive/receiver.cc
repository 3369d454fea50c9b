// SPDX-License-Identifier: Apache-2.0
#include "archive/receiver.h"

#include <algorithm>

#include "archive/layer_list.h"
#include "archive/load_plan.h"
#include "store/resolve.h"

namespace strata::archive {
namespace {

Result<std::set<ChainId>> chains_of_image(const store::Store& store, const std::string& name) {
  STRATA_TRY(store::Resolved resolved, store::resolve(store, name));
  STRATA_TRY(std::string raw, store.images().read_config(resolved.image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
  std::vector<ChainId> chains = config.chain_ids();
  return std::set<ChainId>(chains.begin(), chains.end());
}

Result<std::set<ChainId>> chains_of_archive(const Fd& file, const std::string& name, Pool& pool) {
  STRATA_TRY(std::unique_ptr<Contents> contents, open_texts({&file, name}, pool));
  STRATA_TRY(LoadPlan plan, plan_described_images(*contents, {}).context("{}", name));
  std::set<ChainId> chains;
  for (const PlannedImage& image : plan.images) {
    for (const PlannedLayer& layer : image.layers) chains.insert(layer.chain);
  }
  return chains;
}

}  // namespace

Status ReceiverLayers::add_image(const store::Store& store, const std::string& name) {
  STRATA_TRY(std::set<ChainId> chains, chains_of_image(store, name));
  sources_.push_back({name, std::move(chains)});
  return {};
}

Status ReceiverLayers::add_image_or_archive(const store::Store& store, const std::string& text,
                                            Pool& pool) {
  Result<std::set<ChainId>> chains = chains_of_image(store, text);
  if (!chains.ok()) {
    Result<Fd> file = open_path(text, O_RDONLY);
    bool neither = !file.ok() && file.error().code() == ErrorCode::kNotFound;
    if (neither) {
      return error(ErrorCode::kNotFound,
                   "\"{}\" is neither an image of this root nor an archive file ({})", text,
                   chains.error().message());
    }
    if (!file.ok()) return std::move(file).error();
    chains = chains_of_archive(*file, text, pool);
  }
  STRATA_TRY(std::set<ChainId> found, std::move(chains));
  sources_.push_back({text, std::move(found)});
  return {};
}

Status ReceiverLayers::add_list(ByteSource& from, const std::string& name) {
  STRATA_TRY(std::string text, read_to_end(from, kMaxLayerListBytes).context("{}", name));
  STRATA_TRY(std::set<ChainId> chains, parse_layer_list(text).context("{}", name));
  sources_.push_back({name, std::move(chains)});
  return {};
}

bool ReceiverLayers::has(const ChainId& chain) const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [&](const Source& source) { return source.chains.contains(chain); });
}

std::vector<std::string> ReceiverLayers::unrelated(const SavePlan& plan) const {
  std::vector<std::string> names;
  for (const Source& source : sources_) {
    bool shared = false;
    for (const SaveImage& image : plan.images) {
      for (const SaveLayer& layer : image.layers) {
        shared = shared || source.chains.contains(layer.record.chain);
      }
    }
    if (!shared) names.push_back(source.name);
  }
  return names;
}

}  // namespace strata::archive
