// SPDX-License-Identifier: Apache-2.0
#include "oci/new_image.h"

#include <boost/json/array.hpp>

#include "oci/json.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

void add_text(json::object& to, std::string_view name, std::string_view text) {
  if (!text.empty()) to.emplace(name, text);
}

json::object history_item(const History& step) {
  json::object out;
  out.emplace("created", format_time(step.created));
  add_text(out, "created_by", step.created_by);
  add_text(out, "author", step.author);
  add_text(out, "comment", step.comment);
  if (step.empty_layer) out.emplace("empty_layer", true);
  return out;
}

json::array history_of(const NewImage& image) {
  json::array out;
  if (image.parent != nullptr) {
    for (const History& step : image.parent->history()) out.push_back(history_item(step));
  }
  History step = image.step;
  step.empty_layer = !image.layer.has_value();
  out.push_back(history_item(step));
  return out;
}

json::object rootfs_of(const NewImage& image) {
  json::array layers;
  if (image.parent != nullptr) {
    for (const DiffId& layer : image.parent->diff_ids()) layers.emplace_back(layer.to_string());
  }
  if (image.layer.has_value()) layers.emplace_back(image.layer->to_string());
  json::object out;
  out.emplace("type", "layers");
  if (!layers.empty()) out.emplace("diff_ids", std::move(layers));
  return out;
}

void add_platform(json::object& to, const NewImage& image) {
  Platform platform = image.platform;
  if (image.parent != nullptr && !image.parent->architecture().empty()) {
    platform = image.parent->platform();
  }
  to.emplace("architecture", platform.architecture);
  to.emplace("os", platform.os.empty() ? "linux" : platform.os);
  add_text(to, "variant", platform.variant);
  if (image.parent == nullptr) return;
  for (std::string_view name : {"os.features", "os.version"}) {
    const json::value* value = image.parent->json().if_contains(name);
    if (value != nullptr && !value->is_null()) to.emplace(name, *value);
  }
}

}  // namespace

std::string make_image_config(const NewImage& image) {
  json::object out;
  add_platform(out, image);
  add_text(out, "author", image.author);
  add_text(out, "comment", image.comment);
  out.emplace("config", image.config.to_json());
  add_text(out, "container", image.container);
  out.emplace("container_config", image.container_config.to_json());
  out.emplace("created", format_time(image.created));
  out.emplace("history", history_of(image));
  out.emplace("rootfs", rootfs_of(image));
  return go_json(sorted_by_name(out));
}

}  // namespace strata::oci
