// SPDX-License-Identifier: Apache-2.0
#include "cli/ssh_transfer.h"

#include "archive/forecast_receive.h"
#include "archive/receive_images.h"
#include "archive/send_images.h"
#include "cli/confine_to.h"
#include "cli/load_report.h"
#include "cli/units.h"
#include "oci/image_config.h"
#include "oci/reference.h"
#include "registry/local_image.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

using registry::PullPolicy;

std::vector<std::string> names_of(const std::vector<std::string>& arguments) {
  return {arguments.begin() + 1, arguments.end()};
}

Status check_arguments(const std::vector<std::string>& arguments) {
  if (arguments.size() >= 2) return {};
  return error(ErrorCode::kInvalid, "name the images: {} IMAGE [IMAGE...]", arguments[0]);
}

// docker's line for each layer that need not travel.
void print_known(Context& context, const std::vector<DiffId>& layers, std::string_view words,
                 bool quiet) {
  if (quiet || context.progress_mode() == ProgressMode::kJson) return;
  for (const DiffId& layer : layers) {
    context.err().print(fmt::format("{}: {}\n", layer.short_hex(), words));
  }
}

std::string layers_text(size_t count) {
  return fmt::format("{} layer{}", count, count == 1 ? "" : "s");
}

std::string bytes_text(uint64_t bytes) { return human_size(static_cast<double>(bytes), 4); }

// What had arrived stays; who has lost a connection should know that.
Error with_advice(Error error) {
  if (error.code() != ErrorCode::kIo && error.code() != ErrorCode::kCancelled) return error;
  return Error(error.code(), error.message() +
                                 ". Layers that had fully arrived are kept: the same command goes "
                                 "on where it stopped");
}

Result<archive::TransferRequest> request_of(const SshTransferOptions& options) {
  archive::TransferRequest request;
  request.parents = options.parents();
  request.digests = options.digests();
  STRATA_TRY(request.compression, options.compression());
  return request;
}

// The other side may have gone already, and said why.
Status send_request(archive::Wire& wire, const archive::TransferRequest& request) {
  Status sent = wire.write(archive::FrameType::kRequest, archive::request_text(request));
  if (sent.ok()) return sent;
  return wire.told_before_end(std::move(sent).error());
}

// The names that a pull was given, by what its policy makes of them.
struct SortedNames {
  std::vector<std::string> here;   // not asked for
  std::vector<std::string> asked;  // on the other host
  bool here_will_do = false;       // if that cannot be asked
};

// Whether the image could be used. A name alone stands for all its tags on the other host: of that
// nothing can be said here.
Result<bool> is_here(const store::Store& store, const std::string& name,
                     const std::optional<oci::Platform>& platform) {
  Result<store::Resolved> found = store::resolve(store, name);
  if (!found.ok() && found.error().code() == ErrorCode::kNotFound) return false;
  if (!found.ok()) return std::move(found).error();
  if (!found->key.empty()) {
    STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
    if (reference.is_name_only()) return false;
  }
  STRATA_TRY(std::optional<oci::ImageConfig> config, registry::read_if_whole(store, found->image));
  return config && (!platform || oci::match_rank(*platform, config->platform().normalized()));
}

Error not_here(const std::string& name) {
  Result<oci::Reference> reference = oci::Reference::parse(name);
  if (reference.ok() && reference->is_name_only()) {
    return error(ErrorCode::kNotFound,
                 "No such image: {}. Without a tag a name stands for all its tags on the other "
                 "host, which --policy never does not ask",
                 name);
  }
  return error(ErrorCode::kNotFound, "No such image: {}", name);
}

Result<SortedNames> sort_names(Context& context, const std::vector<std::string>& names,
                               const SshPullTerms& terms) {
  SortedNames sorted;
  if (terms.policy == PullPolicy::kAlways) {
    sorted.asked = names;
    return sorted;
  }
  Result<store::Store> store = context.open_for_reading();  // a pull may make a new root
  if (!store.ok() && store.error().code() != ErrorCode::kNotFound) return std::move(store).error();
  for (const std::string& name : names) {
    bool here = false;
    if (store.ok()) {
      STRATA_TRY(here, is_here(*store, name, terms.platform));
    }
    if (!here && terms.policy == PullPolicy::kNever) return not_here(name);
    (here ? sorted.here : sorted.asked).push_back(name);
  }
  if (terms.policy == PullPolicy::kNewer) {
    sorted.here_will_do = sorted.asked.empty();
    sorted.asked = names;
    sorted.here.clear();
  }
  return sorted;
}

// As it stands where a registry is asked for it.
std::string full_name(const std::string& name) {
  Result<oci::Reference> reference = oci::Reference::parse(name);
  return reference.ok() ? reference->with_default_tag().full_string() : name;
}

// Quiet: the names alone.
void print_images(Context& context, const archive::LoadReport& report, std::string_view done,
                  bool quiet) {
  if (!quiet) return print_load_report(context, report, done);
  for (const std::string& warning : report.warnings) context.warn(warning);
  for (const archive::LoadedImage& image : report.images) {
    for (const std::string& tag : image.tags) context.out().print(full_name(tag) + "\n");
    if (image.tags.empty()) context.out().print(image.id.to_string() + "\n");
  }
}

void print_here(Context& context, const std::vector<std::string>& names, bool quiet) {
  for (const std::string& name : names) {
    if (quiet) context.out().print(full_name(name) + "\n");
    if (quiet) continue;
    context.out().print(fmt::format("Image is up to date for {}\n", name));
  }
}

// None: nothing has to be asked, or it cannot be and what is here will do. Says what is here.
Result<std::optional<SshConnection>> connect(Context& context, const std::string& address,
                                             const SshTransferOptions& options,
                                             const SortedNames& names, bool quiet) {
  STRATA_TRY(SshUrl url, parse_ssh_url(address));
  print_here(context, names.here, quiet);
  if (names.asked.empty()) return std::optional<SshConnection>();
  STRATA_CHECK(context.out().flush());
  Result<SshConnection> there = SshConnection::open(url, options.connection(), context.pool());
  if (there.ok()) return std::optional<SshConnection>(std::move(*there));
  if (!names.here_will_do || there.error().code() == ErrorCode::kCancelled) {
    return std::move(there).error();
  }
  context.warn(there.error().message());
  print_here(context, names.asked, quiet);
  return std::optional<SshConnection>();
}

void print_forecast(Context& context, const archive::ReceiveForecast& forecast) {
  for (const archive::LoadedImage& image : forecast.images) {
    for (const std::string& tag : image.tags) context.out().print(tag + "\n");
    if (image.tags.empty()) context.out().print(image.id.to_string() + "\n");
  }
  std::string kept, unknown;
  if (forecast.layers_kept > 0) {
    kept = fmt::format(", {} of them arrived before an interruption", forecast.layers_kept);
  }
  if (forecast.unknown_sizes > 0) {
    unknown = fmt::format(", and {} of which the other side does not say the size",
                          layers_text(forecast.unknown_sizes));
  }
  context.out().print(fmt::format(
      "  Build steps: {}\n  Layers:      {}, {} of them here{}\n"
      "  To fetch:    {} before compression{}\n  Disk needed: at most about {}{}\n",
      forecast.steps, forecast.layers, forecast.layers_here, kept, bytes_text(forecast.fetch_bytes),
      unknown, bytes_text(forecast.most_disk_bytes()), unknown));
}

}  // namespace

void SshTransferOptions::declare(Options& options) {
  options.flag(kNoShort, "bootstrap",
               "ssh:// only: copy this program to the other host for the occasion",
               connection_.bootstrap);
  options.flag(kNoShort, "digests",
               "ssh:// only: with RepoDigests, which the receiving side cannot verify", digests_);
  options.flag(kNoShort, "no-parents", "ssh:// only: without the images of the build steps below",
               no_parents_);
  options.text(kNoShort, "remote-program", "string", "ssh:// only: strata on the other host",
               connection_.program);
  options.text(kNoShort, "wire-compression", "string",
               "ssh:// only: zstd, with \":LEVEL\" if wanted, or none", compression_);
}

Result<codec::CompressionSpec> SshTransferOptions::compression() const {
  STRATA_TRY(codec::CompressionSpec spec, codec::parse_compression_spec(compression_));
  if (spec.kind != codec::Compression::kZstd && spec.kind != codec::Compression::kNone) {
    return error(ErrorCode::kInvalid, "--wire-compression must be zstd or none");
  }
  return spec;
}

Result<int> push_over_ssh(Context& context, const std::vector<std::string>& arguments,
                          const SshTransferOptions& options, bool quiet) {
  STRATA_CHECK(check_arguments(arguments));
  STRATA_TRY(SshUrl url, parse_ssh_url(arguments[0]));
  STRATA_TRY(archive::TransferRequest request, request_of(options));
  STRATA_TRY(store::Store store, context.open_for_reading());
  STRATA_TRY(SshConnection there, SshConnection::open(url, options.connection(), context.pool()));
  STRATA_CHECK(send_request(there.wire(), request));

  ProgressDisplay progress(quiet ? ProgressMode::kNone : context.progress_mode(), "Sending layer",
                           ProgressDisplay::to_descriptor(context.err().fd()));
  archive::SendOptions send{.names = names_of(arguments),
                            .compression = request.compression,
                            .parents = request.parents,
                            .digests = request.digests,
                            .progress = &progress};
  Result<archive::SendReport> report =
      archive::send_images(store, there.wire(), send, context.pool());
  progress.close();
  if (!report.ok()) return with_advice(std::move(report).error());
  there.close();
  print_known(context, report->already_there, "Layer already exists", quiet);
  if (!quiet) {
    context.err().print(fmt::format("Sent {}: {}, {} on the wire\n",
                                    layers_text(report->layers_sent), bytes_text(report->tar_bytes),
                                    bytes_text(report->wire_bytes)));
  }
  print_images(context, report->received, "Pushed", quiet);
  return 0;
}

Result<int> pull_over_ssh(Context& context, const std::vector<std::string>& arguments,
                          const SshTransferOptions& options, const SshPullTerms& terms,
                          bool quiet) {
  STRATA_CHECK(check_arguments(arguments));
  STRATA_TRY(archive::TransferRequest request, request_of(options));
  request.send = true;
  STRATA_TRY(SortedNames names, sort_names(context, names_of(arguments), terms));
  request.names = names.asked;
  // First: a host that cannot be reached leaves no new root behind.
  STRATA_TRY(std::optional<SshConnection> connection,
             connect(context, arguments[0], options, names, quiet));
  if (!connection) return 0;
  SshConnection& there = *connection;
  STRATA_TRY(store::Store store, context.open_for_writing(Context::IfMissing::kCreate));
  confine_to(context, store, Network::kNone);  // ssh runs already
  STRATA_CHECK(send_request(there.wire(), request));

  ProgressDisplay progress(quiet ? ProgressMode::kNone : context.progress_mode(), "Receiving layer",
                           ProgressDisplay::to_descriptor(context.err().fd()));
  archive::ReceiveOptions receive{request.names, &progress, request.digests, terms.platform};
  Result<archive::ReceiveReport> report =
      archive::receive_images(store, there.wire(), receive, context.pool());
  progress.close();
  if (!report.ok()) return with_advice(std::move(report).error());
  there.close();
  print_known(context, report->already_here, "Already exists", quiet);
  if (!quiet) {
    context.err().print(fmt::format("Received {}: {} on the wire\n",
                                    layers_text(report->layers_received),
                                    bytes_text(report->wire_bytes)));
  }
  print_images(context, report->loaded, "Pulled", quiet);
  return 0;
}

Result<int> forecast_over_ssh(Context& context, const std::vector<std::string>& arguments,
                              const SshTransferOptions& options, const SshPullTerms& terms) {
  STRATA_CHECK(check_arguments(arguments));
  STRATA_TRY(archive::TransferRequest request, request_of(options));
  request.send = true;
  STRATA_TRY(SortedNames names, sort_names(context, names_of(arguments), terms));
  request.names = names.asked;
  request.sizes = true;
  STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
  STRATA_TRY(std::optional<SshConnection> connection,
             connect(context, arguments[0], options, names, false));
  if (!connection) return 0;
  SshConnection& there = *connection;
  STRATA_CHECK(send_request(there.wire(), request));
  Result<archive::ReceiveForecast> forecast = archive::forecast_receive(
      store ? &*store : nullptr, there.wire(), request.names, terms.platform);
  if (!forecast.ok() && there.wire().write_failed()) {
    return there.wire().told_before_end(std::move(forecast).error());
  }
  if (!forecast.ok()) return std::move(forecast).error();
  there.close();
  print_forecast(context, *forecast);
  return 0;
}

Status check_all_tags(const std::vector<std::string>& arguments) {
  for (const std::string& name : names_of(arguments)) {
    STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
    if (reference.is_name_only()) continue;
    return error(ErrorCode::kInvalid, "tag can't be used with --all-tags/-a");
  }
  return {};
}

}  // namespace strata::cli
