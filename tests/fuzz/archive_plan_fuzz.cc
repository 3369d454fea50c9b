// SPDX-License-Identifier: Apache-2.0
// The texts of an archive, from which load plans: manifest.json and configs, or an OCI layout. The input is
// NAME NUL CONTENT NUL, again and again; a blob may be named by its digest ("@": blobs/sha256/ and the digest of
// what follows). Oracles: every planned image is the digest of its config, has as many layers as that names,
// and chainIDs that are computed here anew; the same texts give the same plan.
#include <map>

#include "archive/load_plan.h"
#include "base/fuzz_oracle.h"

namespace {

using namespace strata;
using fuzz::check;

class TextsInMemory final : public archive::Contents {
 public:
  explicit TextsInMemory(std::string_view text) {
    while (!text.empty()) {
      std::string name(cut(text));
      std::string content(cut(text));
      if (name == "@") name = "blobs/sha256/" + Digest::of(content).hex();
      files_[name] = std::move(content);
    }
  }
  bool has(const std::string& name) const override { return files_.contains(name); }
  Result<archive::OpenedFile> open(const std::string& name) const override {
    auto found = files_.find(name);
    if (found == files_.end()) return error(ErrorCode::kNotFound, "open {}: none", name);
    return archive::OpenedFile{std::make_unique<SpanSource>(as_bytes(found->second)),
                               found->second.size()};
  }
  Result<std::vector<std::string>> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, content] : files_) all.push_back(name);
    return all;
  }

 private:
  static std::string_view cut(std::string_view& text) {
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
  }
  std::map<std::string, std::string> files_;
};

void check_image(const archive::PlannedImage& image) {
  check(image.config.id() == ImageId(Digest::of(image.config.raw())),
        "an ID is the config's digest");
  check(image.layers.size() == image.config.diff_ids().size(), "a layer for each diffID");
  std::optional<ChainId> below;
  for (size_t i = 0; i < image.layers.size(); ++i) {
    const archive::PlannedLayer& layer = image.layers[i];
    check(layer.diff == image.config.diff_ids()[i], "diffIDs in the config's order");
    below = chain_id(below ? &*below : nullptr, layer.diff);
    check(layer.chain == *below, "a chainID is that of the diffIDs");
  }
  for (const oci::Reference& tag : image.tags) {
    auto again = oci::Reference::parse(tag.familiar_string());
    check(!tag.tag().empty() && again.ok(), "a tag is a name");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const TextsInMemory texts(fuzz::input_text(data, size));
  Result<archive::LoadPlan> plan = archive::plan_described_images(texts, {});
  Result<archive::LoadPlan> again = archive::plan_described_images(texts, {});
  check(plan.ok() == again.ok(), "the same texts, the same plan");
  if (!plan.ok()) check(plan.error().message() == again.error().message(), "or the same error");
  if (!plan.ok()) return 0;
  check(plan->images.size() == again->images.size(), "the same images");
  for (const archive::PlannedImage& image : plan->images) check_image(image);
  return 0;
}
