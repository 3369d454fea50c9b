// SPDX-License-Identifier: Apache-2.0
//   list  = "strata-layers 1" LF *line
//   line  = chainID SP diffID *( SP more ) LF | "#" comment LF | LF
//   chainID, diffID = "sha256:" 64HEX; what `more` is, later versions of strata may say
// A list that was cut off names fewer layers: then more is sent than necessary. A line that was cut
// off is an error. Source: docs/formats/layer-list.md.
#include "archive/layer_list.h"

#include <map>

#include "oci/image_config.h"

namespace strata::archive {
namespace {

constexpr std::string_view kName = "strata-layers";
constexpr std::string_view kHead = "strata-layers 1";
constexpr size_t kShownBytes = 80;

std::string_view next_line(std::string_view& text) {
  size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view next_word(std::string_view& line) {
  size_t end = line.find(' ');
  std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

Status check_head(std::string_view line) {
  if (line == kHead) return {};
  if (next_word(line) == kName) {
    return error(ErrorCode::kUnsupported,
                 "a list of layers of version \"{}\"; this strata knows version 1",
                 line.substr(0, kShownBytes));
  }
  return error(ErrorCode::kInvalid,
               "not a list of layers: expected \"{}\" in the first line (strata layers --export "
               "makes such a list)",
               kHead);
}

}  // namespace

Result<std::vector<store::Layer>> usable_layers(const store::Store& store) {
  STRATA_TRY(std::vector<store::Layer> all, store.layers().list());
  std::map<ChainId, const store::Layer*> by_chain;
  for (const store::Layer& layer : all) by_chain[layer.chain] = &layer;
  std::map<ChainId, bool> usable;
  std::vector<store::Layer> found;
  for (const store::Layer& layer : all) {
    // Down to the first one that is decided; then up again.
    std::vector<const store::Layer*> way;
    bool below = true;
    for (const store::Layer* next = &layer; next != nullptr;) {
      auto known = usable.find(next->chain);
      if (known != usable.end()) {
        below = known->second;
        break;
      }
      way.push_back(next);
      if (!next->parent) break;
      auto parent = by_chain.find(*next->parent);
      below = parent != by_chain.end();
      next = below ? parent->second : nullptr;
    }
    for (auto one = way.rbegin(); one != way.rend(); ++one) {
      below = below && store.driver().open_files((*one)->cache).ok();
      usable[(*one)->chain] = below;
    }
    if (usable[layer.chain]) found.push_back(layer);
  }
  return found;
}

Result<std::vector<store::Layer>> layers_of_image(const store::Store& store, const ImageId& image) {
  STRATA_TRY(std::string raw, store.images().read_config(image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
  std::vector<store::Layer> layers;
  for (const ChainId& chain : config.chain_ids()) {
    STRATA_TRY(bool usable, store.has_layer(chain));
    if (!usable) {
      return error(ErrorCode::kCorrupt, "image {}: layer {} is missing or damaged", image, chain);
    }
    STRATA_TRY(store::Layer layer, store.layers().read(chain).context("image {}", image));
    layers.push_back(std::move(layer));
  }
  return layers;
}

std::string layer_list_text(const std::vector<store::Layer>& layers) {
  std::string text(kHead);
  text += '\n';
  for (const store::Layer& layer : layers) text += fmt::format("{} {}\n", layer.chain, layer.diff);
  return text;
}

Result<std::set<ChainId>> parse_layer_list(std::string_view text) {
  STRATA_CHECK(check_head(next_line(text)));
  std::set<ChainId> chains;
  for (size_t number = 2; !text.empty(); ++number) {
    std::string_view line = next_line(text);
    if (line.empty() || line.starts_with('#')) continue;
    auto in_line = [&] { return fmt::format("line {} of the list of layers", number); };
    STRATA_TRY(ChainId chain, ChainId::parse(next_word(line)).context("{}", in_line()));
    STRATA_TRY([[maybe_unused]] DiffId diff,
               DiffId::parse(next_word(line)).context("{}", in_line()));
    chains.insert(chain);
  }
  return chains;
}

}  // namespace strata::archive
