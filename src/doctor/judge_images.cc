// SPDX-License-Identifier: Apache-2.0
// References, configs, and what is known about images besides.
// Source: FORMATS sections 1.2 and 1.4; image/fs.go and image/store.go of dockerd 20.10 for what it takes.
#include <algorithm>

#include "doctor/check.h"
#include "doctor/judges.h"
#include "oci/go_time.h"
#include "oci/json.h"
#include "oci/reference.h"

namespace strata::doctor {
namespace {

// dockerd reads one value into a map of maps of texts, and looks at nothing behind it.
bool dockerd_takes(const std::string& json) {
  Result<boost::json::value> value = oci::parse_json(json, {}, oci::JsonEnd::kStream);
  if (!value.ok() || !value->is_object()) return false;
  const boost::json::value* all = oci::find_member(value->get_object(), "Repositories");
  if (all == nullptr) return true;
  if (!all->is_object()) return false;
  for (const auto& [name, keys] : all->get_object()) {
    if (keys.is_null()) continue;
    if (!keys.is_object()) return false;
    for (const auto& [key, image] : keys.get_object()) {
      if (!image.is_string() && !image.is_null()) return false;
    }
  }
  return true;
}

void judge_reference_file(const Survey& survey, std::vector<Finding>& findings) {
  const SmallFile& file = survey.repositories;
  Finding finding{.kind = Kind::kReferencesDamaged,
                  .severity = Severity::kFatal,
                  .path = survey.image_folder() + "/repositories.json"};
  finding.expected = R"({"Repositories":{…}})";
  if (!file.there()) {
    if (file.state == SmallFile::State::kMissing) {
      // dockerd makes an empty one; the images are still there, but nothing has a name.
      if (survey.configs.empty()) return;
      finding.severity = Severity::kWarning;
    }
    finding.found = text_of(file);
    findings.push_back(std::move(finding));
    return;
  }
  if (trimmed(file.text) == "null") {
    finding.found = "null";
    findings.push_back(std::move(finding));
    return;
  }
  Result<store::References> parsed = store::References::parse(file.text);
  if (parsed.ok()) return;
  finding.found = file.text.empty() ? "0 bytes" : parsed.error().message();
  if (dockerd_takes(file.text)) finding.severity = Severity::kError;
  findings.push_back(std::move(finding));
}

// Whether dockerd would find it under this key again.
std::string trouble_of_key(const std::string& repository, const std::string& key,
                           const std::string& image) {
  if (!ImageId::parse(image).ok()) return "leads to " + in_quotes(image) + ", which is no image ID";
  Result<oci::Reference> reference = oci::Reference::parse(key);
  if (!reference.ok()) return reference.error().message();
  if (store::repository_of(key) != repository) return "stands under " + in_quotes(repository);
  return "";
}

// What can be said of a config that is not what its name says.
Finding config_finding(const Graph& graph, const ConfigRecord& config) {
  const bool is_digest = config.found && *config.found == config.image->digest();
  Finding finding{.kind = is_digest ? Kind::kConfigInvalid : Kind::kConfigDamaged,
                  .severity = Severity::kError,
                  .path = graph.survey().config_folder() + "/" + config.name,
                  .subject = config.image->to_string()};
  finding.expected =
      is_digest ? "an image config" : "a config whose digest is " + config.image->to_string();
  if (config.found && config.bytes == 0) {
    finding.found = "0 bytes";
  } else if (is_digest || !config.found) {
    finding.found = config.trouble;
  } else {
    finding.found = fmt::format("{} bytes with the digest {}", config.bytes, *config.found);
  }
  finding.affected = graph.titles_of_image(config.name);
  for (const auto& [id, container] : graph.survey().containers) {
    if (container.image == finding.subject) {
      finding.affected.push_back(graph.title_of_container(id));
    }
  }
  std::sort(finding.affected.begin(), finding.affected.end());
  return finding;
}

// A layer that images have, and of which there is no record.
Finding missing_layer(const Graph& graph, const ChainId& chain, const Graph::Wanted& layer) {
  Finding finding{.kind = Kind::kImageLayerMissing,
                  .severity = Severity::kError,
                  .path = graph.survey().layer_folder() + "/" + chain.hex(),
                  .subject = chain.to_string()};
  finding.expected = fmt::format("the record of layer {}{}", layer.diff,
                                 layer.parent ? fmt::format(" on {}", *layer.parent) : "");
  if (std::optional<std::string> folder = graph.lost_folder(chain)) {
    finding.expected += fmt::format(", with its files in {}/{}", graph.survey().home(), *folder);
  }
  finding.found = "missing";
  finding.affected = graph.affected_by(chain);
  return finding;
}

class MetadataJudge {
 public:
  MetadataJudge(const Graph& graph, std::vector<Finding>& findings)
      : graph_(graph), findings_(findings) {}

  void judge(const MetadataRecord& record) {
    const Survey& survey = graph_.survey();
    Result<ImageId> image = ImageId::parse_hex(record.name);
    if (!image.ok()) return;  // no image's; see leftovers
    image_ = record.name;
    path_ = survey.metadata_folder() + "/" + record.name;
    if (!record.trouble.empty()) {
      add(Kind::kMetadataDamaged, "", "a folder", record.trouble);
      return;
    }
    if (!survey.configs.contains(record.name)) {
      if (survey.unreadable.contains(survey.config_folder())) return;
      add(Kind::kMetadataOrphaned, "", "", "what is known about an image that is not there",
          Severity::kNote);
      return;
    }
    judge_parent(record.parent);
    judge_time(record.last_updated);
    if (record.built_locally.state == SmallFile::State::kUnreadable) {
      add(Kind::kMetadataDamaged, "/builtLocally", "one byte", record.built_locally.trouble);
    }
  }

 private:
  void judge_parent(const SmallFile& file) {
    if (file.state == SmallFile::State::kMissing) return;
    Result<ImageId> parent = ImageId::parse(file.text);
    if (!file.there() || !parent.ok()) {
      // dockerd does not trim it.
      Result<ImageId> meant = ImageId::parse(trimmed(file.text));
      add(Kind::kParentDamaged, "/parent", meant.ok() ? meant->to_string() : "the ID of an image",
          text_of(file));
    } else if (!graph_.survey().configs.contains(parent->hex())) {
      add(Kind::kParentDangling, "/parent", "", parent->to_string() + ", which is not there");
    }
  }

  void judge_time(const SmallFile& file) {
    if (file.state == SmallFile::State::kMissing) return;
    if (file.there() && oci::parse_time(file.text).ok()) return;
    add(Kind::kMetadataDamaged, "/lastUpdated", "the time of the last tag, RFC 3339",
        text_of(file));
  }

  void add(Kind kind, std::string_view file, std::string expected, std::string found,
           Severity severity = Severity::kWarning) {
    Finding finding{.kind = kind,
                    .severity = severity,
                    .path = path_ + std::string(file),
                    .subject = "sha256:" + image_};
    finding.expected = std::move(expected);
    finding.found = std::move(found);
    if (severity != Severity::kNote) finding.affected = graph_.titles_of_image(image_);
    findings_.push_back(std::move(finding));
  }

  const Graph& graph_;
  std::vector<Finding>& findings_;
  std::string image_, path_;
};

}  // namespace

std::vector<Finding> judge_references(const Graph& graph) {
  const Survey& survey = graph.survey();
  std::vector<Finding> findings;
  judge_reference_file(survey, findings);
  const bool images_known = !survey.unreadable.contains(survey.config_folder());
  for (const auto& [repository, keys] : graph.references().repositories()) {
    for (const auto& [key, image] : keys) {
      Finding finding{.path = survey.image_folder() + "/repositories.json", .subject = key};
      finding.found = trouble_of_key(repository, key, image);
      if (!finding.found.empty()) {
        finding.kind = Kind::kReferenceInvalid;
        finding.severity = Severity::kWarning;
        finding.expected = "a reference, under the name of its repository, with an image ID";
      } else if (images_known && !survey.configs.contains(image.substr(image.find(':') + 1))) {
        finding.kind = Kind::kReferenceDangling;
        finding.severity = Severity::kError;
        finding.expected = "an image " + image;
        finding.found = "no such image";
        finding.affected = {key};
      } else {
        continue;
      }
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

std::vector<Finding> judge_images(const Graph& graph) {
  const Survey& survey = graph.survey();
  std::vector<Finding> findings;
  for (const auto& [name, config] : survey.configs) {
    if (!config.image) continue;
    const bool is_sound =
        config.found && *config.found == config.image->digest() && config.trouble.empty();
    if (!is_sound) findings.push_back(config_finding(graph, config));
  }
  if (!survey.unreadable.contains(survey.layer_folder())) {
    for (const auto& [chain, layer] : graph.wanted()) {
      if (survey.layers.contains(chain.hex())) continue;
      findings.push_back(missing_layer(graph, chain, layer));
    }
  }
  MetadataJudge metadata(graph, findings);
  for (const auto& [name, record] : survey.metadata) metadata.judge(record);
  return findings;
}

std::vector<Finding> judge_references(const Survey& survey) {
  return judge_references(Graph(survey));
}
std::vector<Finding> judge_images(const Survey& survey) { return judge_images(Graph(survey)); }

}  // namespace strata::doctor
