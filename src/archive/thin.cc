// SPDX-License-Identifier: Apache-2.0
//   strata.json = {"formatVersion":1,"leftOut":[layer *( "," layer )]} LF
//   layer       = {"chainID":"sha256:…","diffID":"sha256:…","size":<bytes of its tar>}
// Members that we do not know are ignored. dockerd, skopeo and podman do not look at the file.
// Source: docs/formats/archives.md, "Thin archives".
#include "archive/thin.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <set>

#include "base/timer.h"
#include "driver/layer_reader.h"
#include "oci/json.h"

namespace strata::archive {
namespace {

namespace json = boost::json;

constexpr int64_t kVersion = 1;
constexpr size_t kMaxNamed = 20;  // of missing layers in a message

Result<LeftOutLayer> parse_layer(const json::value& value) {
  if (!value.is_object()) return error(ErrorCode::kInvalid, "leftOut: expected objects");
  const json::object& object = value.get_object();
  STRATA_TRY(std::string chain, oci::get_string(object, "leftOut", "chainID"));
  STRATA_TRY(std::string diff, oci::get_string(object, "leftOut", "diffID"));
  STRATA_TRY(int64_t size, oci::get_int64(object, "leftOut", "size"));
  if (size < 0) return error(ErrorCode::kInvalid, "leftOut: size is {}", size);
  LeftOutLayer layer;
  STRATA_TRY(layer.chain, ChainId::parse(chain));
  STRATA_TRY(layer.diff, DiffId::parse(diff));
  layer.tar_bytes = static_cast<uint64_t>(size);
  return layer;
}

// A layer that neither the archive nor the store has, and an image that needs it.
struct MissingLayer {
  PlannedLayer layer;
  ImageId image;
};

Error missing_error(const std::vector<MissingLayer>& missing, const store::Store& store) {
  std::string names;
  for (size_t i = 0; i < missing.size() && i < kMaxNamed; ++i) {
    names += fmt::format("\n  {} (chain {}) of image {}", missing[i].layer.diff,
                         missing[i].layer.chain, missing[i].image);
  }
  if (missing.size() > kMaxNamed)
    names += fmt::format("\n  and {} more", missing.size() - kMaxNamed);
  return error(ErrorCode::kNotFound,
               "the archive was saved without layers that its receiver should have, and {} of them "
               "{} not in {}:{}\nLoad an image that has them first, or save the archive again for "
               "this root: with --have and a list by \"strata layers --export\", or in full",
               missing.size(), missing.size() == 1 ? "is" : "are", store.root_path(), names);
}

}  // namespace

std::string thin_record_text(const std::vector<LeftOutLayer>& layers) {
  json::array left_out;
  for (const LeftOutLayer& layer : layers) {
    json::object one;
    one.emplace("chainID", layer.chain.to_string());
    one.emplace("diffID", layer.diff.to_string());
    one.emplace("size", static_cast<int64_t>(layer.tar_bytes));
    left_out.push_back(std::move(one));
  }
  json::object record;
  record.emplace("formatVersion", kVersion);
  record.emplace("leftOut", std::move(left_out));
  return oci::go_json(record) + "\n";
}

Result<std::vector<LeftOutLayer>> parse_thin_record(std::string_view text) {
  STRATA_TRY(json::value value, oci::parse_json(text));
  if (!value.is_object()) return error(ErrorCode::kInvalid, "expected an object");
  const json::object& record = value.get_object();
  STRATA_TRY(int64_t version, oci::get_int64(record, "strata.json", "formatVersion"));
  if (version != kVersion) {
    return error(ErrorCode::kUnsupported, "formatVersion {}; this strata knows version {}", version,
                 kVersion);
  }
  STRATA_TRY(const json::array* layers, oci::get_array(record, "strata.json", "leftOut", "array"));
  std::vector<LeftOutLayer> found;
  if (layers == nullptr) return found;
  for (const json::value& one : *layers) {
    STRATA_TRY(LeftOutLayer layer, parse_layer(one));
    found.push_back(layer);
  }
  return found;
}

std::vector<LeftOutLayer> leave_out(SavePlan& plan, const ReceiverLayers& receiver) {
  std::vector<LeftOutLayer> left_out;
  std::set<ChainId> seen;
  for (SaveImage& image : plan.images) {
    for (SaveLayer& layer : image.layers) {
      layer.left_out = receiver.has(layer.record.chain);
      if (!layer.left_out || !seen.insert(layer.record.chain).second) continue;
      left_out.push_back({layer.record.chain, layer.record.diff, layer.tar_bytes});
    }
  }
  return left_out;
}

uint64_t bytes_left_out(const SavePlan& plan) {
  std::map<DiffId, uint64_t> gone;
  std::set<DiffId> written;  // on other parents, which the receiver does not have
  for (const SaveImage& image : plan.images) {
    for (const SaveLayer& layer : image.layers) {
      if (!layer.left_out) written.insert(layer.record.diff);
      gone[layer.record.diff] = layer.tar_bytes;
    }
  }
  uint64_t total = 0;
  for (const auto& [diff, bytes] : gone) total += written.contains(diff) ? 0 : bytes;
  return total;
}

Result<std::vector<ChainId>> take_left_out_layers(const LoadPlan& plan, const Contents& contents,
                                                  const store::Store& store,
                                                  store::Transaction& txn) {
  bool thin = contents.has(kThinFile);
  if (thin) {
    STRATA_TRY(std::string text, contents.read_file(kThinFile));
    STRATA_TRY([[maybe_unused]] std::vector<LeftOutLayer> record,
               parse_thin_record(text).context(kThinFile));
  }
  std::vector<ChainId> taken;
  std::vector<MissingLayer> missing;
  std::set<ChainId> seen;
  for (const PlannedImage& image : plan.images) {
    for (const PlannedLayer& layer : image.layers) {
      if (plan.unpacked.contains(layer.file) || contents.has(layer.file)) continue;
      if (!seen.insert(layer.chain).second) continue;
      STRATA_TRY(bool here, store.has_layer(layer.chain));
      if (here) taken.push_back(layer.chain);
      if (!here) missing.push_back({layer, image.config.id()});
    }
  }
  if (thin && !missing.empty()) return missing_error(missing, store);
  STRATA_CHECK(txn.hold_layers(taken));
  return taken;
}

Status verify_layers(const std::vector<ChainId>& chains, const store::Store& store, Pool& pool,
                     BufferPool& buffers) {
  Timer timer("verify layers of the store");
  return run_in_lanes(pool.jobs(), chains.size(), [&](size_t i) -> Status {
    STRATA_TRY(store::Layer layer, store.layers().read(chains[i]));
    auto read = [&]() -> Status {
      STRATA_TRY(Fd files, store.driver().open_files(layer.cache));
      STRATA_TRY(Fd split, store.layers().open_tar_split(layer.chain));
      return driver::verify_layer({&files, &split}, layer.diff, buffers, pool);
    };
    return read().context("layer {} (folder {}) of {}, which the archive relies on", layer.diff,
                          layer.cache, store.root_path());
  });
}

}  // namespace strata::archive
