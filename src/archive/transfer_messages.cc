// SPDX-License-Identifier: Apache-2.0
//   request  = {"do":"send"|"receive","images":[name...],"compression":"zstd:3"|"none","parents":bool,"sizes":bool,"digests":bool}
//   image    = {"id":imageID,"parent":imageID,"tags":["app:1"...],"digests":["app@sha256:…"...],"configBytes":n,"layerBytes":[n...]}
//   want     = [chainID...]
//   layer    = {"chainID":…,"size":n,"compression":"zstd"|"none"}
//   finished = {"images":[{"id":…,"tags":[…]}...],"moved":[{"name":…,"from":…,"to":…}...],
//              "warnings":[text...]}
// Source: docs/formats/transfer.md.
#include "archive/transfer_messages.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "oci/json.h"

namespace strata::archive {
namespace {

namespace json = boost::json;

json::array to_array(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

Result<json::object> parse_object(std::string_view text, std::string_view what) {
  STRATA_TRY(json::value value, oci::parse_json(text, what));
  if (!value.is_object()) return error(ErrorCode::kInvalid, "{}: expected an object", what);
  return std::move(value.get_object());
}

template <typename Id>
Result<Id> get_id(const json::object& object, std::string_view owner, std::string_view name) {
  STRATA_TRY(std::string text, oci::get_string(object, owner, name));
  return Id::parse(text).context("{}: {}", owner, name);
}

Result<uint64_t> get_size(const json::object& object, std::string_view owner,
                          std::string_view name) {
  STRATA_TRY(int64_t size, oci::get_int64(object, owner, name));
  if (size < 0) return error(ErrorCode::kInvalid, "{}: {} is {}", owner, name, size);
  return static_cast<uint64_t>(size);
}

// Of one image's layers.
Result<std::vector<uint64_t>> get_layer_bytes(const json::object& object) {
  STRATA_TRY(const json::array* array, oci::get_array(object, "image", "layerBytes", "array"));
  std::vector<uint64_t> sizes;
  for (const json::value& value : array != nullptr ? *array : json::array()) {
    const int64_t* size = value.if_int64();
    if (size == nullptr || *size < 0 || static_cast<uint64_t>(*size) > kMaxLayerBytes) {
      return error(ErrorCode::kInvalid, "image: layerBytes: expected sizes of layers");
    }
    sizes.push_back(static_cast<uint64_t>(*size));
  }
  return sizes;
}

Result<const json::object*> as_object(const json::value& value, std::string_view owner) {
  if (value.is_object()) return &value.get_object();
  return error(ErrorCode::kInvalid, "{}: expected objects", owner);
}

// Zstandard or nothing: what both ends have.
Result<codec::CompressionSpec> parse_wire_compression(const std::string& text) {
  STRATA_TRY(codec::CompressionSpec spec,
             codec::parse_compression_spec(text.empty() ? "none" : text));
  if (spec.kind == codec::Compression::kNone || spec.kind == codec::Compression::kZstd) return spec;
  return error(ErrorCode::kInvalid, "compression \"{}\": expected zstd or none", text);
}

}  // namespace

std::string request_text(const TransferRequest& request) {
  json::object out;
  out.emplace("do", request.send ? "send" : "receive");
  if (request.send) out.emplace("images", to_array(request.names));
  std::string compression(codec::to_string(request.compression.kind));
  if (request.compression.level) compression += fmt::format(":{}", *request.compression.level);
  out.emplace("compression", compression);
  out.emplace("parents", request.parents);
  if (request.sizes) out.emplace("sizes", true);
  if (request.digests) out.emplace("digests", true);
  return oci::go_json(out);
}

Result<TransferRequest> parse_request(std::string_view text) {
  constexpr std::string_view kOwner = "request";
  STRATA_TRY(json::object object, parse_object(text, kOwner));
  TransferRequest request;
  STRATA_TRY(std::string what, oci::get_string(object, kOwner, "do"));
  if (what != "send" && what != "receive") {
    return error(ErrorCode::kUnsupported, "request: \"{}\" is nothing that this strata does", what);
  }
  request.send = what == "send";
  STRATA_TRY(request.names, oci::get_strings(object, kOwner, "images"));
  STRATA_TRY(std::string compression, oci::get_string(object, kOwner, "compression"));
  STRATA_TRY(request.compression, parse_wire_compression(compression));
  STRATA_TRY(request.parents, oci::get_bool(object, kOwner, "parents"));
  STRATA_TRY(request.sizes, oci::get_bool(object, kOwner, "sizes"));
  STRATA_TRY(request.digests, oci::get_bool(object, kOwner, "digests"));
  return request;
}

std::string offered_text(const OfferedImage& image) {
  json::object out;
  out.emplace("id", image.id.to_string());
  if (image.parent) out.emplace("parent", image.parent->to_string());
  out.emplace("tags", to_array(image.tags));
  if (!image.digests.empty()) out.emplace("digests", to_array(image.digests));
  out.emplace("configBytes", static_cast<int64_t>(image.config_bytes));
  if (!image.layer_bytes.empty()) {
    out.emplace("layerBytes", json::array(image.layer_bytes.begin(), image.layer_bytes.end()));
  }
  return oci::go_json(out);
}

Result<OfferedImage> parse_offered(std::string_view text) {
  constexpr std::string_view kOwner = "image";
  STRATA_TRY(json::object object, parse_object(text, kOwner));
  OfferedImage image;
  STRATA_TRY(image.id, get_id<ImageId>(object, kOwner, "id"));
  if (oci::find_member(object, "parent") != nullptr) {
    STRATA_TRY(image.parent, get_id<ImageId>(object, kOwner, "parent"));
  }
  STRATA_TRY(image.tags, oci::get_strings(object, kOwner, "tags"));
  STRATA_TRY(image.digests, oci::get_strings(object, kOwner, "digests"));
  STRATA_TRY(image.config_bytes, get_size(object, kOwner, "configBytes"));
  STRATA_TRY(image.layer_bytes, get_layer_bytes(object));
  return image;
}

std::string want_text(const std::vector<ChainId>& chains) {
  json::array out;
  for (const ChainId& chain : chains) out.emplace_back(chain.to_string());
  return oci::go_json(out);
}

Result<std::vector<ChainId>> parse_want(std::string_view text) {
  STRATA_TRY(json::value value, oci::parse_json(text, "want"));
  if (!value.is_array()) return error(ErrorCode::kInvalid, "want: expected an array");
  std::vector<ChainId> chains;
  for (const json::value& one : value.get_array()) {
    if (!one.is_string()) return error(ErrorCode::kInvalid, "want: expected chainIDs");
    STRATA_TRY(ChainId chain, ChainId::parse(std::string_view(one.get_string())).context("want"));
    chains.push_back(chain);
  }
  return chains;
}

std::string layer_text(const LayerHead& layer) {
  json::object out;
  out.emplace("chainID", layer.chain.to_string());
  out.emplace("size", static_cast<int64_t>(layer.tar_bytes));
  out.emplace("compression", codec::to_string(layer.compression));
  return oci::go_json(out);
}

Result<LayerHead> parse_layer_head(std::string_view text) {
  constexpr std::string_view kOwner = "layer";
  STRATA_TRY(json::object object, parse_object(text, kOwner));
  LayerHead layer;
  STRATA_TRY(layer.chain, get_id<ChainId>(object, kOwner, "chainID"));
  STRATA_TRY(layer.tar_bytes, get_size(object, kOwner, "size"));
  STRATA_TRY(std::string compression, oci::get_string(object, kOwner, "compression"));
  STRATA_TRY(codec::CompressionSpec spec, parse_wire_compression(compression));
  layer.compression = spec.kind;
  return layer;
}

std::string finished_text(const LoadReport& report) {
  json::array images, moved;
  for (const LoadedImage& image : report.images) {
    images.push_back(json::object{{"id", image.id.to_string()}, {"tags", to_array(image.tags)}});
  }
  for (const store::MovedReference& one : report.moved) {
    moved.push_back(json::object{
        {"name", one.key}, {"from", one.from.to_string()}, {"to", one.to.to_string()}});
  }
  json::object out;
  out.emplace("images", std::move(images));
  out.emplace("moved", std::move(moved));
  out.emplace("warnings", to_array(report.warnings));
  return oci::go_json(out);
}

Result<LoadReport> parse_finished(std::string_view text) {
  constexpr std::string_view kOwner = "finished";
  STRATA_TRY(json::object object, parse_object(text, kOwner));
  LoadReport report;
  STRATA_TRY(const json::array* images, oci::get_array(object, kOwner, "images", "array"));
  for (const json::value& value : images != nullptr ? *images : json::array()) {
    STRATA_TRY(const json::object* image, as_object(value, kOwner));
    LoadedImage loaded;
    STRATA_TRY(loaded.id, get_id<ImageId>(*image, kOwner, "id"));
    STRATA_TRY(loaded.tags, oci::get_strings(*image, kOwner, "tags"));
    report.images.push_back(std::move(loaded));
  }
  STRATA_TRY(const json::array* moved, oci::get_array(object, kOwner, "moved", "array"));
  for (const json::value& value : moved != nullptr ? *moved : json::array()) {
    STRATA_TRY(const json::object* one, as_object(value, kOwner));
    store::MovedReference reference;
    STRATA_TRY(reference.key, oci::get_string(*one, kOwner, "name"));
    STRATA_TRY(reference.from, get_id<ImageId>(*one, kOwner, "from"));
    STRATA_TRY(reference.to, get_id<ImageId>(*one, kOwner, "to"));
    report.moved.push_back(std::move(reference));
  }
  STRATA_TRY(report.warnings, oci::get_strings(object, kOwner, "warnings"));
  return report;
}

}  // namespace strata::archive
