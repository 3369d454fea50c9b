// SPDX-License-Identifier: Apache-2.0
#include "cli/build_cache_options.h"

#include <charconv>

#include "cli/key_values.h"
#include "oci/reference.h"

namespace strata::cli {
namespace {

// The fields of one option, as they are taken: what is left over is an error.
class Fields {
 public:
  Fields(std::string_view option, const std::string& text) : option_(option), text_(text) {
    for (const auto& [key, value] : key_values(text)) fields_[key] = value;
  }

  std::string take(const std::string& key) {
    auto found = fields_.find(key);
    if (found == fields_.end()) return {};
    std::string value = std::move(found->second);
    fields_.erase(found);
    return value;
  }
  Result<bool> take_bool(const std::string& key, bool otherwise) {
    const std::string value = take(key);
    if (value.empty()) return otherwise;
    if (value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    return wrong(ErrorCode::kInvalid, "{} is \"{}\", expected true or false", key, value);
  }
  Status check_none_left() const {
    if (fields_.empty()) return {};
    return wrong(ErrorCode::kInvalid, "unexpected key '{}'", fields_.begin()->first);
  }
  template <typename... Args>
  Error wrong(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) const {
    return error(code, "{} {}: {}", option_, text_,
                 fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  const std::string_view option_;
  const std::string& text_;
  std::map<std::string, std::string> fields_;
};

Result<build::CachePlace> named(Fields& fields, const std::string& text, const std::string& name) {
  if (name.empty()) return fields.wrong(ErrorCode::kInvalid, "ref is missing");
  Result<oci::Reference> reference = oci::Reference::parse(name);
  if (!reference.ok()) {
    return fields.wrong(ErrorCode::kInvalid, "{}", reference.error().message());
  }
  build::CachePlace place;
  place.text = text;
  place.name = name;
  return place;
}

// `folder_key`: src or dest.
Result<build::CachePlace> take_place(Fields& fields, const std::string& text,
                                     const std::string& folder_key) {
  if (text.find('=') == text.npos) {
    fields.take(text);
    return named(fields, text, text);
  }
  const std::string type = fields.take("type");
  if (type == "registry") return named(fields, text, fields.take("ref"));
  if (type != "local") {
    return fields.wrong(ErrorCode::kUnsupported, "type is \"{}\", expected registry, local{}", type,
                        folder_key == "dest" ? " or inline" : "");
  }
  build::CachePlace place;
  place.text = text;
  place.folder = fields.take(folder_key);
  if (std::string tag = fields.take("tag"); !tag.empty()) place.tag = std::move(tag);
  if (!place.folder.empty()) return place;
  return fields.wrong(ErrorCode::kInvalid, "{} is missing", folder_key);
}

Status take_compression(Fields& fields, build::CacheTarget& target) {
  std::string kind = fields.take("compression");
  const std::string level = fields.take("compression-level");
  STRATA_TRY(target.force_compression, fields.take_bool("force-compression", false));
  if (kind.empty() && level.empty()) return {};
  if (kind.empty()) kind = "gzip";
  if (kind == "uncompressed") kind = "none";
  Result<codec::CompressionSpec> spec =
      codec::parse_compression_spec(level.empty() ? kind : kind + ":" + level);
  if (!spec.ok()) return fields.wrong(ErrorCode::kInvalid, "{}", spec.error().message());
  target.compression = *spec;
  return {};
}

}  // namespace

Result<build::CachePlace> parse_cache_source(const std::string& text) {
  Fields fields("--cache-from", text);
  STRATA_TRY(build::CachePlace place, take_place(fields, text, "src"));
  STRATA_CHECK(fields.check_none_left());
  return place;
}

Result<std::optional<build::CacheTarget>> parse_cache_target(const std::string& text) {
  Fields fields("--cache-to", text);
  if (text == "inline" || text == "type=inline") return std::optional<build::CacheTarget>();
  build::CacheTarget target;
  STRATA_TRY(target.place, take_place(fields, text, "dest"));
  const std::string mode = fields.take("mode");
  if (!mode.empty() && mode != "min" && mode != "max") {
    return fields.wrong(ErrorCode::kInvalid, "mode is \"{}\", expected min or max", mode);
  }
  target.all_stages = mode == "max";
  STRATA_TRY(target.ignore_error, fields.take_bool("ignore-error", false));
  STRATA_CHECK(take_compression(fields, target));
  // What the manifest is anyway.
  for (const char* key : {"oci-mediatypes", "image-manifest"}) {
    STRATA_TRY(const bool wanted, fields.take_bool(key, true));
    if (!wanted) return fields.wrong(ErrorCode::kUnsupported, "{} cannot be false here", key);
  }
  STRATA_CHECK(fields.check_none_left());
  return std::optional(std::move(target));
}

}  // namespace strata::cli
