// SPDX-License-Identifier: Apache-2.0
#include "cli/build_output.h"

#include "archive/save.h"
#include "build/export_tree.h"
#include "cli/key_values.h"
#include "oci/reference.h"

namespace strata::cli {
namespace {

struct TypeName {
  std::string_view name;
  BuildOutput::Type type;
};
constexpr TypeName kTypes[] = {{"image", BuildOutput::Type::kImage},
                               {"docker", BuildOutput::Type::kDocker},
                               {"oci", BuildOutput::Type::kOci},
                               {"tar", BuildOutput::Type::kTar},
                               {"local", BuildOutput::Type::kLocal}};

Status save(Context& context, const store::Store& store, const BuildOutput& output,
            const ImageId& image, const std::vector<std::string>& tags) {
  archive::SaveOptions options;
  options.names = {image.to_string()};
  options.tags.emplace();
  for (const std::string& tag : tags) {
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

}  // namespace

Result<BuildOutput> parse_build_output(const std::string& text) {
  BuildOutput output;
  if (text.find('=') == text.npos) {
    output.type = text == "-" ? BuildOutput::Type::kTar : BuildOutput::Type::kLocal;
    output.destination = text;
    return output;
  }
  bool known = false;
  for (const auto& [key, value] : key_values(text)) {
    if (key == "type") {
      for (const TypeName& type : kTypes) {
        if (type.name != value) continue;
        output.type = type.type;
        known = true;
      }
      if (!known) {
        return error(ErrorCode::kInvalid,
                     "--output {}: type {}, expected image, docker, oci, tar or local", text,
                     value);
      }
    } else if (key == "dest") {
      output.destination = value;
    } else if (key == "name") {
      output.names.push_back(value);
    } else {
      return error(ErrorCode::kUnsupported, "--output {}: {} cannot be given here", text, key);
    }
  }
  if (!known) return error(ErrorCode::kInvalid, "--output {}: type is missing", text);
  const bool is_file = output.type == BuildOutput::Type::kDocker ||
                       output.type == BuildOutput::Type::kOci ||
                       output.type == BuildOutput::Type::kTar;
  if (output.destination.empty() && is_file) output.destination = "-";
  if (output.destination.empty() && output.type == BuildOutput::Type::kLocal) {
    return error(ErrorCode::kInvalid, "--output {}: dest is missing", text);
  }
  return output;
}

Status write_build_output(Context& context, store::Store& store, const BuildOutput& output,
                          const ImageId& image, const std::vector<std::string>& tags) {
  switch (output.type) {
    case BuildOutput::Type::kImage:
      return {};
    case BuildOutput::Type::kDocker:
    case BuildOutput::Type::kOci:
      return save(context, store, output, image, tags);
    case BuildOutput::Type::kTar:
      return build::export_tar(store, image, output.destination, context.out().fd(),
                               context.pool());
    case BuildOutput::Type::kLocal:
      return build::export_folder(store, image, output.destination, context.pool());
  }
  return {};
}

}  // namespace strata::cli
