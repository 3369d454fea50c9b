// SPDX-License-Identifier: Apache-2.0
#include "cli/load_report.h"

#include <fmt/format.h>

namespace strata::cli {

void print_load_report(Context& context, const archive::LoadReport& report, std::string_view done) {
  for (const std::string& warning : report.warnings) context.warn(warning);
  for (const archive::LoadedImage& image : report.images) {
    for (const std::string& tag : image.tags) {
      for (const store::MovedReference& moved : report.moved) {
        if (moved.key != tag || moved.to != image.id) continue;
        context.out().print(fmt::format(
            "The image {} already exists, renaming the old one with ID {} to empty string\n", tag,
            moved.from));
      }
      context.out().print(fmt::format("{} image: {}\n", done, tag));
    }
    if (image.tags.empty()) context.out().print(fmt::format("{} image ID: {}\n", done, image.id));
  }
}

}  // namespace strata::cli
