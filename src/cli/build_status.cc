// SPDX-License-Identifier: Apache-2.0
// Form:
//   line    = object "\n"                     one for each thing that happens, with one of these members
//   object  = {"vertexes":[vertex ...]} | {"statuses":[status ...]} | {"logs":[log ...]} | {"warnings":[warning ...]}
//   vertex  = {"digest":,"inputs":[digest ...],"name":,"started":,"completed":,"cached":true,"error":}
//             a step; it comes again with what has changed. What is empty or not known yet is left out
//   status  = {"id":,"vertex":digest,"current":0,"timestamp":,"started":,"completed":}     a part of a step
//   log     = {"vertex":digest,"stream":1|2,"data":base64,"timestamp":}
//   warning = {"vertex":digest,"level":1,"short":base64}
// The digest names a step within one build. Times are RFC 3339 with nanoseconds, in UTC.
// Source:  BuildKit's client/graph.go (SolveStatus); what buildx 0.29 prints.
#include "cli/build_status.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "hash/digest.h"
#include "oci/json.h"
#include "oci/reference.h"
#include "tar/base64.h"

namespace strata::cli {
namespace json = boost::json;
namespace {

json::object status_of(const std::string& vertex, std::string_view id, const oci::Time& time) {
  const std::string at = oci::format_time(time);
  return {{"id", id},        {"vertex", vertex}, {"current", 0},
          {"timestamp", at}, {"started", at},    {"completed", at}};
}

}  // namespace

void BuildStatus::stages_planned(const std::vector<StagePlan>& stages) {
  auto locked = stages_.lock();
  for (const StagePlan& plan : stages) {
    Stage& stage = (*locked)[plan.index];
    stage.steps = plan.steps;
    if (!plan.name.empty()) {
      stage.name = plan.name + " ";
    } else if (stages.size() > 1) {
      stage.name = fmt::format("stage-{} ", plan.index);
    }
  }
}

void BuildStatus::step_begun(size_t index, size_t, size_t, std::string_view original) {
  auto locked = stages_.lock();
  Stage& stage = (*locked)[index];
  end_step(stage, {});
  ++stage.begun;
  const std::string of = std::to_string(stage.steps);
  const std::string name =
      fmt::format("[{}{:>{}}/{}] {}", stage.name, stage.begun, of.size(), of, original);
  const std::string digest = Digest::of(fmt::format("{}\n{}", index, name)).to_string();
  stage.open = Vertex{digest, stage.last, name, oci::current_time()};
  stage.last = digest;
  print("vertexes", {value_of(*stage.open)});
}

void BuildStatus::step_cached(size_t stage, const ImageId&) {
  auto locked = stages_.lock();
  end_step((*locked)[stage], {.cached = true});
}

void BuildStatus::step_done(size_t stage, const ImageId&) {
  auto locked = stages_.lock();
  end_step((*locked)[stage], {});
}

void BuildStatus::step_failed(size_t stage, std::string_view why) {
  auto locked = stages_.lock();
  end_step((*locked)[stage], {.error = why});
}

void BuildStatus::output(size_t stage, Stream stream, std::string_view bytes) {
  auto locked = stages_.lock();
  log((*locked)[stage], stream, bytes);
}

void BuildStatus::note(size_t stage, std::string_view line) {
  auto locked = stages_.lock();
  log((*locked)[stage], Stream::kOut, fmt::format("{}\n", line));
}

void BuildStatus::warn(size_t stage, std::string_view line) {
  auto locked = stages_.lock();
  print("warnings", {{{"vertex", (*locked)[stage].last},
                      {"level", 1},
                      {"short", tar::to_base64(as_bytes(line))}}});
}

void BuildStatus::stage_ended(size_t stage) {
  auto locked = stages_.lock();
  end_step((*locked)[stage], {});
}

void BuildStatus::after_stages(std::string_view line) {
  auto locked = stages_.lock();
  const Vertex vertex{Digest::of(line).to_string(), {}, std::string(line), oci::current_time()};
  end(vertex, {});
}

void BuildStatus::image_built(const ImageId& image, const std::vector<std::string>& tags) {
  auto locked = stages_.lock();
  const std::string name = "exporting to image";
  const Vertex vertex{Digest::of(name).to_string(), {}, name, oci::current_time()};
  print("vertexes", {value_of(vertex)});
  std::vector<json::object> parts;
  parts.push_back(status_of(vertex.digest, fmt::format("writing image {}", image), vertex.started));
  for (const std::string& tag : tags) {
    const Result<oci::Reference> reference = oci::Reference::parse(tag);
    parts.push_back(status_of(
        vertex.digest, fmt::format("naming to {}", reference.ok() ? reference->full_string() : tag),
        vertex.started));
  }
  print("statuses", parts);
  end(vertex, {});
}

json::object BuildStatus::value_of(const Vertex& vertex) {
  json::object value{{"digest", vertex.digest}};
  if (!vertex.input.empty()) value.emplace("inputs", json::array{json::string(vertex.input)});
  value.emplace("name", vertex.name);
  value.emplace("started", oci::format_time(vertex.started));
  return value;
}

void BuildStatus::end(const Vertex& vertex, const Ending& ending) {
  json::object value = value_of(vertex);
  value.emplace("completed", oci::format_time(oci::current_time()));
  if (ending.cached) value.emplace("cached", true);
  if (!ending.error.empty()) value.emplace("error", ending.error);
  print("vertexes", {value});
}

void BuildStatus::end_step(Stage& stage, const Ending& ending) {
  if (stage.open.has_value()) end(*stage.open, ending);
  stage.open.reset();
}

void BuildStatus::log(const Stage& stage, Stream stream, std::string_view bytes) {
  print("logs", {{{"vertex", stage.last},
                  {"stream", stream == Stream::kErr ? 2 : 1},
                  {"data", tar::to_base64(as_bytes(bytes))},
                  {"timestamp", oci::format_time(oci::current_time())}}});
}

void BuildStatus::print(std::string_view member, const std::vector<json::object>& values) {
  json::array array;
  for (const json::object& value : values) array.push_back(value);
  out_.print(oci::go_json(json::object{{member, std::move(array)}}) + "\n");
  // What does not arrive is told when the program ends.
  [[maybe_unused]] Status flushed = out_.flush();
}

}  // namespace strata::cli
