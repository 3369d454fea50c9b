// SPDX-License-Identifier: Apache-2.0
// save: images into an archive.
#include "archive/save.h"

#include <unistd.h>

#include <algorithm>

#include "base/interrupt.h"
#include "cli/routes.h"
#include "cli/units.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr std::string_view kStandardInput = "-";

class Save final : public Command {
 public:
  void declare(Options& options) override {
    options.text(kNoShort, "compress", "string",
                 "gzip or zstd, with \":LEVEL\" if wanted; the file's suffix decides if not given",
                 compress_);
    options.list(kNoShort, "exclude", "image|file",
                 "Leave out the layers of an image, or of an archive, that the receiver has",
                 exclude_);
    options.text(kNoShort, "format", "string", "docker, docker-legacy or oci", format_);
    options.list(kNoShort, "have", "file",
                 "Leave out the layers in a list of \"strata layers --export\" (-: STDIN)", have_);
    options.text('o', "output", "string", "Write to a file, instead of STDOUT", output_);
    options.text(kNoShort, "platform", "string", "Refuse images of another platform", platform_);
    options.list(kNoShort, "since", "image",
                 "Leave out the layers of an image that the receiver has", since_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (output_.empty() && context.out().is_terminal()) {
      return context.fail("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    archive::SaveOptions options;
    options.names = arguments;
    options.wait_for_disk = context.global().sync;
    STRATA_TRY(options.format, archive::parse_archive_format(format_));
    options.compression = codec::spec_for_suffix(output_);
    if (!compress_.empty()) {
      STRATA_TRY(options.compression, codec::parse_compression_spec(compress_));
    }
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_CHECK(check_platform(store, arguments));
    STRATA_TRY(options.receiver, receiver_layers(store, context.pool()));
    Result<archive::SaveReport> saved =
        output_.empty()
            ? archive::save_to_stream(store, options, context.out().fd(), context.pool())
            : archive::save_to_file(store, options, output_, context.pool());
    if (!saved.ok()) return std::move(saved).error();
    report(context, options, *saved);
    return 0;
  }

 private:
  Result<archive::ReceiverLayers> receiver_layers(const store::Store& store, Pool& pool) const {
    archive::ReceiverLayers receiver;
    for (const std::string& name : since_) STRATA_CHECK(receiver.add_image(store, name));
    for (const std::string& text : exclude_) {
      STRATA_CHECK(receiver.add_image_or_archive(store, text, pool));
    }
    if (std::count(have_.begin(), have_.end(), kStandardInput) > 1) {
      return error(ErrorCode::kInvalid, "--have - can be given once: standard input has one end");
    }
    for (const std::string& name : have_) {
      if (name == kStandardInput) {
        WaitingSource in(STDIN_FILENO);
        STRATA_CHECK(receiver.add_list(in, "standard input"));
        continue;
      }
      STRATA_TRY(Fd file, open_path(name, O_RDONLY));
      WaitingSource in(file.get());
      STRATA_CHECK(receiver.add_list(in, name));
    }
    return receiver;
  }

  // On standard error: the archive may be on standard output.
  static void report(Context& context, const archive::SaveOptions& options,
                     const archive::SaveReport& saved) {
    for (const std::string& name : saved.unrelated) {
      context.warn(fmt::format("{} has no layer in common with {}: nothing is left out for it",
                               name, fmt::join(options.names, ", ")));
    }
    if (saved.layers_left_out == 0 || context.global().quiet) return;
    context.err().print(fmt::format("Left out {} layer{} ({}) that the receiver has\n",
                                    saved.layers_left_out, saved.layers_left_out == 1 ? "" : "s",
                                    human_size(static_cast<double>(saved.bytes_left_out), 4)));
  }

  // An image in the store has one platform: it is the one that is wanted, or there is nothing to
  // save.
  Status check_platform(const store::Store& store, const std::vector<std::string>& names) const {
    if (platform_.empty()) return {};
    STRATA_TRY(oci::Platform wanted, oci::Platform::parse(platform_));
    for (const std::string& name : names) {
      STRATA_TRY(store::Resolved found, store::resolve(store, name));
      STRATA_TRY(std::string raw, store.images().read_config(found.image));
      STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
      const oci::Platform has = config.platform();
      if (!oci::is_same_platform(wanted, has)) {
        return error(ErrorCode::kNotFound, "{}: the image is for {}, not for {}", name,
                     has.to_string(), wanted.to_string());
      }
    }
    return {};
  }

  std::string compress_;
  std::vector<std::string> exclude_;
  std::string format_ = "docker";
  std::vector<std::string> have_;
  std::string output_;
  std::string platform_;
  std::vector<std::string> since_;
};

}  // namespace

std::unique_ptr<Command> make_save() { return std::make_unique<Save>(); }

}  // namespace strata::cli
