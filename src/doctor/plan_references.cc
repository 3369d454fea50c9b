// SPDX-License-Identifier: Apache-2.0
// repositories.json. One file, so one remedy: what leads nowhere goes, what was lost is put together from who remembers it.
#include <algorithm>

#include "doctor/planning.h"
#include "doctor/recover_names.h"
#include "oci/reference.h"
#include "store/references.h"

namespace strata::doctor {
namespace {

constexpr size_t kNamedMax = 8;

bool is_key(const std::string& key) {
  Result<oci::Reference> parsed = oci::Reference::parse(key);
  return parsed.ok() && !parsed->is_name_only() && parsed->store_key() == key;
}

void remember(const std::string& text, const std::string& from, std::vector<NamedImage>& all) {
  for (const auto& [key, value] : whole_pairs(text)) {
    Result<ImageId> image = ImageId::parse(value);
    if (image.ok()) all.push_back({key, *image, from});
  }
}

// Everybody who remembers names, the most trustworthy first.
std::vector<NamedImage> memories(Planning& p, const std::string& path) {
  std::vector<NamedImage> all;
  remember(p.survey.repositories.text, "what is left of the file", all);
  remember(p.evidence.temporary_of(path).value_or(""),
           "a temporary file that a dockerd was writing", all);
  for (const NamedImage& name : p.evidence.remembered_names()) all.push_back(name);
  for (const auto& [id, container] : p.survey.containers) {
    Result<ImageId> image = ImageId::parse(container.image);
    Result<oci::Reference> name = oci::Reference::parse(container.image_name);
    const bool by_id = name.ok() && container.image.find(container.image_name) != std::string::npos;
    if (!image.ok() || !name.ok() || by_id) continue;
    const std::string title = container.title.empty() ? id.substr(0, 12) : container.title;
    all.push_back({name->with_default_tag().store_key(), *image, "container " + title});
  }
  return all;
}

// What can be said of images that have no name any more.
std::string nameless_text(Planning& p, const store::References& references) {
  std::vector<std::string> lines;
  size_t count = 0;
  for (const auto& [name, config] : p.survey.configs) {
    if (!config.image || !p.has_image(*config.image)) continue;
    if (!references.of_image(*config.image).empty()) continue;
    std::vector<std::string> repositories = config.diffs.empty()
                                                ? std::vector<std::string>()
                                                : p.evidence.repositories_of(config.diffs);
    ++count;
    if (repositories.empty() || lines.size() >= kNamedMax) continue;
    lines.push_back(fmt::format("{} was in {}, under a tag that nobody remembers",
                                name.substr(0, 12), fmt::join(repositories, ", ")));
  }
  if (count == 0) return "";
  std::string text =
      fmt::format("; {} images have no name, among them perhaps steps of builds", count);
  for (const std::string& line : lines) text += "; " + line;
  return text;
}

void rebuild_file(Planning& p, std::vector<Finding> findings, const std::string& path) {
  store::References references;
  std::vector<std::string> told;
  for (const NamedImage& name : memories(p, path)) {
    if (!is_key(name.key) || !p.has_image(name.image) || references.find(name.key)) continue;
    references.set(name.key, name.image);
    told.push_back(fmt::format("{} from {}", name.key, name.learnt_from));
  }
  std::string reason = told.empty()
                           ? "no name is remembered anywhere: images are found by their IDs"
                           : fmt::format("{}", fmt::join(told, ", "));
  reason += nameless_text(p, references);
  Remedy& remedy =
      p.add(findings.front(), {WriteFile{path, references.to_json(), 0600}}, std::move(reason));
  remedy.findings = std::move(findings);
}

// True when the image comes back, so that the reference can stay.
bool bring_back(Planning& p, const Finding& finding, const ImageId& image) {
  const std::string about = "image " + image.hex();
  if (!p.restored_images.contains(image)) {
    std::string copy = p.evidence.config_copy(image);
    if (copy.empty()) return false;
    p.restored_images.insert(image);
    p.add(finding, {RestoreConfig{image}}, "from " + copy, about);
    return true;
  }
  if (Remedy* known = p.about(about)) known->findings.push_back(finding);
  return true;
}

// What becomes of repositories.json when some entries cannot stay.
class Pruning {
 public:
  Pruning(Planning& p, const store::References& references, std::vector<Finding> findings)
      : p_(p), before_(references), after_(references) {
    for (Finding& finding : findings) findings_.emplace(finding.subject, std::move(finding));
  }

  void run(const std::string& path) {
    for (const auto& [repository, entries] : before_.repositories()) {
      for (const auto& [key, image] : entries) judge(repository, key, image);
    }
    if (keys_.empty()) return;
    Remedy& remedy = p_.add(dropped_.front(), {WriteFile{path, after_.to_json(), 0600}},
                            fmt::format("without {}; a place that has the image (--from) "
                                        "saves the name",
                                        fmt::join(keys_, ", ")));
    remedy.findings = std::move(dropped_);
  }

 private:
  void judge(const std::string& repository, const std::string& key, const std::string& text) {
    Result<ImageId> image = ImageId::parse(text);
    if (image.ok() && p_.lost_images.contains(*image)) {
      return drop(repository, key, text, p_.about("image " + image->hex())->findings.front());
    }
    auto finding = findings_.find(key);
    if (finding == findings_.end()) return;
    const bool at_home = store::repository_of(key) == repository && oci::Reference::parse(key).ok();
    if (!image.ok() || !at_home) {
      drop(repository, key, text, finding->second);
      // Under the wrong repository it still says something, if key and image are sound.
      if (image.ok() && is_key(key) && p_.has_image(*image) && !after_.find(key)) {
        after_.set(key, *image);
      }
    } else if (!p_.has_image(*image) && !bring_back(p_, finding->second, *image)) {
      if (p_.survey.emptied.contains(p_.survey.config_folder())) {
        p_.leave(finding->second, "the configs of all images are gone");
        return;
      }
      p_.plan.gives_up_images = true;
      drop(repository, key, text, finding->second);
    }
  }

  void drop(const std::string& repository, const std::string& key, const std::string& image,
            const Finding& finding) {
    after_.remove_in(repository, key);
    keys_.push_back(fmt::format("{} ({})", key, image));
    dropped_.push_back(finding);
  }

  Planning& p_;
  const store::References& before_;
  store::References after_;
  std::map<std::string, Finding> findings_;  // by key
  std::vector<Finding> dropped_;
  std::vector<std::string> keys_;
};

}  // namespace

void plan_references(Planning& p) {
  const std::string path = p.survey.image_folder() + "/repositories.json";
  std::vector<Finding> damaged = p.take({Kind::kReferencesDamaged});
  if (!damaged.empty()) return rebuild_file(p, std::move(damaged), path);
  Result<store::References> references = store::References::parse(p.survey.repositories.text);
  if (!references.ok()) return;
  Pruning(p, *references, p.take({Kind::kReferenceDangling, Kind::kReferenceInvalid})).run(path);
}

}  // namespace strata::doctor
