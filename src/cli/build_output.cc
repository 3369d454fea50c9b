// SPDX-License-Identifier: Apache-2.0
#include "cli/build_output.h"

#include "archive/save.h"
#include "build/export_tree.h"
#include "cli/container_values.h"
#include "cli/push_display.h"
#include "oci/go_text.h"
#include "oci/reference.h"
#include "registry/copy.h"
#include "registry/push.h"

namespace strata::cli {
namespace {

struct TypeName {
  std::string_view name;
  BuildOutput::Type type;
};
constexpr TypeName kTypes[] = {
    {"image", BuildOutput::Type::kImage},   {"registry", BuildOutput::Type::kImage},
    {"docker", BuildOutput::Type::kDocker}, {"oci", BuildOutput::Type::kOci},
    {"tar", BuildOutput::Type::kTar},       {"local", BuildOutput::Type::kLocal}};

// The texts of an option, before they are put together.
struct Attributes {
  std::string type, compression, level, tar, media_types, force;
};

Result<bool> bool_of(const std::string& text, std::string_view key, const std::string& value) {
  Result<bool> parsed = oci::parse_bool(value);
  if (parsed.ok()) return parsed;
  return error(ErrorCode::kInvalid, "--output {}: {} must be true or false, not \"{}\"", text, key,
               value);
}

Error cannot_be_given(const std::string& text, std::string_view key) {
  return error(ErrorCode::kUnsupported, "--output {}: {} cannot be given here", text, key);
}

Status set_attribute(const std::string& text, const std::string& key, const std::string& value,
                     BuildOutput& output, Attributes& attributes) {
  if (key == "type") {
    attributes.type = value;
  } else if (key == "dest") {
    output.destination = value;
  } else if (key == "name") {
    for (const std::string& name : csv_fields(value)) output.names.push_back(name);
  } else if (key == "push") {
    STRATA_TRY(output.push, bool_of(text, key, value));
  } else if (key == "rewrite-timestamp") {
    STRATA_TRY(output.rewrites_times, bool_of(text, key, value));
  } else if (key == "compression") {
    attributes.compression = value;
  } else if (key == "compression-level") {
    attributes.level = value;
  } else if (key == "force-compression") {
    attributes.force = value;
  } else if (key == "tar") {
    attributes.tar = value;
  } else if (key == "oci-mediatypes") {
    attributes.media_types = value;
  } else if (key.starts_with("annotation")) {
    return error(ErrorCode::kUnsupported,
                 "--output {}: {}: strata writes manifests without annotations", text, key);
  } else {
    return cannot_be_given(text, key);
  }
  return {};
}

Status set_compression(const std::string& text, const Attributes& given, BuildOutput& output) {
  const bool packs = output.type == BuildOutput::Type::kOci || output.push;
  if (!given.force.empty()) {  // all layers are packed anew anyway
    STRATA_TRY([[maybe_unused]] bool force, bool_of(text, "force-compression", given.force));
  }
  if (given.compression.empty() && given.level.empty()) return {};
  const char* key = given.compression.empty() ? "compression-level" : "compression";
  if (output.type == BuildOutput::Type::kImage && !packs) {
    return error(ErrorCode::kUnsupported,
                 "--output {}: {} is of layers that are pushed: push=true is missing; the store "
                 "keeps them unpacked",
                 text, key);
  }
  if (!packs) {
    return error(ErrorCode::kUnsupported,
                 "--output {}: {} can be given with type=oci and push=true", text, key);
  }
  std::string spec = given.compression.empty() ? "gzip" : given.compression;
  if (spec == "uncompressed") spec = "none";
  if (spec != "none" && spec != "gzip" && spec != "zstd") {
    return error(ErrorCode::kUnsupported,
                 "--output {}: compression {}, expected uncompressed, gzip or zstd", text, spec);
  }
  if (output.push && spec == "none") {
    return error(ErrorCode::kUnsupported,
                 "--output {}: compression uncompressed, expected gzip or zstd for a registry",
                 text);
  }
  if (!given.level.empty() && spec != "none") spec += ":" + given.level;
  Result<codec::CompressionSpec> parsed = codec::parse_compression_spec(spec);
  if (!parsed.ok()) {
    return error(ErrorCode::kInvalid, "--output {}: {}", text, parsed.error().message());
  }
  output.compression = *parsed;
  return {};
}

Status set_layout(const std::string& text, const Attributes& given, BuildOutput& output) {
  const bool is_oci = output.type == BuildOutput::Type::kOci;
  const bool is_archive = is_oci || output.type == BuildOutput::Type::kDocker;
  if (!given.tar.empty()) {
    if (!is_archive) return cannot_be_given(text, "tar");
    STRATA_TRY(bool tar, bool_of(text, "tar", given.tar));
    output.as_folder = !tar;
    if (output.as_folder && !is_oci) {
      return error(ErrorCode::kUnsupported, "--output {}: tar=false can be given with type=oci",
                   text);
    }
  }
  if (!given.media_types.empty()) {
    STRATA_TRY(bool wanted, bool_of(text, "oci-mediatypes", given.media_types));
    const bool is_zstd =
        output.compression && output.compression->kind == codec::Compression::kZstd;
    if (wanted != (is_oci || (output.push && is_zstd))) {
      return error(ErrorCode::kUnsupported,
                   "--output {}: oci-mediatypes={}: type=oci and zstd have OCI's media types, all "
                   "others docker's",
                   text, given.media_types);
    }
  }
  return {};
}

Status set_type(const std::string& text, const std::string& type, BuildOutput& output) {
  if (type.empty()) return error(ErrorCode::kInvalid, "--output {}: type is missing", text);
  for (const TypeName& known : kTypes) {
    if (known.name != type) continue;
    output.type = known.type;
    if (type == "registry") output.push = true;
    if (output.push && output.type != BuildOutput::Type::kImage)
      return cannot_be_given(text, "push");
    return {};
  }
  return error(ErrorCode::kInvalid,
               "--output {}: type {}, expected image, registry, docker, oci, tar or local", text,
               type);
}

Status set_destination(const std::string& text, BuildOutput& output) {
  const bool is_file = output.type == BuildOutput::Type::kDocker ||
                       output.type == BuildOutput::Type::kOci ||
                       output.type == BuildOutput::Type::kTar;
  const bool is_folder = output.type == BuildOutput::Type::kLocal || output.as_folder;
  if (output.destination.empty() && is_folder) {
    return error(ErrorCode::kInvalid, "--output {}: dest is missing", text);
  }
  if (output.destination.empty() && is_file) output.destination = "-";
  if (output.to_standard_output() && (output.as_folder || (is_file && output.packs_layers()))) {
    return error(ErrorCode::kUnsupported,
                 "--output {}: a pipe cannot be gone back in: dest must be a {}", text,
                 output.as_folder ? "folder" : "file");
  }
  return {};
}

Status save(Context& context, const store::Store& store, const BuildOutput& output,
            const BuiltImage& built) {
  archive::SaveOptions options;
  options.names = {built.image.to_string()};
  options.tags.emplace();
  for (const std::string& tag : built.tags) {
    STRATA_TRY(oci::Reference reference, oci::Reference::parse(tag));
    options.tags->push_back(std::move(reference));
  }
  options.format = output.type == BuildOutput::Type::kOci ? archive::ArchiveFormat::kOci
                                                          : archive::ArchiveFormat::kDocker;
  Result<archive::SaveReport> saved =
      output.to_standard_output()
          ? archive::save_to_stream(store, options, context.out().fd(), context.pool())
          : archive::save_to_file(store, options, output.destination, context.pool());
  return saved.ok() ? Status() : Status(std::move(saved).error());
}

class SilentCopy final : public registry::CopyWatcher {
  void blob_started(const Digest&, uint64_t) override {}
  void blob_advanced(const Digest&, uint64_t) override {}
  void blob_done(const Digest&, std::string_view) override {}
};

// An OCI layout whose layers are packed, or in a folder: with one entry for each tag.
Status copy_to_layout(Context& context, store::Store& store, const BuildOutput& output,
                      const BuiltImage& built) {
  const registry::ImagePlace from{.transport = registry::Transport::kRoot,
                                  .image = built.image.to_string(),
                                  .text = built.image.to_string()};
  registry::ImagePlace to{.transport = output.as_folder ? registry::Transport::kOciFolder
                                                        : registry::Transport::kOciArchive,
                          .path = output.destination,
                          .text = output.destination};
  registry::CopyOptions options;
  options.compression = output.compression.value_or(codec::CompressionSpec());
  options.format = registry::ManifestFormat::kOci;
  for (const std::string& name : built.tags) {
    STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
    to.entries.push_back(reference.with_default_tag());
  }
  SilentCopy watcher;
  Result<registry::CopyReport> copied =
      registry::copy(from, to, options, {.source_store = &store}, watcher, context.pool());
  return copied.ok() ? Status() : Status(std::move(copied).error());
}

Status push(Context& context, store::Store& store, const BuildOutput& output,
            const BuiltImage& built) {
  STRATA_TRY(registry::Client * client, built.open_client());
  registry::PushOptions options;
  options.compression = output.compression;
  options.image = built.image;
  for (const std::string& tag : built.tags) {
    STRATA_TRY(oci::Reference name, oci::Reference::parse(tag));
    PushDisplay display(context, built.words, built.quiet);
    display.say(fmt::format("The push refers to repository [{}]", name.full_name()));
    Status pushed = registry::push(store, *client, name, options, display, context.pool());
    display.close();
    STRATA_CHECK(std::move(pushed));
  }
  return {};
}

}  // namespace

Result<BuildOutput> parse_build_output(const std::string& text) {
  BuildOutput output;
  if (text.find('=') == text.npos) {
    output.type = text == "-" ? BuildOutput::Type::kTar : BuildOutput::Type::kLocal;
    output.destination = text;
    return output;
  }
  Attributes attributes;
  for (const std::string& field : csv_fields(text)) {
    const size_t equals = field.find('=');
    const std::string value = equals == field.npos ? "" : field.substr(equals + 1);
    STRATA_CHECK(set_attribute(text, field.substr(0, equals), value, output, attributes));
  }
  STRATA_CHECK(set_type(text, attributes.type, output));
  STRATA_CHECK(set_compression(text, attributes, output));
  STRATA_CHECK(set_layout(text, attributes, output));
  STRATA_CHECK(set_destination(text, output));
  return output;
}

Status check_build_output(const BuildOutput& output, const build::BuildRequest& request) {
  if (output.push && request.tags.empty()) {
    return error(ErrorCode::kInvalid, "tag is needed when pushing to registry");
  }
  if (output.rewrites_times && !request.time) {
    return error(ErrorCode::kInvalid,
                 "--output: rewrite-timestamp needs a time: --timestamp or SOURCE_DATE_EPOCH");
  }
  return {};
}

Status write_build_output(Context& context, store::Store& store, const BuildOutput& output,
                          const BuiltImage& built) {
  switch (output.type) {
    case BuildOutput::Type::kImage:
      return output.push ? push(context, store, output, built) : Status();
    case BuildOutput::Type::kOci:
      if (output.as_folder || output.packs_layers()) {
        return copy_to_layout(context, store, output, built);
      }
      [[fallthrough]];
    case BuildOutput::Type::kDocker:
      return save(context, store, output, built);
    case BuildOutput::Type::kTar:
      return build::export_tar(store, built.image, output.destination, context.out().fd(),
                               context.pool());
    case BuildOutput::Type::kLocal:
      return build::export_folder(store, built.image, output.destination, context.pool());
  }
  return {};
}

}  // namespace strata::cli
