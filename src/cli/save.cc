// SPDX-License-Identifier: Apache-2.0
// save: images into an archive.
#include "archive/save.h"

#include "cli/routes.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

class Save final : public Command {
 public:
  void declare(Options& options) override {
    options.text(kNoShort, "compress", "string",
                 "gzip or zstd, with \":LEVEL\" if wanted; the file's suffix decides if not given",
                 compress_);
    options.text(kNoShort, "format", "string", "docker, docker-legacy or oci", format_);
    options.text('o', "output", "string", "Write to a file, instead of STDOUT", output_);
    options.text(kNoShort, "platform", "string", "Refuse images of another platform", platform_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (output_.empty() && context.out().is_terminal()) {
      return context.fail("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    archive::SaveOptions options;
    options.names = arguments;
    STRATA_TRY(options.format, archive::parse_archive_format(format_));
    options.compression = codec::spec_for_suffix(output_);
    if (!compress_.empty()) {
      STRATA_TRY(options.compression, codec::parse_compression_spec(compress_));
    }
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_CHECK(check_platform(store, arguments));
    if (output_.empty()) {
      STRATA_CHECK(archive::save_to_stream(store, options, context.out().fd(), context.pool()));
    } else {
      STRATA_CHECK(archive::save_to_file(store, options, output_, context.pool()));
    }
    return 0;
  }

 private:
  // An image in the store has one platform: it is the one that is wanted, or there is nothing to
  // save.
  Status check_platform(const store::Store& store, const std::vector<std::string>& names) const {
    if (platform_.empty()) return {};
    STRATA_TRY(oci::Platform wanted, oci::Platform::parse(platform_));
    for (const std::string& name : names) {
      STRATA_TRY(store::Resolved found, store::resolve(store, name));
      STRATA_TRY(std::string raw, store.images().read_config(found.image));
      STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
      oci::Platform has{config.os_or_default(), config.architecture(), config.variant()};
      if (!oci::is_same_platform(wanted, has)) {
        return error(ErrorCode::kNotFound, "{}: the image is for {}, not for {}", name,
                     has.to_string(), wanted.to_string());
      }
    }
    return {};
  }

  std::string compress_;
  std::string format_ = "docker";
  std::string output_;
  std::string platform_;
};

}  // namespace

std::unique_ptr<Command> make_save() { return std::make_unique<Save>(); }

}  // namespace strata::cli
