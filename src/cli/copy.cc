// SPDX-License-Identifier: Apache-2.0
// copy: an image between registries, roots, archives and OCI folders.
#include "registry/copy.h"

#include <set>

#include "base/fs_at.h"
#include "cli/registry_options.h"
#include "cli/routes.h"

namespace strata::cli {
namespace {

using registry::ImagePlace;
using registry::Transport;

// The options of a registry, for one end; what is not given is as for both.
class EndOptions {
 public:
  EndOptions(std::string_view tls, std::string_view certs, std::string_view auth)
      : tls_name_(tls), certs_name_(certs), auth_name_(auth) {}

  void declare(Options& options) {
    options.text(kNoShort, auth_name_, "string", "The same at that end only", auth_file_);
    options.text(kNoShort, certs_name_, "string", "The same at that end only", cert_dir_);
    options.flag(kNoShort, tls_name_, "The same at that end only", tls_verify_);
  }

  registry::ClientOptions apply(registry::ClientOptions options) const {
    options.tls_verify = options.tls_verify && tls_verify_;
    if (!cert_dir_.empty()) options.cert_dir = cert_dir_;
    if (!auth_file_.empty()) options.auth_file = auth_file_;
    return options;
  }

 private:
  const std::string_view tls_name_;
  const std::string_view certs_name_;
  const std::string_view auth_name_;
  bool tls_verify_ = true;
  std::string cert_dir_;
  std::string auth_file_;
};

// Bars for what is under way; lines for what is done without one.
class CopyDisplay final : public registry::CopyWatcher {
 public:
  explicit CopyDisplay(Context& context, bool quiet)
      : mode_(quiet ? ProgressMode::kNone : context.progress_mode()),
        context_(context),
        bars_(mode_, "Copying", ProgressDisplay::to_descriptor(context.err().fd())) {}

  void blob_started(const Digest& blob, uint64_t total_bytes) override {
    if (started_.lock()->insert(blob).second) bars_.layer_started(DiffId(blob), total_bytes);
  }
  void blob_advanced(const Digest& blob, uint64_t bytes_done) override {
    if (started_.lock()->insert(blob).second) bars_.layer_started(DiffId(blob), 0);
    bars_.layer_advanced(DiffId(blob), bytes_done);
  }
  void blob_done(const Digest& blob, std::string_view status) override {
    auto started = started_.lock();
    if (started->contains(blob)) {
      bars_.layer_finished(DiffId(blob));
    } else if (mode_ == ProgressMode::kPlain || mode_ == ProgressMode::kJson) {
      context_.err().print(status_line(mode_, status, blob.short_hex()));
    } else if (mode_ == ProgressMode::kTerminal && status.starts_with("Skipped")) {
      skipped_.lock()->append(status_line(mode_, status, blob.short_hex()));
    }
  }
  void close() {
    bars_.close();
    context_.err().print(std::exchange(*skipped_.lock(), ""));
  }

 private:
  const ProgressMode mode_;
  Context& context_;
  ProgressDisplay bars_;
  Guarded<std::set<Digest>> started_;
  Guarded<std::string> skipped_;  // lines that wait for the bars to end
};

class Copy final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "all", "Copy an index with all its platforms", all_);
    options.text(kNoShort, "compression", "string",
                 "gzip, zstd or none, with \":LEVEL\" if wanted, of layers that are packed",
                 compression_);
    options.text('f', "format", "string",
                 "docker or oci: manifests of this kind, with another digest if need be", format_);
    options.text(kNoShort, "platform", "string", "Copy this platform of an index", platform_);
    options.flag('q', "quiet", "Print the digest or the image ID only", quiet_);
    registry_.declare(options);
    source_.declare(options);
    target_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(ImagePlace from, ImagePlace::parse(arguments[0]));
    STRATA_TRY(ImagePlace to, ImagePlace::parse(arguments[1]));
    registry::CopyOptions options;
    options.all = all_;
    if (!platform_.empty()) {
      STRATA_TRY(options.platform, oci::Platform::parse(platform_));
    }
    if (!compression_.empty()) {
      STRATA_TRY(options.compression, codec::parse_compression_spec(compression_));
    }
    if (!format_.empty()) {
      STRATA_TRY(options.format, registry::parse_manifest_format(format_));
    }
    STRATA_CHECK(registry::check_copy(from, to, options));
    STRATA_CHECK(check_root_target(from, to));
    STRATA_TRY(Ends ends, open_ends(context, from, to));
    const bool quiet = quiet_ || context.global().quiet;
    CopyDisplay display(context, quiet);
    Result<registry::CopyReport> report =
        registry::copy(from, to, options, ends.borrowed(), display, context.pool());
    display.close();
    if (!report.ok()) return std::move(report).error();
    for (const std::string& warning : report->warnings) context.warn(warning);
    print(context, *report, to, quiet);
    return 0;
  }

 private:
  // What else can be known to be wrong before a new root is made.
  static Status check_root_target(const ImagePlace& from, const ImagePlace& to) {
    if (to.transport != Transport::kRoot) return {};
    STRATA_TRY([[maybe_unused]] oci::Reference name,
               oci::Reference::parse(to.image).context("{}", to.text));
    if (from.path.empty() || from.transport == Transport::kRoot) return {};
    STRATA_TRY([[maybe_unused]] struct stat info, lstat_at(Fd(), from.path));
    return {};
  }

  struct Ends {
    std::unique_ptr<registry::Client> source_client;
    std::unique_ptr<registry::Client> target_client;
    std::optional<store::Store> source_store;
    std::optional<store::Store> target_store;

    registry::CopyEnds borrowed() {
      return {source_client.get(), target_client.get(), source_store ? &*source_store : nullptr,
              target_store ? &*target_store : nullptr};
    }
  };

  Result<Ends> open_ends(Context& context, const ImagePlace& from, const ImagePlace& to) const {
    Ends ends;
    registry::ClientOptions options = registry_.client_options();
    RegistryOptions::tell_of_waits(context, quiet_, options);
    if (from.transport == Transport::kRegistry) {
      STRATA_TRY(ends.source_client,
                 registry::Client::open(source_.apply(options), context.pool()));
    }
    if (to.transport == Transport::kRegistry) {
      STRATA_TRY(ends.target_client,
                 registry::Client::open(target_.apply(options), context.pool()));
    }
    if (from.transport == Transport::kRoot) {
      STRATA_TRY(ends.source_store, open_store(context, from, store::Access::kRead));
    }
    if (to.transport == Transport::kRoot) {
      STRATA_TRY(ends.target_store, open_store(context, to, store::Access::kWrite));
    }
    return ends;
  }

  static Result<store::Store> open_store(Context& context, const ImagePlace& place,
                                         store::Access access) {
    const std::string root = place.path.empty() ? context.root() : place.path;
    if (access == store::Access::kWrite) STRATA_CHECK(context.note_new_root(root));
    return store::Store::open({.root = root,
                               .driver = context.global().driver,
                               .access = access,
                               .create = access == store::Access::kWrite,
                               .wait_for_disk = context.global().sync});
  }

  static void print(Context& context, const registry::CopyReport& report, const ImagePlace& to,
                    bool quiet) {
    const bool has_manifest = report.digest && report.manifest_bytes > 0;
    std::string id = has_manifest ? report.digest->to_string() : report.image->to_string();
    if (quiet) {
      context.out().print(id + "\n");
    } else if (has_manifest) {
      context.out().print(
          fmt::format("{}: digest: {} size: {}\n", to.text, id, report.manifest_bytes));
    } else {
      context.out().print(fmt::format("{}: image: {}\n", to.text, id));
    }
  }

  bool all_ = false;
  bool quiet_ = false;
  std::string compression_;
  std::string format_;
  std::string platform_;
  RegistryOptions registry_;
  EndOptions source_{"src-tls-verify", "src-cert-dir", "src-authfile"};
  EndOptions target_{"dest-tls-verify", "dest-cert-dir", "dest-authfile"};
};

}  // namespace

std::unique_ptr<Command> make_copy() { return std::make_unique<Copy>(); }

}  // namespace strata::cli
