// SPDX-License-Identifier: Apache-2.0
// push: an image, or all tags of a repository, to a registry; images to another host.
#include "registry/push.h"

#include <malloc.h>

#include "cli/push_display.h"
#include "cli/registry_options.h"
#include "cli/routes.h"
#include "cli/ssh_transfer.h"

namespace strata::cli {
namespace {

constexpr int kReturnedBytes = 512 << 10;

class Push final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "all-tags", "Push all tags of an image to the repository", all_tags_);
    options.text(kNoShort, "compression", "string",
                 "gzip or zstd, with \":LEVEL\" if wanted, of layers that are uploaded",
                 compression_);
    options.flag('q', "quiet", "Suppress verbose output", quiet_);
    registry_.declare(options);
    registry_.declare_content_trust(options);
    ssh_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (is_ssh_url(arguments[0])) {
      if (!compression_.empty()) {
        return context.fail(
            "--compression is for registries; --wire-compression says how images travel to an "
            "ssh:// address");
      }
      if (all_tags_) STRATA_CHECK(check_all_tags(arguments));
      return push_over_ssh(context, arguments, ssh_, quiet_ || context.global().quiet);
    }
    if (arguments.size() > 1) return context.fail("\"strata push\" requires exactly 1 argument.");
    STRATA_TRY(oci::Reference name, oci::Reference::parse(arguments[0]));
    STRATA_TRY(registry::PushOptions options, push_options(name));
    bound_memory();
    const bool quiet = quiet_ || context.global().quiet;
    PushDisplay display(context, context.out(), quiet);
    if (!all_tags_ && name.is_name_only()) display.say("Using default tag: latest");
    if (!all_tags_ && !name.digest()) name = name.with_default_tag();
    STRATA_TRY(store::Store store, open(context));
    STRATA_TRY(std::unique_ptr<registry::Client> client, registry_.open_client(context, quiet));
    display.say(fmt::format("The push refers to repository [{}]", name.full_name()));
    Status status = registry::push(store, *client, name, options, display, context.pool());
    display.close();
    STRATA_CHECK(std::move(status));
    if (quiet) context.out().print(name.full_string() + "\n");
    return 0;
  }

 private:
  Result<registry::PushOptions> push_options(const oci::Reference& name) const {
    registry::PushOptions options;
    options.all_tags = all_tags_;
    if (!compression_.empty()) {
      Result<codec::CompressionSpec> spec = codec::parse_compression_spec(compression_);
      if (!spec.ok() || spec->kind == codec::Compression::kNone) {
        return error(
            ErrorCode::kInvalid,
            "invalid compression \"{}\": expected gzip, gzip:1 to gzip:{}, zstd, or zstd:1 "
            "to zstd:{}",
            compression_, codec::kMaxGzipLevel, codec::kMaxZstdLevel);
      }
      options.compression = *spec;
    }
    if (all_tags_ && !name.is_name_only()) {
      return error(ErrorCode::kInvalid, "tag can't be used with --all-tags/-a");
    }
    return options;
  }

  // The blocks of a layer's compressor go back to the system when it ends, and all threads share
  // one heap: else glibc keeps freed blocks for each thread (a peak of 76 MiB instead of 55).
  static void bound_memory() {
    ::mallopt(M_MMAP_THRESHOLD, kReturnedBytes);
    ::mallopt(M_ARENA_MAX, 1);
  }

  // Beside a dockerd that runs on the root the image can be read; only what it became there cannot
  // be recorded.
  static Result<store::Store> open(Context& context) {
    Result<store::Store> store = context.open_for_writing();
    if (store.ok()) return store;
    if (store.error().code() != ErrorCode::kBusy &&
        store.error().code() != ErrorCode::kPermission) {
      return store;
    }
    context.warn("the digest will not be recorded: " + store.error().message());
    return context.open_for_reading();
  }

  bool all_tags_ = false;
  std::string compression_;
  bool quiet_ = false;
  RegistryOptions registry_;
  SshTransferOptions ssh_;
};

}  // namespace

std::unique_ptr<Command> make_push() { return std::make_unique<Push>(); }

}  // namespace strata::cli
